import { logInfo } from "./log.ts";

/** Milliseconds between two lines of one event. */
const INTERVAL_MS = 1_000;

/** Logs an event that may happen at every request: a line a second at most, with how often it was since the last. */
export class SampledLog {
  readonly #event: string;
  readonly #now: () => number;
  #count = 0;
  #loggedAt = Number.NEGATIVE_INFINITY;

  constructor(event: string, now: () => number) {
    this.#event = event;
    this.#now = now;
  }

  /** Counts an event. `details` are those of the one that is logged. */
  add(details: Record<string, unknown>): void {
    this.#count++;
    const now = this.#now();
    if (now - this.#loggedAt < INTERVAL_MS) return;
    logInfo(this.#event, { count: this.#count, ...details });
    this.#loggedAt = now;
    this.#count = 0;
  }
}
