import { batchSquaredNorm, type RowOptimizer, sumOfSquares } from "./row-optimizer.ts";
import { type OptimizerState, restoreThree, restoreWords, saveNumbers, saveWords } from "./state.ts";
import { StepHistory } from "./step-history.ts";
import { TableNorm } from "./table-norm.ts";

/**
 * Rows that each step brings up to date besides those of the batch, in turn: no row is idle for more than V / SWEEP steps,
 * so that the history of steps has an end. 16 are a thousandth of a usual batch's rows.
 */
const SWEEP = 16;

/** An idle row's steps are taken one by one up to so many; beyond, in strides (`stride`). */
export const EXACT_STEPS = 16;

/** The longest stride, until a row has been idle for LONG_IDLE steps, which leave e⁻³² of an average with β₂ = 0.999. */
const LONGEST_STRIDE = 1024;
const LONG_IDLE = 2 ** 15;

/**
 * L2 over the whole table in every step's loss, λ/2·‖W‖², as FuxiCTR has it (`regularization_loss` in its
 * fuxictr/pytorch/models/rank_model.py), without a pass over the table: a row that no batch uses still has the gradient
 * λ·row at every step, and takes these steps together when it is next touched. How, a subclass says in `idle`.
 *
 * A touched row costs at most EXACT_STEPS steps and then strides that grow by half: 36 for 10⁴ idle steps, 67 for 10⁶
 * (`work` counts them). Memory besides the optimizer's own: 4 bytes a row, and 56 bytes for each of V / SWEEP steps.
 */
export abstract class WholeTable implements RowOptimizer {
  protected readonly width: number;
  protected readonly lambda: number;
  protected readonly history: StepHistory;
  /** Steps and strides of idle rows so far. */
  work = 0;
  /** V: the last step that a row has taken. */
  readonly #last: Uint32Array;
  #cursor = 0;
  readonly #norm: TableNorm;
  /** Whether the norm has seen the table. */
  #seen = false;

  /** `lambda`: λ of λ/2·‖W‖². */
  constructor(rows: number, width: number, lambda: number) {
    this.width = width;
    this.lambda = lambda;
    this.#last = new Uint32Array(rows);
    const longest = Math.ceil(rows / SWEEP) + 2;
    this.history = new StepHistory(longest);
    this.#norm = new TableNorm(longest);
  }

  /** Enters a step into the history. */
  protected abstract begin(learningRate: number, scale: number): void;
  /** One step of a row of the batch, on (gradients[from, from + D) + λ·row) · scale. */
  protected abstract learn(
    values: Float32Array,
    row: number,
    gradients: Float32Array,
    from: number,
    scale: number,
  ): void;
  /** The `count` steps after step `last`, on λ·row · scale. Returns how many steps and strides it took. */
  protected abstract idle(values: Float32Array, row: number, last: number, count: number): number;

  touch(values: Float32Array, row: number): void {
    const last = this.#last[row];
    const { now } = this.history;
    if (last === now) return;
    this.#see(values);
    this.#last[row] = now;
    const at = row * this.width;
    const before = sumOfSquares(values, at, this.width);
    // A row of zeros, as that of a value not seen yet, has no gradient.
    if (before === 0 && this.rests(row)) return;
    this.work += this.idle(values, row, last, now - last);
    this.#norm.move(last, now, before, sumOfSquares(values, at, this.width), true);
  }

  /** Whether a row of zeros stays so. */
  protected abstract rests(row: number): boolean;

  /** The dense norm, with one part estimated: ‖row‖² of the rows that are not in the batch, by TableNorm. */
  squaredNorm(values: Float32Array, rows: Int32Array, count: number, gradients: Float32Array): number {
    this.#see(values);
    const { width, lambda } = this;
    let own = 0;
    for (let i = 0; i < count; i++) own += sumOfSquares(values, rows[i] * width, width);
    const others = Math.max(0, this.#norm.squares(this.history.now) - own);
    return batchSquaredNorm(values, rows, count, gradients, width, lambda) + lambda * lambda * others;
  }

  step(
    values: Float32Array,
    rows: Int32Array,
    count: number,
    gradients: Float32Array,
    learningRate: number,
    scale: number,
  ): void {
    this.#see(values);
    const { width } = this;
    for (let i = 0; i < count; i++) this.touch(values, rows[i]);
    this.begin(learningRate, scale);
    const { now } = this.history;
    this.#norm.advance(now);
    for (let i = 0; i < count; i++) {
      const row = rows[i];
      const before = sumOfSquares(values, row * width, width);
      this.learn(values, row, gradients, i * width, scale);
      this.#norm.move(now - 1, now, before, sumOfSquares(values, row * width, width), false);
      this.#last[row] = now;
    }
    for (let i = Math.min(SWEEP, this.#last.length); i > 0; i--) {
      this.touch(values, this.#cursor);
      this.#cursor = (this.#cursor + 1) % this.#last.length;
    }
  }

  finish(values: Float32Array): void {
    for (let row = 0; row < this.#last.length; row++) this.touch(values, row);
    this.#measure(values);
  }

  reset(values: Float32Array): void {
    this.#last.fill(this.history.now);
    this.#measure(values);
  }

  #see(values: Float32Array): void {
    if (!this.#seen) this.#measure(values);
  }

  #measure(values: Float32Array): void {
    this.#norm.reset(sumOfSquares(values, 0, values.length), this.history.now);
    this.#seen = true;
  }

  state(): OptimizerState {
    return {
      ...this.history.state(),
      ...this.#norm.state(),
      last: saveWords(this.#last),
      table: saveNumbers([this.#cursor, this.#seen ? 1 : 0, this.work]),
    };
  }

  restore(state: OptimizerState): void {
    this.history.restore(state);
    this.#norm.restore(state);
    restoreWords(state, "last", this.#last);
    const [cursor, seen, work] = restoreThree(state, "table");
    this.#cursor = cursor;
    this.#seen = seen === 1;
    this.work = work;
  }
}

/**
 * How many steps a row takes at once that was idle for `done` steps and has `left` to go, from step `at`: half as many as
 * before, and not across the last change of the learning rate.
 */
export function stride(done: number, left: number, at: number, changed: number): number {
  const most = done < LONG_IDLE ? LONGEST_STRIDE : left;
  const steps = Math.min(left, most, done >> 1);
  const beforeChange = changed - 1 - at;
  return beforeChange > 0 && beforeChange < steps ? beforeChange : steps;
}
