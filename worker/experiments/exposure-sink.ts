import type { Exposure } from "../../format/exposure.ts";
import type { KeepAlive } from "../http/keep-alive.ts";
import type { MetricFamily } from "../metrics/exposition.ts";

/** Where lines of the exposure log go: the log of worker/exposures/, or one of an application's own. */
export interface ExposureSink {
  /** Takes a line, when its list's bytes go out. Never throws, and waits for nothing. `env`: the bindings. */
  write(line: Exposure, env: object, keepAlive: KeepAlive): void;
  /** What is counted of them, for /metrics. */
  families?(): MetricFamily[];
}
