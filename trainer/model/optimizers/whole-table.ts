import type { RowKernels } from "../row-kernels.ts";
import { LazyRows } from "./lazy-rows.ts";
import { type AdaptiveUpdate, sumOfSquares } from "./row-optimizer.ts";
import { type OptimizerState, restoreThree, restoreWords, saveNumbers, saveWords } from "./state.ts";
import { StepHistory } from "./step-history.ts";
import { TableNorm } from "./table-norm.ts";

/**
 * Rows that each step brings up to date, in turn, besides those of the batch. So no row is idle for more than V / SWEEP
 * steps, and the history of steps has an end. 16 are a thousandth of a usual batch's rows.
 */
const SWEEP = 16;

/** The most idle steps that a row takes one by one; those beyond it takes in strides (`stride`). */
export const EXACT_STEPS = 16;

/** Strides are no longer than this until a row has been idle for LONG_IDLE steps. */
const LONGEST_STRIDE = 1024;
/** So many steps leave e⁻³² of a moving average with β₂ = 0.999. */
const LONG_IDLE = 2 ** 15;

/**
 * L2 over the whole table in every step's loss, λ/2·‖W‖², as FuxiCTR has it (`regularization_loss` in its
 * fuxictr/pytorch/models/rank_model.py), without a pass over the table. A row that no batch uses still has the gradient
 * λ·row at every step; it takes all these steps together when it is next touched. A subclass says how, in `idle`.
 *
 * A touched row costs at most EXACT_STEPS steps and then strides that grow by half: 36 in all for 10⁴ idle steps, 67
 * for 10⁶ (`work` counts them). It keeps 4 bytes a row and 56 bytes for each of V / SWEEP steps, besides the update's
 * own state.
 */
export abstract class WholeTable extends LazyRows {
  override readonly hasStaleRows: boolean = true;
  protected readonly history: StepHistory;
  /** Steps and strides of idle rows so far. */
  work = 0;
  readonly #update: AdaptiveUpdate;
  /** [V]: the last step that a row has taken. */
  readonly #last: Uint32Array;
  #cursor = 0;
  readonly #norm: TableNorm;
  /** Whether the norm has seen the table. */
  #seen = false;

  /** `lambda`: λ of λ/2·‖W‖². */
  constructor(rows: number, update: AdaptiveUpdate, lambda: number, kernels: RowKernels | null = null) {
    super(update, lambda, kernels);
    this.#update = update;
    this.#last = new Uint32Array(rows);
    const longest = Math.ceil(rows / SWEEP) + 2;
    this.history = new StepHistory(longest);
    this.#norm = new TableNorm(longest);
  }

  /** Takes the `count` steps after step `last`, on λ·row · scale. Returns how many steps and strides it needed. */
  protected abstract idle(values: Float32Array, row: number, last: number, count: number): number;

  /** Whether a row of zeros stays so while it is idle. */
  protected abstract rests(row: number): boolean;

  override touch(values: Float32Array, row: number): void {
    const last = this.#last[row];
    const { now } = this.history;
    if (last === now) return;
    this.#see(values);
    this.#last[row] = now;
    const at = row * this.width;
    const before = sumOfSquares(values, at, this.width);
    // A row of zeros, such as that of a value that training has not met yet, has no gradient.
    if (before === 0 && this.rests(row)) return;
    this.work += this.idle(values, row, last, now - last);
    this.#norm.move(last, now, before, sumOfSquares(values, at, this.width), true);
  }

  override touchAll(values: Float32Array, rows: Int32Array, count: number): void {
    for (let i = 0; i < count; i++) this.touch(values, rows[i]);
  }

  /** The dense norm. Of the rows that are not in the batch, Σ ‖row‖² is TableNorm's estimate. */
  override squaredNorm(values: Float32Array, rows: Int32Array, count: number, gradients: Float32Array): number {
    this.#see(values);
    const { width, lambda } = this;
    let own = 0;
    for (let i = 0; i < count; i++) own += sumOfSquares(values, rows[i] * width, width);
    const others = Math.max(0, this.#norm.squares(this.history.now) - own);
    return super.squaredNorm(values, rows, count, gradients) + lambda * lambda * others;
  }

  override step(
    values: Float32Array,
    rows: Int32Array,
    count: number,
    gradients: Float32Array,
    learningRate: number,
    scale: number,
  ): void {
    this.#see(values);
    this.touchAll(values, rows, count);
    super.step(values, rows, count, gradients, learningRate, scale);
    for (let i = Math.min(SWEEP, this.#last.length); i > 0; i--) {
      this.touch(values, this.#cursor);
      this.#cursor = (this.#cursor + 1) % this.#last.length;
    }
  }

  protected override begin(learningRate: number, scale: number): void {
    super.begin(learningRate, scale);
    this.history.push(learningRate, this.#update.rate, this.#update.epsilon, scale);
    this.#norm.advance(this.history.now);
  }

  protected override learnAll(values: Float32Array, rows: Int32Array, count: number, gradients: Float32Array): void {
    const { width } = this;
    const { now } = this.history;
    const squares = (i: number): number => sumOfSquares(values, rows[i] * width, width);
    const before = Float64Array.from({ length: count }, (_, i) => squares(i));
    super.learnAll(values, rows, count, gradients);
    for (let i = 0; i < count; i++) {
      this.#norm.move(now - 1, now, before[i], squares(i), false);
      this.#last[rows[i]] = now;
    }
  }

  override finish(values: Float32Array): void {
    for (let row = 0; row < this.#last.length; row++) this.touch(values, row);
    this.#measure(values);
  }

  override reset(values: Float32Array): void {
    super.reset(values);
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

  override state(): OptimizerState {
    return {
      ...super.state(),
      ...this.history.state(),
      ...this.#norm.state(),
      last: saveWords(this.#last),
      table: saveNumbers([this.#cursor, this.#seen ? 1 : 0, this.work]),
    };
  }

  override restore(state: OptimizerState): void {
    super.restore(state);
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
 * How many idle steps a row takes at once after step `at`, where it has taken `done` of them and has `left` to go. It
 * is half of `done`, up to a limit, and a stride ends before step `changed`, the first with the present learning rate.
 */
export function stride(done: number, left: number, at: number, changed: number): number {
  const most = done < LONG_IDLE ? LONGEST_STRIDE : left;
  const steps = Math.min(left, most, done >> 1);
  const beforeChange = changed - 1 - at;
  return beforeChange > 0 && beforeChange < steps ? beforeChange : steps;
}
