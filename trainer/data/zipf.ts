import type { Random } from "./random.ts";

/** Draws ranks 0 … n − 1 with probability ∝ 1/(rank + 1)^exponent: Zipf's law. */
export class Zipf {
  /** By rank: the sum of the weights up to it. */
  readonly #sums: Float64Array;
  /** By 1/STEPS of the sum of all: the first rank that may be drawn from there on. */
  readonly #starts = new Uint32Array(STEPS + 1);

  constructor(n: number, exponent: number) {
    this.#sums = new Float64Array(n);
    let sum = 0;
    for (let rank = 0; rank < n; rank++) {
      sum += (rank + 1) ** -exponent;
      this.#sums[rank] = sum;
    }
    let rank = 0;
    for (let step = 0; step <= STEPS; step++) {
      while (rank < n - 1 && this.#sums[rank] <= (step / STEPS) * sum) rank++;
      this.#starts[step] = rank;
    }
  }

  draw(random: Random): number {
    const share = random.uniform();
    const at = share * this.#sums[this.#sums.length - 1];
    const step = Math.floor(share * STEPS);
    let low = this.#starts[step];
    let high = this.#starts[step + 1];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#sums[middle] > at) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/** So many that hardly any search is left to do for frequent ranks. */
const STEPS = 2 ** 16;
