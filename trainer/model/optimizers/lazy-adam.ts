import { Adam } from "./adam.ts";
import { batchSquaredNorm, type RowOptimizer } from "./row-optimizer.ts";
import type { OptimizerState } from "./state.ts";

/** Adam on the batch's rows alone: a row that a batch does not use keeps its value and its moments. L2 on the batch's rows. */
export class LazyAdam implements RowOptimizer {
  readonly #width: number;
  readonly #lambda: number;
  readonly #adam: Adam;

  /** λ of λ/2·‖row‖² for each row of the batch. */
  constructor(rows: number, width: number, lambda: number) {
    this.#width = width;
    this.#lambda = lambda;
    this.#adam = new Adam(rows * width);
  }

  touch(): void {}

  squaredNorm(values: Float32Array, rows: Int32Array, count: number, gradients: Float32Array): number {
    return batchSquaredNorm(values, rows, count, gradients, this.#width, this.#lambda);
  }

  step(
    values: Float32Array,
    rows: Int32Array,
    count: number,
    gradients: Float32Array,
    learningRate: number,
    scale: number,
  ): void {
    const width = this.#width;
    this.#adam.begin(learningRate);
    for (let i = 0; i < count; i++) {
      this.#adam.update(values, rows[i] * width, gradients, i * width, width, scale, this.#lambda);
    }
  }

  finish(): void {}

  reset(): void {}

  state(): OptimizerState {
    return this.#adam.state();
  }

  restore(state: OptimizerState): void {
    this.#adam.restore(state);
  }
}
