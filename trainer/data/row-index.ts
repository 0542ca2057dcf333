import { slotOf } from "./key-slots.ts";

/** Row key → row number, for all tables together. The key 0 (OOV) is never stored. */
export class RowIndex {
  #keys = new Uint32Array(2 * 1024);
  /** Row + 1 by slot. */
  #rows = new Uint32Array(1024);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The row of a key, or -1. */
  get(lo: number, hi: number): number {
    return this.#rows[slotOf(this.#keys, this.#rows, lo, hi)] - 1;
  }

  /** Stores a row ≥ 0 under a key. Returns the row that the key has already, and then stores nothing; otherwise -1. */
  add(lo: number, hi: number, row: number): number {
    if (2 * (this.#size + 1) > this.#rows.length) this.#grow();
    const slot = slotOf(this.#keys, this.#rows, lo, hi);
    const before = this.#rows[slot] - 1;
    if (before >= 0) return before;
    this.#size++;
    this.#keys[2 * slot] = lo;
    this.#keys[2 * slot + 1] = hi;
    this.#rows[slot] = row + 1;
    return -1;
  }

  #grow(): void {
    const keys = this.#keys;
    const rows = this.#rows;
    this.#keys = new Uint32Array(2 * keys.length);
    this.#rows = new Uint32Array(2 * rows.length);
    for (let old = 0; old < rows.length; old++) {
      if (rows[old] === 0) continue;
      const slot = slotOf(this.#keys, this.#rows, keys[2 * old], keys[2 * old + 1]);
      this.#keys[2 * slot] = keys[2 * old];
      this.#keys[2 * slot + 1] = keys[2 * old + 1];
      this.#rows[slot] = rows[old];
    }
  }
}
