import { sumOfSquares } from "./row-optimizer.ts";
import { ADAGRAD_EPSILON, RowwiseAdagrad } from "./rowwise-adagrad.ts";
import { EXACT_STEPS, stride, WholeTable } from "./whole-table.ts";

/**
 * Row-wise Adagrad with L2 over the whole table. It stands for dense row-wise Adagrad with the gradient λ·row on every
 * row at every step.
 *
 * An idle step multiplies a whole part of a row (w, or v₁ … v_k) by one factor. So it changes two numbers only: the
 * factor ρ of all idle steps so far, and the accumulator, to which it adds (λ·scale·ρ)²·mean(v²). The first EXACT_STEPS
 * are taken one by one, in float64, and are rounded once at the end: they give the dense weights but for float32's
 * rounding. The steps beyond are taken in strides (as in TableAdam) that hold the accumulator at its value in the
 * middle of the stride: ρₖ = ρ·(1 − rate·λ·scale/√a)ᵏ, and Σ ρⱼ² by Simpson's rule.
 */
export class TableAdagrad extends WholeTable {
  readonly #adagrad: RowwiseAdagrad;

  constructor(rows: number, width: number, lambda: number) {
    const adagrad = new RowwiseAdagrad(rows, width);
    super(rows, adagrad, lambda);
    this.#adagrad = adagrad;
  }

  protected rests(): boolean {
    return true;
  }

  protected idle(values: Float32Array, row: number, last: number, count: number): number {
    const at = row * this.width;
    const work = this.#idlePart(values, at, 1, 2 * row, last, count);
    return this.width === 1 ? work : this.#idlePart(values, at + 1, this.width - 1, 2 * row + 1, last, count);
  }

  /** The idle steps of values[at, at + length), whose accumulator is sums[place]. */
  #idlePart(values: Float32Array, at: number, length: number, place: number, last: number, count: number): number {
    const { history, lambda } = this;
    const { sums } = this.#adagrad;
    const square = (lambda * lambda * sumOfSquares(values, at, length)) / length;
    const exact = Math.min(count, EXACT_STEPS);
    let factor = 1;
    let sum = sums[place];
    for (let step = last + 1; step <= last + exact; step++) {
      const scale = history.scale(step);
      sum += square * (factor * scale) ** 2;
      factor -= (factor * history.rate(step) * lambda * scale) / (Math.sqrt(sum) + ADAGRAD_EPSILON);
    }
    let work = exact;
    for (let done = exact; done < count; work++) {
      const after = last + done;
      const steps = stride(done, count - done, after, history.changed);
      const scale = history.meanScale(after, steps);
      const intake = square * history.meanSquaredScale(after, steps) * steps;
      const pull = history.meanRate(after, steps) * lambda * scale;
      // A step that would go past 0, as one may after the scale rose, ends at 0. The accumulator soon grows enough.
      const shrink = 1 - pull / Math.max(pull, Math.sqrt(sum + 0.5 * intake * factor * factor) + ADAGRAD_EPSILON);
      const half = factor * shrink ** (steps >> 1);
      const end = factor * shrink ** steps;
      sum += (intake * (factor * factor + 4 * half * half + end * end)) / 6;
      factor = end;
      done += steps;
    }
    sums[place] = sum;
    for (let i = at; i < at + length; i++) values[i] = values[i] * factor;
    return work;
  }
}
