import { sumOfSquares } from "./row-optimizer.ts";
import { ADAGRAD_EPSILON, RowAccumulators } from "./rowwise-adagrad.ts";
import { type OptimizerState, restoreFloats, saveFloats } from "./state.ts";
import { EXACT_STEPS, stride, WholeTable } from "./whole-table.ts";

/**
 * Row-wise Adagrad with L2 over the whole table: stands for dense row-wise Adagrad with the gradient λ·row on every row at
 * every step.
 *
 * An idle step shrinks a whole part of a row (w, or v₁ … v_k) by one factor, so it is a step of two numbers: the factor ρ
 * and the accumulator, to which it adds (λ·scale·ρ)²·mean(v²). Up to EXACT_STEPS they are taken one by one, in float64 and
 * rounded once at the end: the dense weights but for float32's rounding. Beyond, strides as in TableAdam hold the
 * accumulator at its value in the middle, ρₖ = ρ·(1 − rate·λ·scale/√a)ᵏ, and Σ ρⱼ² is by Simpson's rule.
 */
export class TableAdagrad extends WholeTable {
  readonly #accumulators: RowAccumulators;

  constructor(rows: number, width: number, lambda: number) {
    super(rows, width, lambda);
    this.#accumulators = new RowAccumulators(rows, width);
  }

  protected begin(learningRate: number, scale: number): void {
    this.history.push(learningRate, learningRate, ADAGRAD_EPSILON, scale);
  }

  protected learn(values: Float32Array, row: number, gradients: Float32Array, from: number, scale: number): void {
    const rate = this.history.rate(this.history.now);
    this.#accumulators.update(values, row, gradients, from, rate, scale, this.lambda);
  }

  protected rests(): boolean {
    return true;
  }

  protected idle(values: Float32Array, row: number, last: number, count: number): number {
    const at = row * this.width;
    const work = this.#part(values, at, 1, 2 * row, last, count);
    return this.width === 1 ? work : this.#part(values, at + 1, this.width - 1, 2 * row + 1, last, count);
  }

  #part(values: Float32Array, at: number, length: number, place: number, last: number, count: number): number {
    const { history, lambda } = this;
    const { sums } = this.#accumulators;
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
      // Where a step would go beyond 0, as after a rise of the scale, the accumulator soon grows until it does not.
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

  override state(): OptimizerState {
    return { ...super.state(), sums: saveFloats(this.#accumulators.sums) };
  }

  override restore(state: OptimizerState): void {
    super.restore(state);
    restoreFloats(state, "sums", this.#accumulators.sums);
  }
}
