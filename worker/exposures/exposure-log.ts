import type { Exposure } from "../../format/exposure.ts";
import type { KeepAlive } from "../http/keep-alive.ts";
import { logError } from "../http/log.ts";
import type { MemoryBudget } from "../memory/memory-budget.ts";
import type { MetricFamily } from "../metrics/exposition.ts";
import { CountPoints } from "./count-points.ts";
import { MAX_EXPOSURES_WAITING } from "./limits.ts";
import { LineLog } from "./line-log.ts";
import type { LogSettingsReader } from "./log-settings.ts";
import { exposureBytes } from "./shown-only.ts";

/** The log of the lists that this isolate has shown. */
export class ExposureLog {
  readonly #settings: LogSettingsReader;
  readonly #log: LineLog;

  constructor(settings: LogSettingsReader, memory: MemoryBudget, now: () => number) {
    this.#settings = settings;
    const points = new CountPoints("exposures", (env) => settings.read(env).countDataset);
    this.#log = new LineLog({
      kind: "exposures",
      limits: MAX_EXPOSURES_WAITING,
      memory,
      now,
      onProgress: (counters, env) => points.write(counters, env),
    });
  }

  /** Logs a list that is on its way to the visitor. Neither throws nor waits: no visitor's list depends on the log. */
  write(line: Exposure, env: object, keepAlive: KeepAlive): void {
    const labels = { experiment: line.x, phase: line.phase, arm: line.arm };
    try {
      const bytes = exposureBytes(line);
      if (bytes) this.#log.write(bytes, labels, this.#settings.read(env).exposureSink, env, keepAlive);
      else this.#log.drop(labels, "too-long");
    } catch (error) {
      this.#log.drop(labels, "defect");
      logError("exposure_defect", error);
    }
  }

  families(): MetricFamily[] {
    return this.#log.families();
  }
}
