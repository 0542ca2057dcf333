import type { RowUpdate } from "./row-optimizer.ts";
import { type OptimizerState, restoreFloats, saveFloats } from "./state.ts";

/** β of the per-coordinate rate α/(β + √n); "β = 1 is usually good enough" (McMahan et al. 2013, §3.1). */
const BETA = 1;

/**
 * FTRL-proximal (McMahan et al. 2013, algorithm 1). With α, the step's learning rate, each coordinate takes the step
 *
 *     σ = (√(n + g²) − √n)/α,  z += g − σ·w,  n += g²
 *     w = 0 where |z| ≤ λ₁, else −(z − sgn(z)·λ₁) / ((β + √n)/α + λ₂)
 *
 * As w depends on z and n alone, λ₁ and λ₂ hold for every weight at every moment, idle rows included, at no cost. So
 * FTRL is the same under both of the spec's l2Scopes, and `decay` is 0. λ₂ counts once against the sum of all steps'
 * losses, where Adam's counts once a step: λ₂ here is like λ₂/steps there.
 *
 * Weights start from the table's values: z is set such that w(z, 0) is the first value. When α drops from α' to α, σ is
 * (β + √(n + g²))/α − (β + √n)/α', so that w does not jump. With one α for all steps this is the paper's σ.
 */
export class Ftrl implements RowUpdate {
  readonly width: number;
  readonly #l1: number;
  readonly #l2: number;
  /** [V, D] */
  readonly #z: Float32Array;
  /** [V, D] */
  readonly #n: Float32Array;
  /** [V]: α of the row's last step; 0 before its first. */
  readonly #alpha: Float32Array;
  #rate = 0;
  #scale = 0;

  constructor(rows: number, width: number, l1: number, l2: number) {
    this.width = width;
    this.#l1 = l1;
    this.#l2 = l2;
    this.#z = new Float32Array(rows * width);
    this.#n = new Float32Array(rows * width);
    this.#alpha = new Float32Array(rows);
  }

  begin(learningRate: number, scale: number): void {
    this.#rate = learningRate;
    this.#scale = scale;
  }

  update(values: Float32Array, row: number, gradients: Float32Array, from: number): void {
    const { width } = this;
    const rate = this.#rate;
    const scale = this.#scale;
    const at = row * width;
    const z = this.#z;
    const n = this.#n;
    const l1 = this.#l1;
    const l2 = this.#l2;
    if (this.#alpha[row] === 0) {
      this.#alpha[row] = rate;
      this.#setZ(values, row);
    }
    const perRate = 1 / Math.fround(rate);
    const perLastRate = 1 / this.#alpha[row];
    this.#alpha[row] = rate;
    for (let j = 0; j < width; j++) {
      const i = at + j;
      const w = values[i];
      const g = gradients[from + j] * scale;
      const before = n[i];
      const after = before + g * g;
      const inverse = (BETA + Math.sqrt(after)) * perRate;
      const zi = z[i] + g - (inverse - (BETA + Math.sqrt(before)) * perLastRate) * w;
      z[i] = zi;
      n[i] = after;
      values[i] = Math.abs(zi) <= l1 ? 0 : -(zi - Math.sign(zi) * l1) / (inverse + l2);
    }
  }

  /** Sets z such that w(z, n) is the row's value. */
  #setZ(values: Float32Array, row: number): void {
    const alpha = this.#alpha[row];
    for (let i = row * this.width; i < (row + 1) * this.width; i++) {
      const w = values[i];
      const inverse = (BETA + Math.sqrt(this.#n[i])) / alpha + this.#l2;
      this.#z[i] = -w * inverse - Math.sign(w) * this.#l1;
    }
  }

  /** Fits z to the new values; n stays. */
  reset(values: Float32Array): void {
    this.#alpha.forEach((alpha, row) => {
      if (alpha > 0) this.#setZ(values, row);
    });
  }

  state(): OptimizerState {
    return { z: saveFloats(this.#z), n: saveFloats(this.#n), alpha: saveFloats(this.#alpha) };
  }

  restore(state: OptimizerState): void {
    restoreFloats(state, "z", this.#z);
    restoreFloats(state, "n", this.#n);
    restoreFloats(state, "alpha", this.#alpha);
  }
}
