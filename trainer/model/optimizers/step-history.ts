import { type OptimizerState, restoreNumbers, restoreThree, saveNumbers } from "./state.ts";

/** Where the numbers of a step stand in its record of STRIDE numbers. */
const RATE = 0;
const EPSILON = 1;
const SCALE = 2;
const RATE_SUM = 3;
const SCALE_SUM = 4;
const SQUARE_SUM = 5;
const STRIDE = 6;

/**
 * The rates, epsilons and gradient scales of the latest steps. It keeps running sums, so that a mean over consecutive
 * steps costs two look-ups. Steps count from 1.
 */
export class StepHistory {
  /** Steps so far. */
  now = 0;
  /** The first step with the present learning rate. */
  changed = 0;
  readonly #mask: number;
  readonly #ring: Float64Array;
  #learningRate = 0;

  /** Keeps at least the latest `steps` steps. */
  constructor(steps: number) {
    const capacity = 2 ** Math.ceil(Math.log2(steps));
    this.#mask = capacity - 1;
    this.#ring = new Float64Array(capacity * STRIDE);
  }

  /** Adds a step. */
  push(learningRate: number, rate: number, epsilon: number, scale: number): void {
    const ring = this.#ring;
    const before = this.#place(this.now++);
    const at = this.#place(this.now);
    if (learningRate !== this.#learningRate) this.changed = this.now;
    this.#learningRate = learningRate;
    ring[at + RATE] = rate;
    ring[at + EPSILON] = epsilon;
    ring[at + SCALE] = scale;
    ring[at + RATE_SUM] = ring[before + RATE_SUM] + rate;
    ring[at + SCALE_SUM] = ring[before + SCALE_SUM] + scale;
    ring[at + SQUARE_SUM] = ring[before + SQUARE_SUM] + scale * scale;
  }

  rate(step: number): number {
    return this.#ring[this.#place(step) + RATE];
  }

  epsilon(step: number): number {
    return this.#ring[this.#place(step) + EPSILON];
  }

  scale(step: number): number {
    return this.#ring[this.#place(step) + SCALE];
  }

  /** The mean over the `count` steps after step `after`, as are the two below. */
  meanRate(after: number, count: number): number {
    return this.#mean(RATE_SUM, after, count);
  }

  meanScale(after: number, count: number): number {
    return this.#mean(SCALE_SUM, after, count);
  }

  meanSquaredScale(after: number, count: number): number {
    return this.#mean(SQUARE_SUM, after, count);
  }

  #mean(sum: number, after: number, count: number): number {
    const ring = this.#ring;
    return (ring[this.#place(after + count) + sum] - ring[this.#place(after) + sum]) / count;
  }

  #place(step: number): number {
    return (step & this.#mask) * STRIDE;
  }

  state(): OptimizerState {
    return { history: saveNumbers(this.#ring), steps: saveNumbers([this.now, this.changed, this.#learningRate]) };
  }

  restore(state: OptimizerState): void {
    restoreNumbers(state, "history", this.#ring);
    [this.now, this.changed, this.#learningRate] = restoreThree(state, "steps");
  }
}
