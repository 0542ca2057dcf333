import { pageOfKey } from "../../format/keys.ts";
import type { BlobManifest } from "../../format/read-blob.ts";
import { filterHas } from "../../format/row-filter.ts";
import type { KeptRows } from "../kept-rows.ts";
import { NO_ITEM } from "../kernel.ts";
import type { LocatedRecords } from "../row-locator.ts";
import { ItemRecords } from "./item-records.ts";

/** What is known of an item before a page is read: its record is at hand, there is none, or a page may have it. */
export const ITEM_AT_HAND = 0;
export const ITEM_UNKNOWN = 1;
export const ITEM_IN_PAGE = 2;

/** Items that were looked up by the row keys of their ids. */
export interface FoundItems {
  /** The row keys, pairs of words (low, high). */
  keys: Uint32Array;
  /** Of each item ITEM_AT_HAND, ITEM_UNKNOWN or ITEM_IN_PAGE. */
  states: Uint8Array;
  /** How many items the catalogue does not have. */
  unknown: number;
  records: ItemRecords;
  /** How many records are of the blob, and how many were kept elsewhere. */
  fromBlob: number;
  kept: number;
}

/** A catalogue of entries, of which the blob has some and item pages the others. */
export class EntryCatalogue {
  readonly #firstPage: number;
  readonly #pages: number;
  readonly #filter: Uint32Array;
  readonly #starts: Uint32Array;
  readonly #records: Uint32Array;

  /** `blob`: where the blob is in `memory`, the kernel's, which has checked it. */
  constructor(
    { pageCount, itemPages, items }: BlobManifest,
    { offset, filterBytes }: { offset: number; filterBytes: number },
    memory: ArrayBufferLike,
    blob: number,
  ) {
    const count = items?.count ?? 0;
    const starts = blob + offset + filterBytes;
    this.#firstPage = pageCount;
    this.#pages = itemPages;
    this.#filter = new Uint32Array(memory, blob + offset, filterBytes / 4);
    this.#starts = new Uint32Array(memory, starts, count + 1);
    this.#records = new Uint32Array(memory, starts + 4 * (count + 1), this.#starts[count]);
  }

  /**
   * Finds items by their row keys. `numbers`: of each its number in the blob, or NO_ITEM. `reserve`: told how many
   * bytes of memory their records are to take.
   */
  find(keys: Uint32Array, numbers: Uint32Array, kept: KeptRows, reserve: (bytes: number) => void): FoundItems {
    const count = numbers.length;
    const own = new ItemRecords(count, reserve);
    const found = { keys, states: new Uint8Array(count), unknown: 0, records: own, fromBlob: 0, kept: 0 };
    const { states, records } = found;
    for (let i = 0; i < count; i++) {
      const number = numbers[i];
      const [lo, hi] = [keys[2 * i], keys[2 * i + 1]];
      if (number !== NO_ITEM) {
        records.add(i, this.#records.subarray(this.#starts[number], this.#starts[number + 1]));
        found.fromBlob++;
      } else if (this.#pages === 0 || !filterHas(this.#filter, lo, hi)) states[i] = ITEM_UNKNOWN;
      else {
        const record = kept.record(lo, hi, this.pageOf(hi));
        if (record) {
          records.add(i, record);
          found.kept++;
        } else states[i] = record === null ? ITEM_UNKNOWN : ITEM_IN_PAGE;
      }
    }
    for (const state of states) if (state === ITEM_UNKNOWN) found.unknown++;
    return found;
  }

  /**
   * Names the item pages that may have the items which are in none at hand, behind the pages of rows that `located`
   * names, at most `maxPages` together.
   */
  namePages({ keys, states }: FoundItems, located: LocatedRecords, maxPages: number): void {
    const { pages } = located;
    const wanted: number[] = [];
    for (let i = 0; i < states.length; i++) {
      if (states[i] !== ITEM_IN_PAGE) continue;
      const [lo, hi] = [keys[2 * i], keys[2 * i + 1]];
      const page = this.pageOf(hi);
      const uses = pages.get(page) ?? 0;
      if (uses === 0 && pages.size >= maxPages) continue;
      pages.set(page, uses + 1);
      wanted.push(lo, hi);
    }
    located.itemKeys = Uint32Array.from(wanted);
  }

  /** The number, among all pages, of the item page that may have an item. `hi`: the high word of its row key. */
  pageOf(hi: number): number {
    return this.#firstPage + pageOfKey(hi, this.#pages);
  }
}
