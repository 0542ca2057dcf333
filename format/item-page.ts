import * as c from "./constants.ts";
import { FormatError } from "./errors.ts";
import { toHex } from "./hash.ts";
import { faultOfEntries, type ItemLayout } from "./item-entries.ts";
import { ascending, findKey, pageOfKey } from "./keys.ts";
import { pageDigest } from "./page.ts";
import { wordsOf } from "./words.ts";

/** What all item pages of a model have in common. */
export interface ItemPageLayout extends ItemLayout {
  /** Q, how many there are. */
  itemPages: number;
}

/** Bytes of a page that has no item. */
const EMPTY_PAGE_BYTES = c.PAGE_HEADER_BYTES + 4;

/** Bytes of an item page with so many items and words of records: of each its key, its start and its place in order. */
export function itemPageBytes(items: number, recordWords: number): number {
  return EMPTY_PAGE_BYTES + 12 * items + 4 * orderWords(items) + 4 * recordWords;
}

/** Words of the items' order, 16 bits each. */
function orderWords(items: number): number {
  return Math.ceil(items / 2);
}

/**
 * Writes item page `page` of Q. `keys` ascend, and there is a record of entries for each in their order. `hottest`: the
 * positions of the items, those first that are wanted most. Throws FormatError where the page could not be read again.
 */
export function writeItemPage(
  layout: ItemPageLayout,
  page: number,
  keys: Uint32Array,
  records: readonly Uint32Array[],
  hottest: Uint16Array,
): Uint8Array {
  const count = records.length;
  const words = records.reduce((sum, record) => sum + record.length, 0);
  const bytes = new Uint8Array(itemPageBytes(count, words));
  const all = new Uint32Array(bytes.buffer);
  const head = { magic: c.ITEM_PAGE_MAGIC, version: c.ITEM_PAGE_VERSION };
  all.set([head.magic, head.version, bytes.length, layout.rowType, layout.embeddingDim, count, page, layout.itemPages]);
  all.set(keys, c.PAGE_HEADER_BYTES / 4);
  const starts = c.PAGE_HEADER_BYTES / 4 + 2 * count;
  const order = starts + count + 1;
  new Uint16Array(bytes.buffer, 4 * order, count).set(hottest);
  let next = 0;
  records.forEach((record, i) => {
    all[starts + i] = next;
    all.set(record, order + orderWords(count) + next);
    next += record.length;
  });
  all[starts + count] = next;
  new ItemPage(bytes, layout, page); // what could not be read is never written
  return bytes;
}

/** A page of items. The constructor checks all of it but its digest, and throws FormatError. */
export class ItemPage {
  readonly bytes: Uint8Array;
  readonly #words: Uint32Array;
  readonly #keys: Uint32Array;
  /** The words at which the records' starts, their order, and the records begin. */
  readonly #starts: number;
  readonly #order: number;
  readonly #records: number;

