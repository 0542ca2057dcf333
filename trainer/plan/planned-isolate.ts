import { PAGE_DIGEST_BYTES } from "../../format/constants.ts";
import { pageOfKey } from "../../format/keys.ts";
import { rowStride } from "../../format/row.ts";
import { filterHas } from "../../format/row-filter.ts";
import { NO_ROW, UNKNOWN_ROW } from "../../runtime/kept-rows.ts";
import { CachedRows } from "../../runtime/rows/cached-rows.ts";
import { RowCache, type RowMemory, type RowsOfPage } from "../../runtime/rows/row-cache.ts";
import type { PlannedRecords, PlannedRequest } from "./planned-records.ts";
import { bytesOfPage, type PlannedRows, type RowLayout } from "./planned-rows.ts";

/** What became of the look-ups of requests, and what the requests read. */
export interface Tally {
  lookups: number;
  /** Rows of the blob. */
  blob: number;
  /** Rows that the isolate had cached. */
  isolate: number;
  /** Values that were known to have no row, by the filter or by a page that was read before. */
  absent: number;
  /** Rows, or their absence, of pages that the request read. */
  source: number;
  /** Values of pages beyond the budget of a request. */
  beyondLimit: number;
  /** Pages that the cache of the location had. */
  nearby: number;
  /** By request: the keys that it read from the source, and the bytes of its pages. */
  keys: number[];
  bytes: number[];
}

export function emptyTally(): Tally {
  return { lookups: 0, blob: 0, isolate: 0, absent: 0, source: 0, beyondLimit: 0, nearby: 0, keys: [], bytes: [] };
}

export interface IsolateLimits {
  /** Bytes for cached rows. */
  cacheBytes: number;
  /** Keys that a request may read: ROW_KEYS_PER_REQUEST of the Worker. */
  keysPerRequest: number;
  /** The cache of its location, which it shares with other isolates; absent: none. */
  location?: PlannedLocation;
}

/** Pages that the cache of a location has, by number. It never drops any. */
export interface PlannedLocation {
  pages: Set<number>;
  /** Of so many pages that are read at a time, how many are looked for there. */
  perRead: number;
  mostAsked: number;
}

/**
 * An isolate that serves a model with such a layout, one request at a time: the Worker's own cache, with rows that have
 * no content. It looks rows up as `Scorer.locate` does, and keeps those of pages as the Worker's RowStore does.
 */
export class PlannedIsolate {
  readonly #rows: PlannedRows;
  readonly #layout: RowLayout;
  readonly #limits: IsolateLimits;
  readonly #cache: RowCache;
  readonly #cached: CachedRows;
  readonly #row: Uint8Array;

  constructor(rows: PlannedRows, layout: RowLayout, limits: IsolateLimits) {
    this.#rows = rows;
    this.#layout = layout;
    this.#limits = limits;
    const memory: RowMemory = { maxRowBytes: limits.cacheBytes, setRows() {}, trimRowsWith() {} };
    const { pageCount } = layout;
    const { rowType, embeddingDim } = rows;
    // Digests tell models apart, and here is one.
    const pageDigests = new Uint8Array(pageCount * PAGE_DIGEST_BYTES);
    this.#cache = new RowCache(memory);
    this.#cached = new CachedRows(this.#cache, { pageDigests, pageCount, rowType, embeddingDim });
    this.#row = new Uint8Array(rowStride(rowType, embeddingDim));
  }

  request({ keys, rows, fieldOf }: PlannedRecords, request: PlannedRequest, tally: Tally): void {
    const { inBlob, filter, pageCount, readsPages } = this.#layout;
    const { fields } = this.#rows.vocabulary;
    const { entries, contextEntries, contextUses } = request;
    /** By page: the keys that it is read for, and how many scores would use rows of it. */
    const wanted = new Map<number, { keys: number[]; uses: number; entries: number }>();
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i];
      const row = rows[entry];
      tally.lookups++;
      if (row >= fields && inBlob[row] === 1) {
        tally.blob++;
        continue;
      }
      const [lo, hi] = [keys[2 * entry], keys[2 * entry + 1]];
      const inPage = pageCount > 0 && readsPages[fieldOf[entry]] && (lo | hi) !== 0 && filterHas(filter, lo, hi);
      const page = inPage ? pageOfKey(hi, pageCount) : 0;
      const number = inPage ? this.#cached.find(lo, hi, page) : NO_ROW;
      if (number >= 0) tally.isolate++;
      else if (number !== UNKNOWN_ROW) tally.absent++;
      else {
        const of = wanted.get(page) ?? { keys: [], uses: 0, entries: 0 };
        wanted.set(page, of);
        of.uses += i < contextEntries ? contextUses : 1;
        of.entries++;
        if (of.keys.at(-1) !== hi || of.keys.at(-2) !== lo) of.keys.push(lo, hi);
      }
    }
    this.#read(wanted, tally);
  }

  #read(wanted: ReadonlyMap<number, { keys: number[]; uses: number; entries: number }>, tally: Tally): void {
    const { keysPerRequest } = this.#limits;
    let order = [...wanted];
    if (order.length > keysPerRequest) {
      order.sort(([, a], [, b]) => b.uses - a.uses);
      for (const [, { entries }] of order.slice(keysPerRequest)) tally.beyondLimit += entries;
      order = order.slice(0, keysPerRequest);
    }
    let bytes = 0;
    for (const [page, { entries }] of order) {
      tally.source += entries;
      bytes += bytesOfPage(this.#rows, this.#layout, page);
      this.#cache.keepWhileRoom(this.#page(page), page, this.#cached.tags);
    }
    for (const [page, { keys }] of order) {
      for (let i = 0; i < keys.length; i += 2) {
        const hasRow = this.#rows.vocabulary.row(0, keys[i], keys[i + 1]) >= this.#rows.vocabulary.fields;
        this.#cached.keep(keys[i], keys[i + 1], page, hasRow ? this.#row : null);
      }
    }
    tally.keys.push(order.length - this.#nearby(order, tally));
    tally.bytes.push(bytes);
  }

  /** How many of the pages the cache of the location has. It has all of them from now on. */
  #nearby(wanted: readonly (readonly [number, unknown])[], tally: Tally): number {
    const { location } = this.#limits;
    if (!location) return 0;
    const nearby = wanted.filter(([page], i) => i % location.perRead < location.mostAsked && location.pages.has(page));
    for (const [page] of wanted) location.pages.add(page);
    tally.nearby += nearby.length;
    return nearby.length;
  }

  #page(page: number): RowsOfPage {
    const { starts, paged } = this.#layout;
    const { keys } = this.#rows.vocabulary;
    const first = starts[page];
    return {
      rowCount: starts[page + 1] - first,
      wordsOf: () => this.#cached.rowWords,
      hottest: (i) => i,
      keyWord: (i) => keys[2 * paged[first + (i >>> 1)] + (i & 1)],
      copyRow() {},
    };
  }
}
