import {
  MAX_PAGE_BYTES,
  PAGE_BYTES,
  PAGE_DIGEST_BYTES,
  PAGE_EMBEDDING_DIM,
  PAGE_HEADER_BYTES,
  PAGE_MAGIC,
  PAGE_NUMBER,
  PAGE_PAGE_COUNT,
  PAGE_ROW_COUNT,
  PAGE_ROW_TYPE,
  PAGE_VERSION,
} from "./constants.ts";
import { FormatError } from "./errors.ts";
import { sha256, toHex } from "./hash.ts";
import { ascending, findKey, pageOfKey } from "./keys.ts";
import { findBrokenRow, rowStride } from "./row.ts";
import { wordsOf } from "./words.ts";

/** What all pages of a model have in common. */
export interface PageLayout {
  rowType: number;
  /** D, the length of a row's vector. */
  embeddingDim: number;
  pageCount: number;
}

/**
 * Writes a page of rows. `keys` ascend, and `rows` holds one row for each key in their order. Throws FormatError where
 * the page could not be read again.
 */
export function writePage(layout: PageLayout, page: number, keys: Uint32Array, rows: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(PAGE_HEADER_BYTES + keys.byteLength + rows.byteLength);
  const header = new DataView(bytes.buffer);
  header.setUint32(0, PAGE_MAGIC, true);
  header.setUint32(4, PAGE_VERSION, true);
  header.setUint32(PAGE_BYTES, bytes.byteLength, true);
  header.setUint32(PAGE_ROW_TYPE, layout.rowType, true);
  header.setUint32(PAGE_EMBEDDING_DIM, layout.embeddingDim, true);
  header.setUint32(PAGE_ROW_COUNT, keys.length / 2, true);
  header.setUint32(PAGE_NUMBER, page, true);
  header.setUint32(PAGE_PAGE_COUNT, layout.pageCount, true);
  keys.forEach((word, i) => {
    header.setUint32(PAGE_HEADER_BYTES + 4 * i, word, true);
  });
  bytes.set(rows, PAGE_HEADER_BYTES + keys.byteLength);
  new Page(bytes, layout, page); // what could not be read is never written
  return bytes;
}

/** A page of rows. The constructor checks all of it but its digest, and throws FormatError. */
export class Page {
  readonly bytes: Uint8Array;
  readonly #keys: Uint32Array;
  readonly #rows: number;
  readonly #stride: number;
  /** Those of all rows; null where they are not aligned. To copy from it takes no view for each row. */
  readonly #words: Uint32Array | null;

  constructor(bytes: Uint8Array, layout: PageLayout, page: number) {
    const place = `page ${page}`;
    const size = bytes.byteLength;
    if (size < PAGE_HEADER_BYTES)
      throw new FormatError(place, `got ${size} bytes, expected at least ${PAGE_HEADER_BYTES}`);
    if (size > MAX_PAGE_BYTES) throw new FormatError(place, `got ${size} bytes, expected at most ${MAX_PAGE_BYTES}`);
    const header = new DataView(bytes.buffer, bytes.byteOffset, size);
    const expect = (what: string, offset: number, expected: number): void => {
      const got = header.getUint32(offset, true);
      if (got !== expected) throw new FormatError(place, `got ${what} ${got}, expected ${expected}`);
    };
    expect("magic", 0, PAGE_MAGIC);
    expect("version", 4, PAGE_VERSION);
    expect("length", PAGE_BYTES, size);
    expect("row type", PAGE_ROW_TYPE, layout.rowType);
    expect("embedding dimension", PAGE_EMBEDDING_DIM, layout.embeddingDim);
    expect("page number", PAGE_NUMBER, page);
    expect("page count", PAGE_PAGE_COUNT, layout.pageCount);
    const count = header.getUint32(PAGE_ROW_COUNT, true);
    const stride = rowStride(layout.rowType, layout.embeddingDim);
    const expected = PAGE_HEADER_BYTES + count * (8 + stride);
    if (size !== expected) throw new FormatError(place, `got ${size} bytes, expected ${expected} for ${count} rows`);

    const keys = wordsOf(bytes.subarray(PAGE_HEADER_BYTES, PAGE_HEADER_BYTES + 8 * count));
    if (!ascending(keys)) throw new FormatError(place, "got keys out of order, expected them ascending");
    if (count > 0 && keys[0] === 0 && keys[1] === 0) throw new FormatError(place, "got key 0, which means OOV");
    for (let i = 1; i < keys.length; i += 2) {
      const home = pageOfKey(keys[i] as number, layout.pageCount);
      if (home !== page) throw new FormatError(place, `got a key of page ${home}, expected keys of page ${page}`);
    }
    const rows = PAGE_HEADER_BYTES + 8 * count;
    const broken = findBrokenRow(layout.rowType, layout.embeddingDim, bytes.subarray(rows));
    if (broken >= 0) throw new FormatError(place, `got row ${broken} with a number that is not finite`);
    this.bytes = bytes;
    this.#keys = keys;
    this.#rows = rows;
    this.#stride = stride;
    const start = bytes.byteOffset + rows;
    this.#words = start % 4 === 0 ? new Uint32Array(bytes.buffer, start, (count * stride) / 4) : null;
  }

