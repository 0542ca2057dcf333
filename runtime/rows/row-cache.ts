import type { Page } from "../../format/page.ts";
import { giveBack } from "./give-back.ts";
import { RowIndex } from "./row-index.ts";
import type { RowTags } from "./row-tags.ts";

// Rows, and items' records, which are rows of other lengths here, lie one after the other in segments, as entries:
//   word 0, 1   what names the row (row-tags.ts)
//   word 2      ENTRY_USE × its uses since CLOCK's hand last passed + the words of the row; 0 words: there is no row
//   then        the row as its page has it

const ENTRY_HEAD_WORDS = 3;
const ENTRY_USE = 2 ** 16;
/** More uses than this are not counted: a row outlives so many rounds of CLOCK's hand without a new one. */
const MAX_USES = 3;

/** Words of a segment: small beside the least that the cache may have, 8 MiB, and large beside a row of 1 KiB. */
const SEGMENT_BITS = 14;
const SEGMENT_WORDS = 2 ** SEGMENT_BITS;
const SEGMENT_BYTES = 4 * SEGMENT_WORDS;
const IN_SEGMENT = SEGMENT_WORDS - 1;
/** The first entry of a segment is not at 0, so that no entry's position is 0. */
const FIRST_ENTRY = 1;

/** What `find` gives where the cache knows nothing of a row. */
export const NOT_CACHED = -1;
/** What `find` gives where it knows that the page has no such row. */
export const CACHED_ABSENCE = -2;

/** The memory that a cache of rows lives in: the Worker's budget, or a planner's bytes. */
export interface RowMemory {
  /** Bytes that cached rows may take now. */
  readonly maxRowBytes: number;
  /** Is told what the rows take. */
  setRows(bytes: number): void;
  /** Is given what drops rows until they take at most so many bytes. */
  trimRowsWith(trim: (maxBytes: number) => void): void;
}

/** What is read of a page whose rows are all kept. */
export type RowsOfPage = Pick<Page, "rowCount" | "wordsOf" | "hottest" | "keyWord" | "copyRow">;

/**
 * Rows of pages that an isolate has read, and keys that pages turned out not to have. When there is no room, CLOCK
 * drops rows: its hand passes over the segments from the oldest on, keeps the rows that were used since it last came
 * by, and moves them together. A position is good until rows are added.
 */
export class RowCache {
  readonly #memory: RowMemory;
  /** By number; one that was given back is empty. */
  readonly #segments: Uint32Array[] = [];
  /** By number of a segment: where its entries end. */
  readonly #ends: number[] = [];
  /** Numbers of segments, in the order in which the hand comes by. Entries are added to the last one. */
  #order: number[] = [];
  readonly #free: number[] = [];
  readonly #index: RowIndex;
  /** Whether the room in the last segment is what the hand has made there. */
  #isSwept = false;

  constructor(memory: RowMemory) {
    this.#memory = memory;
    this.#index = new RowIndex((position) => this.#segmentOf(position)[position & IN_SEGMENT] as number);
    memory.trimRowsWith((maxBytes) => this.#trim(maxBytes));
  }

  /** Bytes of memory that it takes. */
  get bytes(): number {
    return this.#order.length * SEGMENT_BYTES + this.#index.bytes;
  }

  /** How many rows and absences it has. */
  get count(): number {
    return this.#index.count;
  }

  /** The position of a row of `rowWords` words, which counts as a use of it; NOT_CACHED or CACHED_ABSENCE. */
  find(lo: number, hi: number, rowWords: number): number {
    const position = this.#position(lo, hi);
    if (position === 0) return NOT_CACHED;
    const words = this.#use(position);
    if (words === rowWords) return position;
    return words === 0 ? CACHED_ABSENCE : NOT_CACHED;
  }

  /**
   * The words of a row of any length, which counts as a use of it; null where its page has none, and undefined where
   * nothing is known of it. They are good until rows are added.
   */
  read(lo: number, hi: number): Uint32Array | null | undefined {
    const position = this.#position(lo, hi);
    if (position === 0) return undefined;
    const words = this.#use(position);
    const from = (position & IN_SEGMENT) + ENTRY_HEAD_WORDS;
    return words === 0 ? null : this.#segmentOf(position).subarray(from, from + words);
  }

  /** Counts a use of the entry at a position. Returns the words of its row. */
  #use(position: number): number {
    const segment = this.#segmentOf(position);
    const head = (position & IN_SEGMENT) + 2;
    const value = segment[head] as number;
    if (value < MAX_USES * ENTRY_USE) segment[head] = value + ENTRY_USE;
    return value % ENTRY_USE;
  }

