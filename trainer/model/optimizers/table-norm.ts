import { type OptimizerState, restoreNumbers, saveNumbers } from "./state.ts";

/** Classes of idle time, in steps: 1, 2–3, 4–7, …. As many as a step's number has bits. */
const CLASSES = 32;

/** The share of earlier observations that a step keeps. A batch has thousands of rows, so ten steps are plenty. */
const MEMORY = 0.9;

/**
 * Σ ‖row‖² of a whole table, most of whose rows are stale. Each row's ‖row‖² is known as of its last step. How much of
 * it is left since then is estimated by class of idle time: Σ after / Σ before over the rows of the class that the
 * latest steps brought up to date. A step costs CLASSES additions.
 */
export class TableNorm {
  /** Σ ‖row‖² of the rows whose last step is the index, modulo the array's length. */
  readonly #bySteps: Float64Array;
  readonly #mask: number;
  /** Σ ‖row‖², as of their last steps, of the rows in each class of idle time. */
  readonly #known = new Float64Array(CLASSES);
  /** Σ ‖row‖² of the observed rows in each class before and after they were brought up to date. */
  readonly #before = new Float64Array(CLASSES);
  readonly #after = new Float64Array(CLASSES);

  /** No row is idle for more than `steps` steps. */
  constructor(steps: number) {
    const capacity = 2 ** Math.ceil(Math.log2(steps));
    this.#mask = capacity - 1;
    this.#bySteps = new Float64Array(capacity);
  }

  /** Starts anew at step `now`, where all rows are up to date. `squares`: their Σ ‖row‖². */
  reset(squares: number, now: number): void {
    this.#bySteps.fill(0);
    this.#known.fill(0);
    this.#bySteps[now & this.#mask] = squares;
  }

  /** Begins step `now`: every row has been idle for one step more. */
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

  /** Moves a row from step `last`, when its ‖row‖² was `before`, to step `now`. `idle`: no batch used it in between. */
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

  /** The estimate of Σ ‖row‖² over all rows at step `now`. */
  squares(now: number): number {
    let sum = this.#bySteps[now & this.#mask];
    let left = 1;
    for (let c = 0; c < CLASSES; c++) {
      // A class without an observation is taken to have kept as much as the class before it.
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
