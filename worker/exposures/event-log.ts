import { type ListEvent, writeEvent } from "../../format/event.ts";
import type { KeepAlive } from "../http/keep-alive.ts";
import type { MemoryBudget } from "../memory/memory-budget.ts";
import type { MetricFamily } from "../metrics/exposition.ts";
import { CountPoints } from "./count-points.ts";
import { MAX_EVENTS_WAITING } from "./limits.ts";
import { LineLog } from "./line-log.ts";
import type { LogSettingsReader } from "./log-settings.ts";

const encoder = new TextEncoder();

/** The log of what became of lists that were shown. */
export class EventLog {
  readonly #settings: LogSettingsReader;
  readonly #log: LineLog;

  constructor(settings: LogSettingsReader, memory: MemoryBudget, now: () => number) {
    this.#settings = settings;
    const points = new CountPoints("events", (env) => settings.read(env).countDataset);
    this.#log = new LineLog({
      kind: "events",
      limits: MAX_EVENTS_WAITING,
      memory,
      now,
      onProgress: (counters, env) => points.write(counters, env),
    });
  }

  /** Logs an event. Returns false where it is lost. Neither throws nor waits. */
  write(event: ListEvent, env: object, keepAlive: KeepAlive): boolean {
    const { eventSink } = this.#settings.read(env);
    return this.#log.write(encoder.encode(writeEvent(event)), { type: event.type }, eventSink, env, keepAlive);
  }

  families(): MetricFamily[] {
    return this.#log.families();
  }
}
