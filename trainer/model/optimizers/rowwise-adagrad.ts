import type { AdaptiveUpdate } from "./row-optimizer.ts";
import { type OptimizerState, restoreFloats, saveFloats } from "./state.ts";

/** As in TorchRec. */
export const ADAGRAD_EPSILON = 1e-10;

/**
 * Row-wise Adagrad: Adagrad (Duchi et al. 2011) with one accumulator for a row of a table, the sum over all steps of
 * the gradient's mean square over the row, as in TorchRec's RowWiseAdagrad (torchrec/optim/rowwise_adagrad.py) and
 * DLRM's RWSAdagrad. These have w in a table of its own, so a row here has two accumulators: of w and of v₁ … v_k.
 */
export class RowwiseAdagrad implements AdaptiveUpdate {
  readonly width: number;
  /** [V, 2]: the accumulators of w and of v. */
  readonly sums: Float32Array;
  rate = 0;
  #scale = 0;
  #decay = 0;
  readonly epsilon = ADAGRAD_EPSILON;

  constructor(rows: number, width: number) {
    this.width = width;
    this.sums = new Float32Array(2 * rows);
  }

  begin(learningRate: number, scale: number, decay: number): void {
    this.rate = learningRate;
    this.#scale = scale;
    this.#decay = decay;
  }

  update(values: Float32Array, row: number, gradients: Float32Array, from: number): void {
    const { width } = this;
    const at = row * width;
    this.#updatePart(values, at, gradients, from, 1, 2 * row);
    if (width > 1) this.#updatePart(values, at + 1, gradients, from + 1, width - 1, 2 * row + 1);
  }

  /** Updates values[at, at + length), whose accumulator is sums[place]. */
  #updatePart(
    values: Float32Array,
    at: number,
    gradients: Float32Array,
    from: number,
    length: number,
    place: number,
  ): void {
    const scale = this.#scale;
    const decay = this.#decay;
    let squares = 0;
    for (let j = 0; j < length; j++) {
      const g = (gradients[from + j] + decay * values[at + j]) * scale;
      squares += g * g;
    }
    const sum = this.sums[place] + squares / length;
    this.sums[place] = sum;
    const rate = (this.rate * scale) / (Math.sqrt(sum) + ADAGRAD_EPSILON);
    for (let j = 0; j < length; j++) {
      const w = values[at + j];
      values[at + j] = w - rate * (gradients[from + j] + decay * w);
    }
  }

  reset(): void {}

  state(): OptimizerState {
    return { sums: saveFloats(this.sums) };
  }

  restore(state: OptimizerState): void {
    restoreFloats(state, "sums", this.sums);
  }
}
