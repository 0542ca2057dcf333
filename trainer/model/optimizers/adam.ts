import { type OptimizerState, restoreFloats, restoreThree, saveFloats, saveNumbers } from "./state.ts";

/** The usual settings (Kingma and Ba 2015, algorithm 1). */
export const BETA1 = 0.9;
export const BETA2 = 0.999;
export const EPSILON = 1e-8;

/**
 * Adam (Kingma and Ba 2015, algorithm 1) over one flat array. Lazy where it is given only some of the elements: those
 * that a batch does not use keep their value and moments, so a step costs as much as the batch uses.
 */
export class Adam {
  /** [size]: the moving averages of the gradient and of its square. */
  readonly m: Float32Array;
  readonly v: Float32Array;
  /** Steps begun. */
  step = 0;
  /** Of the present step, with the bias correction of §2: values −= rate · m / (√v + epsilon). */
  rate = 0;
  epsilon = 0;

  constructor(size: number) {
    this.m = new Float32Array(size);
    this.v = new Float32Array(size);
  }

  /** Begins a step: the same bias correction for all that it updates. */
  begin(learningRate: number): void {
    this.step++;
    const correction = Math.sqrt(1 - BETA2 ** this.step);
    this.rate = (learningRate * correction) / (1 - BETA1 ** this.step);
    this.epsilon = EPSILON * correction;
  }

  /** Updates values[at, at + length) by (gradients[from, from + length) + decay · values) · scale. */
  update(
    values: Float32Array,
    at: number,
    gradients: Float32Array,
    from: number,
    length: number,
    scale: number,
    decay = 0,
  ): void {
    const { m, v, rate, epsilon } = this;
    for (let i = 0; i < length; i++) {
      const w = values[at + i];
      const g = (gradients[from + i] + decay * w) * scale;
      const mi = BETA1 * m[at + i] + (1 - BETA1) * g;
      const vi = BETA2 * v[at + i] + (1 - BETA2) * g * g;
      m[at + i] = mi;
      v[at + i] = vi;
      values[at + i] = w - (rate * mi) / (Math.sqrt(vi) + epsilon);
    }
  }

  state(): OptimizerState {
    return { m: saveFloats(this.m), v: saveFloats(this.v), adam: saveNumbers([this.step, this.rate, this.epsilon]) };
  }

  restore(state: OptimizerState): void {
    restoreFloats(state, "m", this.m);
    restoreFloats(state, "v", this.v);
    [this.step, this.rate, this.epsilon] = restoreThree(state, "adam");
  }
}
