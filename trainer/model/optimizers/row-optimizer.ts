import type { OptimizerState } from "./state.ts";

/**
 * How the rows of a table learn. `values` is the table, [V, D] flat; a row is [w, v₁ … v_k], D = k + 1. A step is
 *
 *     touch each row of the batch, then read it → gradients → squaredNorm → scale → step
 *
 * and costs as much as the batch's rows, whatever V is. With a table larger than the processor's caches, a step takes a
 * quarter less time where the rows are in ascending order.
 */
export interface RowOptimizer {
  /** Whether rows may be behind the last step, so that `touch` does something. */
  readonly hasStaleRows: boolean;
  /** Brings a row up to the last step. Must come before its values are read in training. */
  touch(values: Float32Array, row: number): void;
  /** Touches the rows numbered rows[0, count). */
  touchAll(values: Float32Array, rows: Int32Array, count: number): void;
  /**
   * ‖gradient‖² of the whole table, L2 regularization included, for clipping by norm. `rows`: the batch's rows, each
   * once, in rows[0, count), all touched. `gradients`: those of the loss alone, [count, D], in the order of `rows`.
   */
  squaredNorm(values: Float32Array, rows: Int32Array, count: number, gradients: Float32Array): number;
  /** One step on the batch's rows; regularization is added here. `scale` multiplies the whole gradient: clipping. */
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
  /** Counts all rows as up to date, after the values were replaced by others. A pass over the table. */
  reset(values: Float32Array): void;
  /** All that later steps depend on besides `values`, for a checkpoint. Changes nothing: stale rows stay stale. */
  state(): OptimizerState;
  /** Throws FormatError where the state is that of another optimizer or size. */
  restore(state: OptimizerState): void;
}

/** How one row learns, and what is kept for each row to do so. An optimizer hands it the rows. */
export interface RowUpdate {
  /** D */
  readonly width: number;
  /**
   * Begins a step of all the rows that `update` is then given. They share the learning rate, the scale and the decay,
   * which are not arguments of `update`, as numbers with a fraction cost an allocation each where a call is not
   * inlined.
   */
  begin(learningRate: number, scale: number, decay: number): void;
  /** Updates a row by the gradient (gradients[from, from + D) + decay · row) · scale. */
  update(values: Float32Array, row: number, gradients: Float32Array, from: number): void;
  /**
   * Updates rows[0, count) at once, by the gradients [count, D] in their order, to the bits that `update` gives.
   * Returns false, and does nothing, where it cannot. Absent where it never can.
   */
  updateAll?(values: Float32Array, rows: Int32Array, count: number, gradients: Float32Array): boolean;
  /** Fits the state, where it depends on the values, to values that were replaced. */
  reset(values: Float32Array): void;
  state(): OptimizerState;
  restore(state: OptimizerState): void;
}

/** An update by rate · (a mean of gradients) / (√(a sum or mean of their squares) + epsilon). */
export interface AdaptiveUpdate extends RowUpdate {
  /** Those of the present step. */
  readonly rate: number;
  readonly epsilon: number;
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