  constructor(bytes: Uint8Array, layout: ItemPageLayout, page: number) {
    const place = `item page ${page}`;
    const size = bytes.byteLength;
    if (size < EMPTY_PAGE_BYTES || size % 4 !== 0 || size > c.MAX_PAGE_BYTES)
      throw new FormatError(
        place,
        `got ${size} bytes, expected a multiple of 4 from ${EMPTY_PAGE_BYTES} to ${c.MAX_PAGE_BYTES}`,
      );
    const words = wordsOf(bytes);
    const expect = (what: string, offset: number, expected: number): void => {
      const got = words[offset / 4];
      if (got !== expected) throw new FormatError(place, `got ${what} ${got}, expected ${expected}`);
    };
    expect("magic", 0, c.ITEM_PAGE_MAGIC);
    expect("version", 4, c.ITEM_PAGE_VERSION);
    expect("length", c.PAGE_BYTES, size);
    expect("row type", c.PAGE_ROW_TYPE, layout.rowType);
    expect("embedding dimension", c.PAGE_EMBEDDING_DIM, layout.embeddingDim);
    expect("page number", c.PAGE_NUMBER, page);
    expect("page count", c.PAGE_PAGE_COUNT, layout.itemPages);
    const count = words[c.PAGE_ROW_COUNT / 4] as number;
    const keysAt = c.PAGE_HEADER_BYTES / 4;
    this.#starts = keysAt + 2 * count;
    this.#order = this.#starts + count + 1;
    this.#records = this.#order + orderWords(count);
    if (this.#records > words.length)
      throw new FormatError(place, `got ${size} bytes, expected more for ${count} items`);
    const keys = words.subarray(keysAt, this.#starts);
    if (!ascending(keys)) throw new FormatError(place, "got keys out of order, expected them ascending");
    if (count > 0 && keys[0] === 0 && keys[1] === 0) throw new FormatError(place, "got key 0, which means OOV");
    for (let i = 1; i < keys.length; i += 2) {
      const home = pageOfKey(keys[i] as number, layout.itemPages);
      if (home !== page) throw new FormatError(place, `got a key of page ${home}, expected keys of page ${page}`);
    }
    const end = words.length - this.#records;
    const start = (i: number): number => words[this.#starts + i] as number;
    if (start(0) !== 0 || start(count) !== end)
      throw new FormatError(place, `got records from ${start(0)} to ${start(count)}, expected them from 0 to ${end}`);
    for (let i = 0; i < count; i++) {
      const [from, to] = [start(i), start(i + 1)];
      if (to > end || to <= from)
        throw new FormatError(place, `got item ${i} from ${from} to ${to}, expected it within ${end} words`);
      const fault = faultOfEntries(words, this.#records + from, to - from, layout);
      if (fault) throw new FormatError(place, `got item ${i} ${fault}`);
    }
    this.bytes = bytes;
    this.#words = words;
    this.#keys = keys;
    for (let i = 0; i < count; i++)
      if (this.hottest(i) >= count)
        throw new FormatError(place, `got item ${this.hottest(i)} in the order, expected one of ${count}`);
  }

  get rowCount(): number {
    return this.#keys.length / 2;
  }

  /** Word i of the keys, two for each item: the low one comes first. */
  keyWord(i: number): number {
    return this.#keys[i] as number;
  }

  /** Words of 4 bytes of item i's record. */
  wordsOf(i: number): number {
    return (this.#words[this.#starts + i + 1] as number) - (this.#words[this.#starts + i] as number);
  }

  /** The position of the item that is wanted most but for i others. */
  hottest(i: number): number {
    const word = this.#words[this.#order + (i >>> 1)] as number;
    return i & 1 ? word >>> 16 : word & 0xffff;
  }

  /** Copies item i's record to `target`, from its word `at` on. */
  copyRow(i: number, target: Uint32Array, at: number): void {
    target.set(this.#record(i), at);
  }

  #record(i: number): Uint32Array {
    const start = this.#records + (this.#words[this.#starts + i] as number);
    return this.#words.subarray(start, start + this.wordsOf(i));
  }

  /**
   * The bytes of the record of the item with a key, or null where the catalogue has no such item. Throws where the
   * page's memory was given back.
   */
  row(lo: number, hi: number): Uint8Array | null {
    if (this.bytes.byteLength === 0) throw new Error("a page was asked for an item after its memory was given back");
    const position = findKey(this.#keys, lo, hi);
    if (position < 0) return null;
    const record = this.#record(position);
    return new Uint8Array(record.buffer, record.byteOffset, record.byteLength);
  }

  /** Gives the memory of its bytes back at once, which must be of nothing else. Nobody may ask for an item then. */
  giveBack(): void {
    const { buffer } = this.bytes;
    if (buffer instanceof ArrayBuffer) buffer.transfer(0);
  }
}

/**
 * Opens an item page that came from outside. Throws FormatError where its digest is not the one that the model lists,
 * or the page is broken.
 */
export async function openItemPage(
  bytes: Uint8Array,
  layout: ItemPageLayout,
  page: number,
  digest: Uint8Array,
): Promise<ItemPage> {
  const got = toHex(await pageDigest(bytes));
  const expected = toHex(digest);
  if (got !== expected) throw new FormatError(`item page ${page}`, `got digest ${got}, expected ${expected}`);
  return new ItemPage(bytes, layout, page);
}
