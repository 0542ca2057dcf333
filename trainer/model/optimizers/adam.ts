import type { RowKernels } from "../row-kernels.ts";
import type { AdaptiveUpdate } from "./row-optimizer.ts";
import { type OptimizerState, restoreFloats, restoreThree, saveFloats, saveNumbers } from "./state.ts";

/** The usual settings (Kingma and Ba 2015, algorithm 1). */
export const BETA1 = 0.9;
export const BETA2 = 0.999;
export const EPSILON = 1e-8;

/** Adam (Kingma and Ba 2015, algorithm 1) on rows of `width` numbers. */
export class Adam implements AdaptiveUpdate {
  readonly width: number;
  /** [V, D]: the moving averages of the gradient and of its square. */
  readonly m: Float32Array;
  readonly v: Float32Array;
  /** Steps begun. */
  step = 0;
  /** Those of the present step, with the bias correction of §2: values −= rate · m / (√v + epsilon). */
  rate = 0;
  epsilon = 0;
  #scale = 0;
  #decay = 0;

  readonly #kernels: RowKernels | null;

  /** `kernels`: those of the engine in whose memory the values are, if they are in one. */
  constructor(rows: number, width: number, kernels: RowKernels | null = null) {
    const floats = (): Float32Array => kernels?.floats(rows * width) ?? new Float32Array(rows * width);
    this.width = width;
    this.m = floats();
    this.v = floats();
    this.#kernels = kernels;
  }

  begin(learningRate: number, scale: number, decay: number): void {
    this.step++;
    this.#scale = scale;
    this.#decay = decay;
    const correction = Math.sqrt(1 - BETA2 ** this.step);
    this.rate = (learningRate * correction) / (1 - BETA1 ** this.step);
    this.epsilon = EPSILON * correction;
  }

  update(values: Float32Array, row: number, gradients: Float32Array, from: number): void {
    const { m, v, rate, epsilon, width } = this;
    const scale = this.#scale;
    const decay = this.#decay;
    const at = row * width;
    for (let i = 0; i < width; i++) {
      const w = values[at + i];
      const g = (gradients[from + i] + decay * w) * scale;
      const mi = BETA1 * m[at + i] + (1 - BETA1) * g;
      const vi = BETA2 * v[at + i] + (1 - BETA2) * g * g;
      m[at + i] = mi;
      v[at + i] = vi;
      values[at + i] = w - (rate * mi) / (Math.sqrt(vi) + epsilon);
    }
  }

  updateAll(values: Float32Array, rows: Int32Array, count: number, gradients: Float32Array): boolean {
    const kernels = this.#kernels;
    if (kernels === null || ![values, rows, gradients].every((array) => kernels.owns(array))) return false;
    const step = { rate: this.rate, epsilon: this.epsilon, scale: this.#scale, decay: this.#decay };
    kernels.adam({ values, m: this.m, v: this.v }, rows, count, this.width, gradients, step);
    return true;
  }

  reset(): void {}

  state(): OptimizerState {
    return { m: saveFloats(this.m), v: saveFloats(this.v), adam: saveNumbers([this.step, this.rate, this.epsilon]) };
  }

  restore(state: OptimizerState): void {
    restoreFloats(state, "m", this.m);
    restoreFloats(state, "v", this.v);
    [this.step, this.rate, this.epsilon] = restoreThree(state, "adam");
  }
}
