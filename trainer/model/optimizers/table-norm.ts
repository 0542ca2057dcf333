import { type OptimizerState, restoreNumbers, saveNumbers } from "./state.ts";

/** Idle times of 1, 2–3, 4–7, … steps: as many classes as a step number has bits. */
const CLASSES = 32;

/** What a step leaves of earlier observations. A batch's thousands of rows make ten steps plenty. */
const MEMORY = 0.9;

/**
 * Σ ‖row‖² of a whole table whose rows are mostly stale. Of each row ‖row‖² is known as of its last step; what idle time
 * has left of it is observed on the rows that are brought up to date, in classes of idle time, and taken for all rows
 * of a class: Σ after / Σ before of the latest steps. A step costs CLASSES additions.
 */
export class TableNorm {
  /** Σ ‖row‖² of the rows whose last step is the index, modulo its length. */
  readonly #bySteps: Float64Array;
  readonly #mask: number;
  /** The same for each class of idle time. */
  readonly #known = new Float64Array(CLASSES);
  readonly #before = new Float64Array(CLASSES);
  readonly #after = new Float64Array(CLASSES);

  /** No row is idle for more than `steps` steps. */
  constructor(steps: number) {
    const capacity = 2 ** Math.ceil(Math.log2(steps));
    this.#mask = capacity - 1;
    this.#bySteps = new Float64Array(capacity);
  }

  /** All rows are up to date, with this Σ ‖row‖². */
  reset(squares: number, now: number): void {
    this.#bySteps.fill(0);
    this.#known.fill(0);
    this.#bySteps[now & this.#mask] = squares;
  }

  /** A new step, `now`: every row has been idle for one more. */
  advance(now: number): void {
    const bySteps = this.#bySteps;
    for (let c = 0; c < CLASSES; c++) {
      const first = now - 2 ** c;
      if (first < 0 || 2 ** c > this.#mask) break;
      const beyond = now - 2 ** (c + 1);
      const leaving = beyond < 0 || 2 ** (c + 1) > this.#mask ? 0 : bySteps[beyond & this.#mask];
      this.#known[c] = this.#known[c] + bySteps[first & this.#mask] - leaving;
      this.#before[c] = MEMORY * this.#before[c];
      this.#after[c] = MEMORY * this.#after[c];
    }
    bySteps[now & this.#mask] = 0;
  }

  /** A row of ‖row‖² = `before` at step `last` has `after` at step `now`. `idle`: no batch used it in between. */
  move(last: number, now: number, before: number, after: number, idle: boolean): void {
    const bySteps = this.#bySteps;
    const c = 31 - Math.clz32(now - last);
    bySteps[last & this.#mask] = bySteps[last & this.#mask] - before;
    bySteps[now & this.#mask] = bySteps[now & this.#mask] + after;
    this.#known[c] = this.#known[c] - before;
    if (!idle) return;
    this.#before[c] = this.#before[c] + before;
    this.#after[c] = this.#after[c] + after;
  }

  /** Σ ‖row‖² of all rows at step `now`. */
  squares(now: number): number {
    let sum = this.#bySteps[now & this.#mask];
    let left = 1;
    for (let c = 0; c < CLASSES; c++) {
      // A class without an observation has kept as much as the one before.
      if (this.#before[c] > 0) left = this.#after[c] / this.#before[c];
      sum += left * Math.max(0, this.#known[c]);
    }
    return sum;
  }

  state(): OptimizerState {
    const { squares, classes } = { squares: this.#bySteps, classes: [this.#known, this.#before, this.#after] };
    return { squares: saveNumbers(squares), classes: saveNumbers(classes.flatMap((list) => [...list])) };
  }

  restore(state: OptimizerState): void {
    restoreNumbers(state, "squares", this.#bySteps);
    const classes = new Float64Array(3 * CLASSES);
    restoreNumbers(state, "classes", classes);
    [this.#known, this.#before, this.#after].forEach((list, i) => {
      list.set(classes.subarray(i * CLASSES, (i + 1) * CLASSES));
    });
  }
}
