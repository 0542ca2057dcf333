import { batchSquaredNorm, type RowOptimizer } from "./row-optimizer.ts";
import { type OptimizerState, restoreFloats, saveFloats } from "./state.ts";

/** As in TorchRec. */
export const ADAGRAD_EPSILON = 1e-10;

/**
 * Accumulators and step of row-wise Adagrad: Adagrad (Duchi et al. 2011) with one accumulator for a table's row, the sum of
 * the mean squared gradient over the row, as RowWiseAdagrad in TorchRec (torchrec/optim/rowwise_adagrad.py) and DLRM's
 * RWSAdagrad have it. w is a table of dimension 1 there, so a row here has two: one for w and one for v₁ … v_k.
 */
export class RowAccumulators {
  /** [V, 2] */
  readonly sums: Float32Array;
  readonly #width: number;

  constructor(rows: number, width: number) {
    this.#width = width;
    this.sums = new Float32Array(2 * rows);
  }

  /** A row's step on (gradients[from, from + D) + decay · row) · scale. */
  update(
    values: Float32Array,
    row: number,
    gradients: Float32Array,
    from: number,
    learningRate: number,
    scale: number,
    decay: number,
  ): void {
    const at = row * this.#width;
    this.#part(values, at, gradients, from, 1, 2 * row, learningRate, scale, decay);
    if (this.#width > 1)
      this.#part(values, at + 1, gradients, from + 1, this.#width - 1, 2 * row + 1, learningRate, scale, decay);
  }

  #part(
    values: Float32Array,
    at: number,
    gradients: Float32Array,
    from: number,
    length: number,
    place: number,
    learningRate: number,
    scale: number,
    decay: number,
  ): void {
    let squares = 0;
    for (let j = 0; j < length; j++) {
      const g = (gradients[from + j] + decay * values[at + j]) * scale;
      squares += g * g;
    }
    const sum = this.sums[place] + squares / length;
    this.sums[place] = sum;
    const rate = (learningRate * scale) / (Math.sqrt(sum) + ADAGRAD_EPSILON);
    for (let j = 0; j < length; j++) {
      const w = values[at + j];
      values[at + j] = w - rate * (gradients[from + j] + decay * w);
    }
  }
}

/** Row-wise Adagrad on the batch's rows, with L2 on them. */
export class RowwiseAdagrad implements RowOptimizer {
  readonly #width: number;
  readonly #lambda: number;
  readonly #accumulators: RowAccumulators;

  /** λ of λ/2·‖row‖² for each row of the batch. */
  constructor(rows: number, width: number, lambda: number) {
    this.#width = width;
    this.#lambda = lambda;
    this.#accumulators = new RowAccumulators(rows, width);
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
    for (let i = 0; i < count; i++) {
      const row = rows[i];
      this.#accumulators.update(values, row, gradients, i * this.#width, learningRate, scale, this.#lambda);
    }
  }

  finish(): void {}

  reset(): void {}

  state(): OptimizerState {
    return { sums: saveFloats(this.#accumulators.sums) };
  }

  restore(state: OptimizerState): void {
    restoreFloats(state, "sums", this.#accumulators.sums);
  }
}
