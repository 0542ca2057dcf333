import type { RowKernels } from "../row-kernels.ts";
import type { RowOptimizer, RowUpdate } from "./row-optimizer.ts";
import type { OptimizerState } from "./state.ts";

/** Trains the batch's rows alone, with L2 on them: a row that a batch does not use keeps its value and its state. */
export class LazyRows implements RowOptimizer {
  readonly hasStaleRows: boolean = false;
  protected readonly width: number;
  protected readonly lambda: number;
  readonly #update: RowUpdate;
  readonly #kernels: RowKernels | null;

  /** `lambda`: λ of λ/2·‖row‖² for each row of the batch. `kernels`: as those of Adam. */
  constructor(update: RowUpdate, lambda: number, kernels: RowKernels | null = null) {
    this.#kernels = kernels;
    this.width = update.width;
    this.lambda = lambda;
    this.#update = update;
  }

  touch(_values: Float32Array, _row: number): void {}

  touchAll(_values: Float32Array, _rows: Int32Array, _count: number): void {}

  squaredNorm(values: Float32Array, rows: Int32Array, count: number, gradients: Float32Array): number {
    const { width, lambda } = this;
    const kernels = this.#kernels;
    if (kernels && [values, rows, gradients].every((array) => kernels.owns(array)))
      return kernels.squaresOfRows(values, rows, count, width, gradients, lambda);
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const at = rows[i] * width;
      for (let j = 0; j < width; j++) {
        const g = gradients[i * width + j] + lambda * values[at + j];
        sum += g * g;
      }
    }
    return sum;
  }

  step(
    values: Float32Array,
    rows: Int32Array,
    count: number,
    gradients: Float32Array,
    learningRate: number,
    scale: number,
  ): void {
    this.begin(learningRate, scale);
    this.learnAll(values, rows, count, gradients);
  }

  /** Updates the batch's rows: rows[0, count), by their gradients in the same order. */
  protected learnAll(values: Float32Array, rows: Int32Array, count: number, gradients: Float32Array): void {
    if (this.#update.updateAll?.(values, rows, count, gradients)) return;
    for (let i = 0; i < count; i++) this.#update.update(values, rows[i], gradients, i * this.width);
  }

  /** Begins a step. */
  protected begin(learningRate: number, scale: number): void {
    this.#update.begin(learningRate, scale, this.lambda);
  }

  finish(_values: Float32Array): void {}

  reset(values: Float32Array): void {
    this.#update.reset(values);
  }

  state(): OptimizerState {
    return this.#update.state();
  }

  restore(state: OptimizerState): void {
    this.#update.restore(state);
  }
}
