import { Random } from "../../trainer/data/random.ts";

/** Look-ups of rows, whose popularity follows Zipf's law: the row of rank i, from 1, is looked for ∝ i^-exponent. */
export class Traffic {
  readonly #random: Random;
  /** By rank, from 0: the chance of it or one before. */
  readonly #chances: Float64Array;
  /** By 1/STEPS of a chance, the first rank that may have it. */
  readonly #starts: Uint32Array;
  /** By rank: its row. */
  readonly #rows: Uint32Array;

  constructor(rows: number, exponent: number, seed: number) {
    this.#random = new Random(seed);
    this.#chances = new Float64Array(rows);
    let sum = 0;
    for (let i = 0; i < rows; i++) {
      sum += (i + 1) ** -exponent;
      this.#chances[i] = sum;
    }
    for (let i = 0; i < rows; i++) this.#chances[i] /= sum;
    this.#starts = new Uint32Array(STEPS + 1);
    let rank = 0;
    for (let step = 0; step <= STEPS; step++) {
      while (rank < rows - 1 && this.#chances[rank] < step / STEPS) rank++;
      this.#starts[step] = rank;
    }
    this.#rows = Uint32Array.from({ length: rows }, (_, i) => i);
  }

  next(): number {
    const chance = this.#random.uniform();
    let low = this.#starts[Math.floor(chance * STEPS)];
    let high = this.#starts[Math.floor(chance * STEPS) + 1];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#chances[middle] < chance) low = middle + 1;
      else high = middle;
    }
    return this.#rows[low];
  }

  /** Makes other rows the most popular ones, drawn from all that are not now, and these what the others were. */
  moveHead(rows: number): void {
    for (let rank = 0; rank < rows; rank++) {
      const other = rows + this.#random.integer(this.#rows.length - rows);
      const row = this.#rows[rank];
      this.#rows[rank] = this.#rows[other];
      this.#rows[other] = row;
    }
  }
}

const STEPS = 2 ** 16;
