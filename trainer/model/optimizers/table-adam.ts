import type { RowKernels } from "../row-kernels.ts";
import { Adam, BETA1, BETA2 } from "./adam.ts";
import { EXACT_STEPS, stride, WholeTable } from "./whole-table.ts";

/**
 * The largest (1 − β₁)·λ·rate / √v at which a weight under the gradient λ·w goes to 0. Beyond it, gradient descent with
 * momentum β₁ grows (Polyak 1964), and dense Adam jitters around 0 with an amplitude near learningRate / 38.
 */
const STABLE = 2 * (1 + BETA1);

/** β₂ⁿ for the strides that occur often. */
const KEPT = Float64Array.from({ length: 1025 }, (_, n) => BETA2 ** n);

/**
 * Adam with L2 over the whole table. It stands for dense Adam with the gradient λ·w on every weight of every row at
 * every step.
 *
 * A row that is idle for at most EXACT_STEPS steps takes each of them. Given the same learning rates and scales, it has
 * the weights and moments of dense Adam bit for bit (with weights and moments in float32, and float64 in between).
 *
 * A row that is idle for longer takes strides of k steps, each half as long as its idle time before. A stride holds √v
 * at its value in the middle, which makes Adam linear in (w, m). With h = rate/(√v + ε) and c = (1 − β₁)·λ·scale:
 *
 *     m' = β₁·m + c·w,  w' = w − h·m'      (w, m)ₖ = Mᵏ(w, m),  M = [[1 − h·c, −h·β₁], [c, β₁]]
 *
 * Mᵏ = p·M + q·I by repeated squaring with M² = T·M − β₁·I, T = 1 + β₁ − h·c (Cayley–Hamilton; det M = β₁). v becomes
 * β₂ᵏ·v + (1 − β₂)·(λ·scale)²·Σ β₂^(k−1−j)·wⱼ², where the sum is by Simpson's rule. Where h·c exceeds STABLE, dense
 * Adam's weight jitters, and v is held at the edge of stability here.
 *
 * Measured against dense float64 Adam over 2000 steps on 2000 rows, Zipf batches, λ from 1e-5 to 0.1: the difference of
 * a weight when it is read, in units of the learning rate (Adam moves a weight by about one of these a step).
 *
 *     learning rate 0.001                                       largest 0.06, root mean square 0.005
 *     learning rate 0.01, dropping in the middle of idle times  largest 0.6,  root mean square 0.011
 *     every step clipped, by the estimated norm                 largest 0.6,  root mean square 0.026
 *     both of these, with 4000 rows                             largest 1.1,  root mean square 0.08
 *
 * The difference does not accumulate. With λ ≥ 0.01 most of it is the jitter around 0, in which dense float32 and
 * float64 Adam differ by as much (at most 0.46, with 4000 rows).
 *
 * Clipping: the scale multiplies λ·row too, as it does in the dense optimizer, and strides use the means of scale and
 * of scale². The norm that decides it is the dense one, of which the idle rows' part is estimated (TableNorm). The
 * relative error of the norm was 0.029 in the root mean square at λ = 0.1, and 0.0001 at λ = 0.001. An error that lasts
 * changes little, as Adam's steps do not depend on a constant scale.
 */
export class TableAdam extends WholeTable {
  readonly #adam: Adam;

  constructor(rows: number, width: number, lambda: number, kernels: RowKernels | null = null) {
    const adam = new Adam(rows, width, kernels);
    super(rows, adam, lambda, kernels);
    this.#adam = adam;
  }

  protected rests(row: number): boolean {
    const { m } = this.#adam;
    for (let i = row * this.width; i < (row + 1) * this.width; i++) if (m[i] !== 0) return false;
    return true;
  }

  protected idle(values: Float32Array, row: number, last: number, count: number): number {
    const { history } = this;
    const exact = Math.min(count, EXACT_STEPS);
    for (let step = last + 1; step <= last + exact; step++) {
      this.#step(values, row * this.width, history.rate(step), history.epsilon(step), history.scale(step));
    }
    let work = exact;
    for (let done = exact; done < count; work++) {
      const steps = stride(done, count - done, last + done, history.changed);
      this.#stride(values, row * this.width, last + done, steps);
      done += steps;
    }
    return work;
  }

  /** One step with the gradient λ·row, by the arithmetic of Adam.update. */
  #step(values: Float32Array, at: number, rate: number, epsilon: number, scale: number): void {
    const { m, v } = this.#adam;
    const { lambda } = this;
    for (let i = at; i < at + this.width; i++) {
      const w = values[i];
      const g = lambda * w * scale;
      const mi = BETA1 * m[i] + (1 - BETA1) * g;
      const vi = BETA2 * v[i] + (1 - BETA2) * g * g;
      m[i] = mi;
      v[i] = vi;
      values[i] = w - (rate * mi) / (Math.sqrt(vi) + epsilon);
    }
  }

  /** Takes the `steps` steps after step `after` at once. */
  #stride(values: Float32Array, at: number, after: number, steps: number): void {
    const { m, v } = this.#adam;
    const { history, lambda } = this;
    const rate = history.meanRate(after, steps);
    const epsilon = history.epsilon(after + ((steps + 1) >> 1));
    const c = (1 - BETA1) * lambda * history.meanScale(after, steps);
    const squared = lambda * lambda * history.meanSquaredScale(after, steps);
    const kept = steps < KEPT.length ? KEPT[steps] : BETA2 ** steps;
    const keptHalf = Math.sqrt(kept);
    const edge = (rate * c) / STABLE;
    const edgeSquared = Math.max(0, edge - epsilon) ** 2;
    const intake = ((1 - BETA2) * squared * steps) / 6;
    const firstBit = 30 - Math.clz32(steps);
    for (let i = at; i < at + this.width; i++) {
      const w = values[i];
      const mi = m[i];
      const vi = v[i];
      const middle = Math.sqrt(keptHalf * vi + (1 - keptHalf) * squared * w * w) + epsilon;
      const h = rate / Math.max(middle, edge);
      const trace = 1 + BETA1 - h * c;
      let p = 1;
      let q = 0;
      let pHalf = 0;
      let qHalf = 1;
      for (let bit = firstBit; bit >= 0; bit--) {
        pHalf = p;
        qHalf = q;
        const p2 = p * (p * trace + 2 * q);
        const q2 = q * q - BETA1 * p * p;
        if ((steps >> bit) & 1) {
          p = p2 * trace + q2;
          q = -BETA1 * p2;
        } else {
          p = p2;
          q = q2;
        }
      }
      const m1 = BETA1 * mi + c * w;
      const w1 = w - h * m1;
      const wHalf = pHalf * w1 + qHalf * w;
      const wEnd = p * w1 + q * w;
      const vEnd = kept * vi + intake * (kept * w * w + 4 * keptHalf * wHalf * wHalf + wEnd * wEnd);
      values[i] = wEnd;
      m[i] = p * m1 + q * mi;
      v[i] = vEnd < edgeSquared && (w !== 0 || mi !== 0) ? edgeSquared : vEnd;
    }
  }
}
