import { FormatError } from "../../format/errors.ts";
import { RowIndex } from "./row-index.ts";
import { keyText } from "./shared-key.ts";

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

  /** Throws FormatError where two rows have one key; `place` says where the keys are. */
  constructor(fields: number, keys: Uint32Array, fieldOf: Uint16Array, counts: Uint32Array, place = "rows.keys") {
    this.fields = fields;
    this.keys = keys;
    this.fieldOf = fieldOf;
    this.counts = counts;
    for (let row = fields; row < counts.length; row++) {
      const before = this.#index.add(keys[2 * row], keys[2 * row + 1], row);
      if (before >= 0)
        throw new FormatError(
          place,
          `got the row key ${keyText(keys[2 * row], keys[2 * row + 1])} twice, for row ${before} of field ` +
            `${fieldOf[before]} and row ${row} of field ${fieldOf[row]}, expected different ones: train again`,
        );
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
