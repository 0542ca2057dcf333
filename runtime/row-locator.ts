import type { EncodedRecords } from "../format/encoded-records.ts";
import type { Hash64 } from "../format/hash.ts";
import { pageOfKey } from "../format/keys.ts";
import type { BlobManifest } from "../format/read-blob.ts";
import { filterHas } from "../format/row-filter.ts";
import { rowKeyHash } from "../format/row-key.ts";
import { type EncodingLimits, NO_LIMITS } from "./encoding-limits.ts";
import { type KeptRows, keptAddress, NO_ROW, NOTHING_KEPT, UNKNOWN_ROW } from "./kept-rows.ts";
import type { Kernel } from "./kernel.ts";

/** Bytes of a row's address, and of a page's number in a Set, which V8 may keep twice while it grows. */
const ADDRESS_BYTES = 4;
const PAGE_NUMBER_BYTES = 64;

/** Encoded records with the addresses of their rows, as far as these are known without a page. */
export interface LocatedRecords {
  encoded: EncodedRecords;
  /**
   * For each entry the address of its row in the blob; that of its field's OOV row where neither the blob nor a page
   * has one; 0 where a page may have it; or an odd number, for a row of `kept` (kept-rows.ts).
   */
  addresses: Uint32Array;
  /** Rows of pages that are at hand. */
  kept: KeptRows;
  /** How many of the addresses stand for rows of `kept`. */
  keptCount: number;
  /** How many of the addresses are of rows in the blob that have a key. */
  blobCount: number;
  /** How many items' records were kept. */
  itemsKept: number;
  /**
   * The pages that may hold the other rows, or records of items: by number, how many of the scores would use what is in
   * it.
   */
  pages: Map<number, number>;
  /** The row keys of the items that item pages may hold, pairs of words (low, high). */
  itemKeys: Uint32Array;
  /** [F]: how many of each field's values are known to be unseen without a page. */
  unseen: Uint32Array;
}

/** Finds the rows of encoded records: in the blob, among rows that are kept, else the pages that may have them. */
export class RowLocator {
  readonly #kernel: Kernel;
  readonly #pageCount: number;
  /** The blob's section FILTER, in the kernel's memory. */
  readonly #filter: Uint32Array;
  /** By field: whether pages may have rows of it. */
  readonly #kvFields: readonly boolean[];
  /**
   * By field: the key of a missing value, which is never unseen; null for a hashed field, which has no unseen values.
   */
  readonly #missingKeys: readonly (Hash64 | null)[];

  /** `filter`: the blob's section FILTER. */
  constructor(manifest: BlobManifest, kernel: Kernel, filter: Uint32Array) {
    const { fields, hashKey } = manifest.spec;
    this.#kernel = kernel;
    this.#pageCount = manifest.pageCount;
    this.#filter = filter;
    this.#kvFields = fields.map((field) => field.kv && manifest.pageCount > 0);
    this.#missingKeys = fields.map(({ name, encoding }) =>
      encoding.kind === "hash" ? null : rowKeyHash(hashKey, name)("", { lo: 0, hi: 0 }),
    );
  }

  /**
   * Finds the rows that the blob holds, and the pages that may hold the others. `contextUses`: how many scores record
   * 0 takes part in, where it is the context of others. `kept`: rows of pages that are at hand already. `wanted`: how
   * many of the records, the first ones, are worth reading pages for, and count where a value is unseen.
   */
  locate(
    encoded: EncodedRecords,
    contextUses = 1,
    given: EncodingLimits = {},
    kept: KeptRows = NOTHING_KEPT,
    wanted = encoded.count,
  ): LocatedRecords {
    const { maxPages, reserve } = { ...NO_LIMITS, ...given };
    const mostPages = Math.min(maxPages, this.#pageCount, encoded.entries);
    reserve(encoded.bytes + ADDRESS_BYTES * encoded.entries + PAGE_NUMBER_BYTES * mostPages);
    const addresses = new Uint32Array(encoded.entries);
    const unseen = new Uint32Array(this.#kvFields.length);
    this.#kernel.lookup(encoded.keys, addresses);
    const wantedEntries = encoded.offsets[wanted * this.#kvFields.length];
    const counts = { kept, keptCount: 0, blobCount: wantedEntries, itemsKept: 0 };
    const pages = new Map<number, number>();
    const located = { encoded, addresses, pages, unseen, itemKeys: new Uint32Array(0), ...counts };
    this.#locateAbsent(located, contextUses, mostPages, wantedEntries);
    return located;
  }

  /**
   * Gives the entries without a row in the blob the row of them that is kept, or their field's OOV row, and adds the
   * latter to `unseen`, but for those whose row may be in a page. Names these pages, at most `mostPages`. The entries
   * from number `wantedEntries` on are not counted, and no page is named for them.
   */
  #locateAbsent(located: LocatedRecords, contextUses: number, mostPages: number, wantedEntries: number): void {
    const { encoded, addresses, pages, unseen, kept } = located;
    const { offsets, keys } = encoded;
    const fields = this.#kvFields.length;
    const contextEntries = offsets[fields];
    let cell = 0;
    // Most entries have their row in the blob, and are passed over.
    for (let entry = addresses.indexOf(0); entry >= 0; entry = addresses.indexOf(0, entry + 1)) {
      while (offsets[cell + 1] <= entry) cell++;
      const field = cell % fields;
      const isWanted = entry < wantedEntries;
      if (isWanted) located.blobCount--;
      const lo = keys[2 * entry];
      const hi = keys[2 * entry + 1];
      const inPage = this.#kvFields[field] && (lo | hi) !== 0 && filterHas(this.#filter, lo, hi);
      const page = inPage ? pageOfKey(hi, this.#pageCount) : 0;
      const number = inPage ? kept.find(lo, hi, page) : NO_ROW;
      if (number >= 0) {
        addresses[entry] = keptAddress(number);
        located.keptCount++;
      } else if (number === UNKNOWN_ROW) {
        if (!isWanted) continue;
        const uses = pages.get(page) ?? 0;
        if (uses > 0 || pages.size < mostPages) pages.set(page, uses + (entry < contextEntries ? contextUses : 1));
      } else {
        addresses[entry] = this.oovAddress(field);
        if (isWanted) this.countUnseen(unseen, field, lo, hi);
      }
    }
  }

  /** Counts an entry whose key has no row. The key 0 asks for the OOV row. */
  countUnseen(unseen: Uint32Array, field: number, lo: number, hi: number): void {
    const missing = this.#missingKeys[field];
    if (missing === null || (lo | hi) === 0 || (lo === missing.lo && hi === missing.hi)) return;
    unseen[field] = unseen[field] + 1;
  }

  /** The address of a field's OOV row. */
  oovAddress(field: number): number {
    return this.#kernel.rowsAddress + field * this.#kernel.rowBytes;
  }
}
