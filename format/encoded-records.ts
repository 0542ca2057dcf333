/** Bytes of an entry: a key of two words, and a value. */
const KEY_BYTES = 8;
const VALUE_BYTES = 4;
const ENTRY_BYTES = KEY_BYTES + VALUE_BYTES;

/** Entries that the arrays of many grow by at a time. Those of fewer double. */
const MAX_GROWTH = 2 ** 18;

/**
 * Records as entries, pairs of a row key and a value. The entries of record b and field f are those from `offsets[b·F +
 * f]` up to, and without, `offsets[b·F + f + 1]`: one for most fields, several for a multi-valued one, none where a
 * missing value adds nothing. The embedding of a field is the sum of value · row over its entries.
 */
export class EncodedRecords {
  /** Number of records, B. */
  count = 0;
  /** Number of entries. */
  entries = 0;
  /** B·F + 1 positions of entries. The array is longer than that while it grows. */
  offsets: Uint32Array;
  /** Row keys, two words (low, high) for each entry. The key 0 stands for the field's OOV row. */
  keys: Uint32Array;
  /** The number that each entry's row is multiplied by. */
  values: Float32Array;

  readonly #reserve: (bytes: number) => void;

  /**
   * `cells`: B·F, if it is known. Room is made for as many entries, or for `entries` of them. `reserve` is told how
   * many bytes the arrays are to take, before they do; what it throws, `add` throws, too.
   */
  constructor(cells = 1024, entries = cells, reserve: (bytes: number) => void = () => {}) {
    const room = Math.max(1, entries);
    this.#reserve = reserve;
    reserve(4 * (cells + 1) + ENTRY_BYTES * room);
    this.offsets = new Uint32Array(cells + 1);
    this.keys = new Uint32Array(2 * room);
    this.values = new Float32Array(room);
  }

  /** Bytes of memory that the arrays take. */
  get bytes(): number {
    return this.offsets.byteLength + ENTRY_BYTES * this.values.length;
  }

  clear(): void {
    this.count = 0;
    this.entries = 0;
  }

  add(lo: number, hi: number, value: number): void {
    const entry = this.entries;
    if (entry === this.values.length) this.#grow();
    this.keys[2 * entry] = lo;
    this.keys[2 * entry + 1] = hi;
    this.values[entry] = value;
    this.entries++;
  }

  /**
   * Appends whole records, whose entries all have the value 1. `offsets`: B·F + 1 positions of their own entries, from
   * 0 on. `keys`: two words for each entry.
   */
  append(records: number, offsets: Uint32Array, keys: Uint32Array): void {
    const first = this.entries;
    const end = first + keys.length / 2;
    while (end > this.values.length) this.#grow();
    const cells = offsets.length - 1;
    const base = (cells / records) * this.count;
    this.reserveOffsets(base + cells + 1);
    for (let cell = 0; cell <= cells; cell++) this.offsets[base + cell] = first + (offsets[cell] as number);
    this.keys.set(keys, 2 * first);
    this.values.fill(1, first, end);
    this.entries = end;
    this.count += records;
  }

  reserveOffsets(length: number): void {
    if (length <= this.offsets.length) return;
    this.#reserve(this.bytes + 8 * length);
    this.offsets = grown(this.offsets, new Uint32Array(2 * length));
  }

  /** Tells of bytes that are needed for a moment beside the arrays. */
  reserveScratch(bytes: number): void {
    this.#reserve(this.bytes + bytes);
  }

  #grow(): void {
    const before = this.values.length;
    const room = before + Math.min(before, MAX_GROWTH);
    // While the keys are copied, the old and the new ones are there, and the old values.
    this.#reserve(this.bytes + KEY_BYTES * room);
    this.keys = grown(this.keys, new Uint32Array(2 * room));
    this.#reserve(this.offsets.byteLength + ENTRY_BYTES * room + VALUE_BYTES * before);
    this.values = grown(this.values, new Float32Array(room));
  }
}

function grown<T extends Uint32Array | Float32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
