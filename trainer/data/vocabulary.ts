import { RowIndex } from "./row-index.ts";

/**
 * The rows of all fields' tables together: V rows, of which the first F are the fields' OOV rows. A row's number is its
 * place in every array of the trainer.
 */
export class Vocabulary {
  readonly fields: number;
  /** [V, 2]: each row's key as two words, the low one first; zeros for the OOV rows. */
  readonly keys: Uint32Array;
  /** [V]: the field that each row belongs to. */
  readonly fieldOf: Uint16Array;
  /** [V]: how often the training log uses each row. */
  readonly counts: Uint32Array;
  readonly #index = new RowIndex();

  constructor(fields: number, keys: Uint32Array, fieldOf: Uint16Array, counts: Uint32Array) {
    this.fields = fields;
    this.keys = keys;
    this.fieldOf = fieldOf;
    this.counts = counts;
    for (let row = fields; row < counts.length; row++) {
      this.#index.set(keys[2 * row], keys[2 * row + 1], row);
    }
  }

  /** V */
  get size(): number {
    return this.counts.length;
  }

  /** The row of a key; the field's OOV row where the key has none. */
  row(field: number, lo: number, hi: number): number {
    const row = this.#index.get(lo, hi);
    return row < 0 ? field : row;
  }
}