  get rowCount(): number {
    return this.#keys.length / 2;
  }

  /** Words of 4 bytes of row i, which are those of every row. */
  wordsOf(_i: number): number {
    return this.#stride / 4;
  }

  /** Of rows nobody says which are wanted most. */
  hottest(i: number): number {
    return i;
  }

  /** Word i of the row keys, two for each row: the low one comes first. */
  keyWord(i: number): number {
    return this.#keys[i] as number;
  }

  /** Copies row i to `target`, from its word `at` on. */
  copyRow(i: number, target: Uint32Array, at: number): void {
    const length = this.#stride / 4;
    const words = this.#words;
    if (words) {
      for (let j = 0; j < length; j++) target[at + j] = words[i * length + j] as number;
      return;
    }
    const start = this.#rows + i * this.#stride;
    const bytes = new Uint8Array(target.buffer, target.byteOffset + 4 * at, this.#stride);
    bytes.set(this.bytes.subarray(start, start + this.#stride));
  }

  /** Bytes of memory that it takes: its own, and those of its keys where they had to be copied. */
  get memoryBytes(): number {
    return this.bytes.byteLength + (this.#keys.buffer === this.bytes.buffer ? 0 : this.#keys.byteLength);
  }

  /**
   * Gives the memory of its bytes back at once, which must be of nothing else. Nobody may ask the page for a row then.
   */
  giveBack(): void {
    const { buffer } = this.bytes;
    if (buffer instanceof ArrayBuffer) buffer.transfer(0);
  }

  /**
   * The bytes of a key's row, or null where the page has none: the value was not seen in training. Throws where the
   * page's memory was given back.
   */
  row(lo: number, hi: number): Uint8Array | null {
    if (this.bytes.byteLength === 0) throw new Error("a page was asked for a row after its memory was given back");
    const position = findKey(this.#keys, lo, hi);
    if (position < 0) return null;
    const start = this.#rows + position * this.#stride;
    return this.bytes.subarray(start, start + this.#stride);
  }

  /** The keys of its rows, ascending, [2·rows]. */
  get keys(): Uint32Array {
    return this.#keys;
  }
}

/** A page's digest: the first 16 bytes of SHA-256 of its bytes. */
export async function pageDigest(bytes: Uint8Array): Promise<Uint8Array> {
  return (await sha256(bytes)).subarray(0, PAGE_DIGEST_BYTES);
}

/**
 * Opens a page that came from outside. Throws FormatError where its digest is not the one that the model lists, or the
 * page is broken.
 */
export async function openPage(bytes: Uint8Array, layout: PageLayout, page: number, digest: Uint8Array): Promise<Page> {
  const got = toHex(await pageDigest(bytes));
  const expected = toHex(digest);
  if (got !== expected) throw new FormatError(`page ${page}`, `got digest ${got}, expected ${expected}`);
  return new Page(bytes, layout, page);
}
