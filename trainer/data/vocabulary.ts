import { RowIndex } from "./row-index.ts";

/**
 * Which rows the tables have, all fields' together: V rows, of which the first F are the fields' OOV rows. A row's
 * number is its place in every array of the trainer.
 */
export class Vocabulary {
  readonly fields: number;
  /** V × 2 words (low, high); zeros for the OOV rows. */
  readonly keys: Uint32Array;
  /** V: the field that each row belongs to. */
  readonly fieldOf: Uint16Array;
  /** V: how often each row was used by the training log. */
  readonly counts: Uint32Array;
  readonly #index = new RowIndex();

  constructor(fields: number, keys: Uint32Array, fieldOf: Uint16Array, counts: Uint32Array) {
    this.fields = fields;
    this.keys = keys;
    this.fieldOf = fieldOf;
    this.counts = counts;
    for (let row = fields; row < counts.length; row++) {
      this.#index.set(keys[2 * row] as number, keys[2 * row + 1] as number, row);
    }
  }

  /** V */
  get size(): number {
    return this.counts.length;
  }

  /** The row of a key, or the field's OOV row. */
  row(field: number, lo: number, hi: number): number {
    const row = this.#index.get(lo, hi);
    return row < 0 ? field : row;
  }
}

/** Counts keys in the order in which they first appear. */
export class VocabularyBuilder {
  readonly #fields: number;
  readonly #index = new RowIndex();
  readonly #keys: number[] = [];
  readonly #fieldOf: number[] = [];
  readonly #counts: number[] = [];

  constructor(fields: number) {
    this.#fields = fields;
    for (let f = 0; f < fields; f++) this.#append(f, 0, 0);
  }

  /** Counts one use of a key; returns its provisional row. The key 0 is the field's OOV row. */
  count(field: number, lo: number, hi: number): number {
    let row = (lo | hi) === 0 ? field : this.#index.get(lo, hi);
    if (row < 0) {
      row = this.#append(field, lo, hi);
      this.#index.set(lo, hi, row);
    }
    this.#counts[row] = (this.#counts[row] as number) + 1;
    return row;
  }

  #append(field: number, lo: number, hi: number): number {
    this.#keys.push(lo, hi);
    this.#fieldOf.push(field);
    return this.#counts.push(0) - 1;
  }

  /**
   * Keeps the keys that were counted at least `minCounts[field]` times. Returns the vocabulary, and for each provisional
   * row its final one: keys that were dropped share their field's OOV row.
   */
  build(minCounts: readonly number[]): { vocabulary: Vocabulary; finalRow: Int32Array } {
    const finalRow = new Int32Array(this.#counts.length);
    const kept: number[] = [];
    const counts: number[] = [];
    this.#counts.forEach((count, row) => {
      const field = this.#fieldOf[row] as number;
      if (row < this.#fields || count >= (minCounts[field] as number)) {
        finalRow[row] = kept.push(row) - 1;
        counts.push(count);
      } else {
        finalRow[row] = field;
        counts[field] = (counts[field] as number) + count;
      }
    });
    const keys = new Uint32Array(2 * kept.length);
    kept.forEach((row, i) => {
      keys[2 * i] = this.#keys[2 * row] as number;
      keys[2 * i + 1] = this.#keys[2 * row + 1] as number;
    });
    const fieldOf = Uint16Array.from(kept, (row) => this.#fieldOf[row] as number);
    return { vocabulary: new Vocabulary(this.#fields, keys, fieldOf, Uint32Array.from(counts)), finalRow };
  }
}