  /** Copies the `rowWords` words of the row at a position to `target`, from word `at` on. */
  copy(position: number, rowWords: number, target: Uint32Array, at: number): void {
    const segment = this.#segmentOf(position);
    const from = (position & IN_SEGMENT) + ENTRY_HEAD_WORDS;
    for (let i = 0; i < rowWords; i++) target[at + i] = segment[from + i] as number;
  }

  /** Keeps a row, or that there is none. One that is there counts as used. */
  keep(lo: number, hi: number, row: Uint8Array | null): void {
    const words = row === null ? 0 : row.byteLength / 4;
    if (this.find(lo, hi, words) !== NOT_CACHED || !this.#makeRoom(ENTRY_HEAD_WORDS + words)) return;
    const from = this.#append(lo, hi, words);
    if (row === null) return;
    const segment = this.#segments[this.#order.at(-1) as number] as Uint32Array;
    new Uint8Array(segment.buffer, 4 * from, row.byteLength).set(row);
  }

  /** Whether `keepWhileRoom` may keep any. */
  get keepsPages(): boolean {
    return !this.#isSwept;
  }

  /**
   * Keeps a page's rows as long as nothing has to be dropped for them: what an isolate would else leave empty while it
   * is young answers as much as if it cached whole pages. `number`: the page's, in the model of the tags. `share`: of
   * the page's rows, those that are wanted most.
   */
  keepWhileRoom(page: RowsOfPage, number: number, tags: RowTags, share = 1): void {
    if (this.#isSwept) return;
    const { rowCount } = page;
    const [loTag, hiTag] = [tags.lo(0, number), tags.hi(0, number)];
    for (let hot = 0; hot < Math.min(1, share) * rowCount; hot++) {
      const i = page.hottest(hot);
      const rowWords = page.wordsOf(i);
      const words = ENTRY_HEAD_WORDS + rowWords;
      const lo = (page.keyWord(2 * i) ^ loTag) >>> 0;
      const hi = (page.keyWord(2 * i + 1) ^ hiTag) >>> 0;
      if (this.#position(lo, hi) !== 0) continue;
      if (!this.#hasRoom(words) && !this.#addSegment()) return;
      if (!this.#index.hasRoom && !this.#growIndex(false)) return;
      const from = this.#append(lo, hi, rowWords);
      page.copyRow(i, this.#segments[this.#order.at(-1) as number] as Uint32Array, from);
    }
  }

  #segmentOf(position: number): Uint32Array {
    return this.#segments[position >>> SEGMENT_BITS] as Uint32Array;
  }

  /** The position of what a name is of, or 0. */
  #position(lo: number, hi: number): number {
    const index = this.#index;
    for (let place = index.first(lo); ; place = index.next(place)) {
      const position = index.at(place);
      if (position === 0) return 0;
      const segment = this.#segmentOf(position);
      const entry = position & IN_SEGMENT;
      if (segment[entry] === lo && segment[entry + 1] === hi) return position;
    }
  }

  /** Adds an entry to the last segment, which has room for it. Returns where its row begins in the segment. */
  #append(lo: number, hi: number, rowWords: number): number {
    const number = this.#order.at(-1) as number;
    const segment = this.#segments[number] as Uint32Array;
    const entry = this.#ends[number] as number;
    segment[entry] = lo;
    segment[entry + 1] = hi;
    segment[entry + 2] = rowWords;
    this.#ends[number] = entry + ENTRY_HEAD_WORDS + rowWords;
    this.#index.add(lo, number * SEGMENT_WORDS + entry);
    return entry + ENTRY_HEAD_WORDS;
  }

  #hasRoom(words: number): boolean {
    const last = this.#order.at(-1);
    return last !== undefined && (this.#ends[last] as number) + words <= SEGMENT_WORDS;
  }

  /** Makes room for an entry of so many words. Returns false where the cache may have no memory at all. */
  #makeRoom(words: number): boolean {
    if (!this.#index.hasRoom) this.#growIndex(true);
    if (!this.#hasRoom(words)) this.#addSegment();
    // Each round takes a use from every row, so that after MAX_USES + 1 rounds none would be left.
    for (let steps = this.#order.length * (MAX_USES + 1); !this.#index.hasRoom || !this.#hasRoom(words); steps--) {
      if (steps === 0) return false;
      const oldest = this.#order.shift() as number;
      this.#order.push(oldest);
      this.#isSwept = true;
      this.#sweep(oldest);
    }
    return true;
  }

  /** CLOCK's hand passes over a segment: rows that were used stay, moved together, and the others go. */
  #sweep(number: number): void {
    const segment = this.#segments[number] as Uint32Array;
    const end = this.#ends[number] as number;
    let to = FIRST_ENTRY;
    for (let entry = FIRST_ENTRY; entry < end; ) {
      const head = segment[entry + 2] as number;
      const words = ENTRY_HEAD_WORDS + (head % ENTRY_USE);
      const lo = segment[entry] as number;
      const position = number * SEGMENT_WORDS + entry;
      if (head < ENTRY_USE) this.#index.remove(lo, position);
      else {
        segment[entry + 2] = head - ENTRY_USE;
        if (to !== entry) {
          this.#index.move(lo, position, number * SEGMENT_WORDS + to);
          segment.copyWithin(to, entry, entry + words);
        }
        to += words;
      }
      entry += words;
    }
    this.#ends[number] = to;
  }

  /** Adds an empty segment, if there is memory for it. */
  #addSegment(): boolean {
    if (this.bytes + SEGMENT_BYTES > this.#memory.maxRowBytes) return false;
    const number = this.#free.pop() ?? this.#segments.length;
    this.#segments[number] = new Uint32Array(SEGMENT_WORDS);
    this.#ends[number] = FIRST_ENTRY;
    this.#order.push(number);
    this.#isSwept = false;
    this.#count();
    return true;
  }

  /** Doubles the index. `drops`: the oldest segments may make room for it. */
  #growIndex(drops: boolean): boolean {
    const { maxRowBytes } = this.#memory;
    const grown = this.#index.bytesOnceGrown;
    if (grown + SEGMENT_BYTES > maxRowBytes) return false;
    if (this.#order.length * SEGMENT_BYTES + grown > maxRowBytes) {
      if (!drops) return false;
      this.#dropSegments(maxRowBytes - grown);
    }
    this.#index.grow();
    this.#count();
    return true;
  }

  #trim(maxBytes: number): void {
    if (this.bytes <= maxBytes) return;
    this.#dropSegments(Math.max(0, maxBytes - this.#index.bytes));
    this.#index.shrink();
    if (this.bytes > maxBytes) this.#dropSegments(0);
    this.#index.shrink();
    this.#count();
  }

  /** Drops segments, the oldest first, until they take at most so many bytes. */
  #dropSegments(maxBytes: number): void {
    while (this.#order.length * SEGMENT_BYTES > maxBytes) {
      const number = this.#order.shift() as number;
      const segment = this.#segments[number] as Uint32Array<ArrayBuffer>;
      const end = this.#ends[number] as number;
      for (let entry = FIRST_ENTRY; entry < end; ) {
        this.#index.remove(segment[entry] as number, number * SEGMENT_WORDS + entry);
        entry += ENTRY_HEAD_WORDS + ((segment[entry + 2] as number) % ENTRY_USE);
      }
      this.#segments[number] = new Uint32Array(0);
      this.#free.push(number);
      giveBack(segment);
    }
  }

  #count(): void {
    this.#memory.setRows(this.bytes);
  }
}
