import type { Exposure } from "../../format/exposure.ts";
import type { KeepAlive } from "../http/keep-alive.ts";

/** Where lines of the exposure log go. */
export interface ExposureSink {
  /** Takes a line, when its list's bytes go out. Never throws, and waits for nothing. `env`: the bindings. */
  write(line: Exposure, env: object, keepAlive: KeepAlive): void;
}
