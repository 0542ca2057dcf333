import { Random } from "../../trainer/data/random.ts";
import { Zipf } from "../../trainer/data/zipf.ts";

/** Look-ups of rows, whose popularity follows Zipf's law: the row of rank i, from 1, is looked for ∝ i^-exponent. */
export class Traffic {
  readonly #random: Random;
  readonly #zipf: Zipf;
  /** By rank: its row. */
  readonly #rows: Uint32Array;

  constructor(rows: number, exponent: number, seed: number) {
    this.#random = new Random(seed);
    this.#zipf = new Zipf(rows, exponent);
    this.#rows = Uint32Array.from({ length: rows }, (_, i) => i);
  }

  next(): number {
    return this.#rows[this.#zipf.draw(this.#random)];
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
