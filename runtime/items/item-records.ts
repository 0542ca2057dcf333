import { ITEM_COUNT_MASK, ITEM_FIELD_SHIFT, ITEM_HAS_VALUES, ITEM_ROW_MASK } from "../../format/constants.ts";
import { ARENA_ROWS, MAX_BATCH, MAX_ENTRIES } from "../abi.ts";
import type { Kernel, KernelBatch } from "../kernel.ts";

/** The records of a request's items, copied to memory of its own, so that nobody else need keep them. */
export class ItemRecords {
  /** Of each item where its record begins in `words`; 0 where it is not at hand. */
  readonly starts: Uint32Array;
  #words = new Uint32Array(FIRST_WORDS);
  #floats = new Float32Array(this.#words.buffer);
  #end = 1;

  readonly #reserve: (bytes: number) => void;

  /** `reserve`: told how many bytes of memory it is to take, before it does. It may throw. */
  constructor(count: number, reserve: (bytes: number) => void = () => {}) {
    this.#reserve = reserve;
    reserve(4 * (count + FIRST_WORDS));
    this.starts = new Uint32Array(count);
  }

  get words(): Uint32Array {
    return this.#words;
  }

  /** The same memory, as the values are there. */
  get floats(): Float32Array {
    return this.#floats;
  }

  /** Bytes of memory that it takes. */
  get bytes(): number {
    return this.#words.byteLength + this.starts.byteLength;
  }

  /** Takes none of the records any longer. */
  clear(): void {
    this.starts.fill(0);
    this.#end = 1;
  }

  /** Takes the record of item i. */
  add(i: number, record: Uint32Array): void {
    const needed = this.#end + record.length;
    if (needed > this.#words.length) {
      const length = Math.max(2 * this.#words.length, needed);
      this.#reserve(4 * (this.starts.length + this.#words.length + length)); // both, until the old ones are copied
      const grown = new Uint32Array(length);
      grown.set(this.#words);
      this.#words = grown;
      this.#floats = new Float32Array(grown.buffer);
    }
    this.#words.set(record, this.#end);
    this.starts[i] = this.#end;
    this.#end = needed;
  }
}

const FIRST_WORDS = 1024;

/** Makes batches of candidates for the kernel of items' records. */
export class ItemBatchFiller {
  readonly #kernel: Kernel;
  readonly #fields: number;
  readonly #offsets: Uint32Array;
  readonly #addresses = new Uint32Array(MAX_ENTRIES);
  readonly #values = new Float32Array(MAX_ENTRIES);

  constructor(kernel: Kernel, fields: number) {
    this.#kernel = kernel;
    this.#fields = fields;
    this.#offsets = new Uint32Array(MAX_BATCH * fields + 1);
  }

  /**
   * A batch of the longest run of items from the one at `from` of `items` on, and the position after it. All of them
   * are at hand. Rows that the records have themselves are put into the arena.
   */
  fill({ words, floats, starts }: ItemRecords, items: Uint32Array, from: number): { batch: KernelBatch; end: number } {
    const { rowBytes, rowsAddress } = this.#kernel;
    const fields = this.#fields;
    const rowWords = rowBytes / 4;
    let entries = 0;
    let slots = 0;
    let end = from;
    for (; end < items.length && end - from < MAX_BATCH; end++) {
      const start = starts[items[end]];
      const head = words[start];
      const count = head & ITEM_COUNT_MASK;
      // A record has at most so many rows as it has words.
      if (entries + count > MAX_ENTRIES || slots + count > ARENA_ROWS) break;
      const hasValues = (head & ITEM_HAS_VALUES) !== 0;
      const ownRows = start + 1 + count + (hasValues ? count : 0);
      let field = 0;
      const cell = (end - from) * fields;
      for (let i = 0; i < count; i++) {
        const entry = words[start + 1 + i];
        for (const of = entry >>> ITEM_FIELD_SHIFT; field <= of; field++) this.#offsets[cell + field] = entries;
        const row = entry & ITEM_ROW_MASK;
        this.#addresses[entries] = isBlobRow(row)
          ? rowsAddress + row * rowBytes
          : this.#kernel.placeWords(slots++, words, ownRows + (ITEM_ROW_MASK - row) * rowWords);
        this.#values[entries++] = hasValues ? floats[start + 1 + count + i] : 1;
      }
      for (; field < fields; field++) this.#offsets[cell + field] = entries;
    }
    this.#offsets[(end - from) * fields] = entries;
    const batch = {
      offsets: this.#offsets.subarray(0, (end - from) * fields + 1),
      addresses: this.#addresses.subarray(0, entries),
      values: this.#values.subarray(0, entries),
    };
    return { batch, end };
  }
}

/** The rows of a record have the last numbers, of which it has at most as many as entries. */
function isBlobRow(row: number): boolean {
  return row < ITEM_ROW_MASK - ITEM_COUNT_MASK;
}
