import { batchSquaredNorm, type RowOptimizer } from "./row-optimizer.ts";
import { type OptimizerState, restoreFloats, saveFloats } from "./state.ts";

/** β of the per-coordinate rate α/(β + √n); "β = 1 is usually good enough" (McMahan et al. 2013, §3.1). */
const BETA = 1;

/**
 * FTRL-proximal (McMahan et al. 2013, algorithm 1), a rate for each coordinate; α is the step's learning rate:
 *
 *     σ = (√(n + g²) − √n)/α,  z += g − σ·w,  n += g²
 *     w = 0 where |z| ≤ λ₁, else −(z − sgn(z)·λ₁) / ((β + √n)/α + λ₂)
 *
 * w depends on z and n alone, so λ₁ and λ₂ hold for every weight at every moment, of idle rows too, at no cost: both of the
 * spec's l2Scopes are this. λ₂ is counted once against the sum of all steps' losses, not once a step as Adam's is: λ₂ here
 * is like λ₂/steps there.
 *
 * Weights start where the table has them: z is such that w(z, 0) is the first value. When α drops, σ is
 * (β + √(n + g²))/α − (β + √n)/α', α' the rate of the row's last step, so that w does not jump; with one α it is the paper's.
 * Dense weights are one row.
 */
export class Ftrl implements RowOptimizer {
  readonly #width: number;
  readonly #l1: number;
  readonly #l2: number;
  /** [V, D] */
  readonly #z: Float32Array;
  readonly #n: Float32Array;
  /** V: α of the row's last step; 0 before its first. */
  readonly #alpha: Float32Array;

  constructor(rows: number, width: number, l1: number, l2: number) {
    this.#width = width;
    this.#l1 = l1;
    this.#l2 = l2;
    this.#z = new Float32Array(rows * width);
    this.#n = new Float32Array(rows * width);
    this.#alpha = new Float32Array(rows);
  }

  touch(): void {}

  /** λ₁ and λ₂ are no part of a gradient here. */
  squaredNorm(values: Float32Array, rows: Int32Array, count: number, gradients: Float32Array): number {
    return batchSquaredNorm(values, rows, count, gradients, this.#width, 0);
  }

  step(
    values: Float32Array,
    rows: Int32Array,
    count: number,
    gradients: Float32Array,
    learningRate: number,
    scale: number,
  ): void {
    for (let i = 0; i < count; i++) this.#update(values, rows[i], gradients, i * this.#width, learningRate, scale);
  }

  #update(values: Float32Array, row: number, gradients: Float32Array, from: number, rate: number, scale: number): void {
    const width = this.#width;
    const at = row * width;
    const z = this.#z;
    const n = this.#n;
    const l1 = this.#l1;
    const l2 = this.#l2;
    if (this.#alpha[row] === 0) {
      this.#alpha[row] = rate;
      this.#start(values, row);
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

  /** z of a row's first value, n = 0. */
  #start(values: Float32Array, row: number): void {
    const inverse = BETA / this.#alpha[row] + this.#l2;
    for (let i = row * this.#width; i < (row + 1) * this.#width; i++) {
      const w = values[i];
      this.#z[i] = -w * inverse - Math.sign(w) * this.#l1;
      this.#n[i] = 0;
    }
  }

  finish(): void {}

  /** z follows the new values, with the n of before. */
  reset(values: Float32Array): void {
    for (let row = 0; row < this.#alpha.length; row++) {
      const alpha = this.#alpha[row];
      if (alpha === 0) continue;
      for (let i = row * this.#width; i < (row + 1) * this.#width; i++) {
        const w = values[i];
        const inverse = (BETA + Math.sqrt(this.#n[i])) / alpha + this.#l2;
        this.#z[i] = -w * inverse - Math.sign(w) * this.#l1;
      }
    }
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
