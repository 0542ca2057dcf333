/** Indices of `values` in descending order of them. Equal ones keep their order: the caller's. */
export function descending(values: readonly number[]): number[] {
  return values.map((_, i) => i).sort((a, b) => values[b] - values[a]);
}

/** A ranking that is used up from the best on, while others may take from it out of turn. */
export class Ranking {
  readonly #order: readonly number[];
  #next = 0;

  constructor(order: readonly number[]) {
    this.#order = order;
  }

  /** The best index that `taken` does not have. One must be left. */
  best(taken: readonly boolean[]): number {
    while (taken[this.#order[this.#next]]) this.#next++;
    return this.#order[this.#next];
  }
}
