import type { OptimizerState } from "./state.ts";

/**
 * How the rows of a table learn. `values` is the table, [V, D] flat; a row is [w, v₁ … v_k], D = k + 1. A step is
 *
 *     touch each row of the batch, then read it → gradients → squaredNorm → scale → step
 *
 * and costs as much as the batch's rows, whatever V is. Rows in ascending order take a quarter less time, where the table
 * is larger than the caches.
 */
export interface RowOptimizer {
  /** Brings a row up to the last step. Must come before its values are read in training. */
  touch(values: Float32Array, row: number): void;
  /**
   * ‖gradient‖² of the whole table, L2 regularisation included, for clipping by norm. `rows`: the batch's rows, each
   * once, in rows[0, count), all touched. `gradients`: those of the loss alone, [count, D], in the order of `rows`.
   */
  squaredNorm(values: Float32Array, rows: Int32Array, count: number, gradients: Float32Array): number;
  /** One step on the batch's rows; regularisation is added here. `scale` multiplies the whole gradient: clipping. */
  step(
    values: Float32Array,
    rows: Int32Array,
    count: number,
    gradients: Float32Array,
    learningRate: number,
    scale: number,
  ): void;
  /** Brings every row up to the last step: before evaluation, export or taking the weights. A pass over the table. */
  finish(values: Float32Array): void;
  /** The values were replaced from outside, as by the best weights: all rows count as up to date. A pass over the table. */
  reset(values: Float32Array): void;
  /** All that the coming steps depend on besides `values`, for a checkpoint. Changes nothing: rows stay as stale as they are. */
  state(): OptimizerState;
  /** Throws FormatError where the state is of another optimizer or size. */
  restore(state: OptimizerState): void;
}

/** Σ ‖gradient + λ·row‖² over the batch's rows. */
export function batchSquaredNorm(
  values: Float32Array,
  rows: Int32Array,
  count: number,
  gradients: Float32Array,
  width: number,
  lambda: number,
): number {
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

/** Σ x² over list[from, from + length). */
export function sumOfSquares(list: Float32Array, from: number, length: number): number {
  let sum = 0;
  for (let i = from; i < from + length; i++) {
    const x = list[i];
    sum += x * x;
  }
  return sum;
}
