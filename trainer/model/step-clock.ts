/**
 * What the time of a training step goes into: waiting for its records, gathering their rows, the way to the loss, the
 * way back to the gradients, the optimizer of the rows and that of the dense weights.
 */
export const PARTS = ["input", "gather", "forward", "backward", "rows", "dense"] as const;
export type Part = (typeof PARTS)[number];

/** Adds up the time of each part of the steps. A lap takes some 50 ns, so that it runs always. */
export class StepClock {
  /** Milliseconds of each part since the clock was made or cleared. */
  readonly ms: Record<Part, number> = { input: 0, gather: 0, forward: 0, backward: 0, rows: 0, dense: 0 };
  #last = performance.now();

  /** What comes next begins now: the time since the last lap is no part's. */
  start(): void {
    this.#last = performance.now();
  }

  /** The time since the last lap was that of a part. */
  lap(part: Part): void {
    const now = performance.now();
    this.ms[part] += now - this.#last;
    this.#last = now;
  }

  clear(): void {
    for (const part of PARTS) this.ms[part] = 0;
    this.start();
  }

  /** The share of a part in the time of all, 0 before the first lap. */
  share(part: Part): number {
    const all = PARTS.reduce((sum, one) => sum + this.ms[one], 0);
    return all > 0 ? this.ms[part] / all : 0;
  }
}
