/**
 * Row key → row number, for all tables together: open addressing over typed arrays, since a Map of 64-bit keys would
 * take an object per row. The key 0 (OOV) is never stored.
 */
export class RowIndex {
  #keys = new Uint32Array(2 * 1024);
  #rows = new Int32Array(1024);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The row of a key, or -1. */
  get(lo: number, hi: number): number {
    return this.#rows[this.#slot(lo, hi)] - 1;
  }

  /** Stores a row ≥ 0 under a key that is not yet there. */
  set(lo: number, hi: number, row: number): void {
    if (++this.#size * 2 > this.#rows.length) this.#grow();
    const slot = this.#slot(lo, hi);
    this.#keys[2 * slot] = lo;
    this.#keys[2 * slot + 1] = hi;
    this.#rows[slot] = row + 1;
  }

  #slot(lo: number, hi: number): number {
    const mask = this.#rows.length - 1;
    let slot = lo & mask;
    while (this.#rows[slot] !== 0 && (this.#keys[2 * slot] !== lo || this.#keys[2 * slot + 1] !== hi)) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  #grow(): void {
    const keys = this.#keys;
    const rows = this.#rows;
    this.#keys = new Uint32Array(2 * keys.length);
    this.#rows = new Int32Array(2 * rows.length);
    for (let old = 0; old < rows.length; old++) {
      if (rows[old] === 0) continue;
      const slot = this.#slot(keys[2 * old], keys[2 * old + 1]);
      this.#keys[2 * slot] = keys[2 * old];
      this.#keys[2 * slot + 1] = keys[2 * old + 1];
      this.#rows[slot] = rows[old];
    }
  }
}
