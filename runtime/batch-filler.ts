import { pageOfKey } from "../format/keys.ts";
import type { Page } from "../format/page.ts";
import { ARENA_ROWS, MAX_BATCH, MAX_ENTRIES } from "./abi.ts";
import { isKept, keptNumber } from "./kept-rows.ts";
import type { Kernel, KernelBatch } from "./kernel.ts";
import type { LocatedRecords, RowLocator } from "./row-locator.ts";

/** What scoring needs of a page: a key's row, or null where the page has none. */
export type PageRows = Pick<Page, "row">;

/** A batch, the number of the record after it, and how many of its entries have no row or one of a page. */
interface FilledBatch {
  batch: KernelBatch;
  end: number;
  rowsMissing: number;
  rowsFromPages: number;
}

/** Cuts located records into batches that fit the kernel, and puts their rows of pages into its arena. */
export class BatchFiller {
  readonly #kernel: Kernel;
  readonly #rows: RowLocator;
  readonly #fields: number;
  readonly #pageCount: number;
  /** The row addresses of a batch's entries. */
  readonly #resolved = new Uint32Array(MAX_ENTRIES);

  constructor(kernel: Kernel, rows: RowLocator, fields: number, pageCount: number) {
    this.#kernel = kernel;
    this.#rows = rows;
    this.#fields = fields;
    this.#pageCount = pageCount;
  }

  /**
   * The longest batch from record `start` on, and the number of the record after it. Rows from pages are put into the
   * arena; values that a page at hand does not have are added to `unseen`.
   */
  fill(
    start: number,
    limit: number,
    { encoded, addresses, kept }: LocatedRecords,
    pages: ReadonlyMap<number, PageRows>,
    unseen: Uint32Array,
  ): FilledBatch {
    const { offsets, keys, values } = encoded;
    const fields = this.#fields;
    const resolved = this.#resolved;
    const firstEntry = offsets[start * fields];
    let rowsMissing = 0;
    let rowsFromPages = 0;
    let slots = 0;
    let end = start;
    // The batch grows by whole records while their entries fit the kernel's buffers and their absent rows the arena.
    for (; end < limit && end - start < MAX_BATCH; end++) {
      const to = offsets[(end + 1) * fields];
      const from = offsets[end * fields];
      if (to - firstEntry > MAX_ENTRIES || slots + (to - from) > ARENA_ROWS) break;
      // Most records have all their rows in the blob.
      let absent = false;
      for (let entry = from; entry < to; entry++) {
        const address = addresses[entry];
        resolved[entry - firstEntry] = address;
        if (address === 0 || isKept(address)) absent = true;
      }
      for (let f = 0; absent && f < fields; f++) {
        const last = offsets[end * fields + f + 1];
        for (let entry = offsets[end * fields + f]; entry < last; entry++) {
          const address = addresses[entry];
          if (isKept(address))
            resolved[entry - firstEntry] = this.#kernel.placeKept(slots++, kept, keptNumber(address));
          if (address !== 0) continue;
          const lo = keys[2 * entry];
          const hi = keys[2 * entry + 1];
          const page = pages.get(pageOfKey(hi, this.#pageCount));
          const row = page?.row(lo, hi);
          if (!page) rowsMissing++;
          else if (!row) this.#rows.countUnseen(unseen, f, lo, hi);
          else rowsFromPages++;
          resolved[entry - firstEntry] = row ? this.#kernel.placeRow(slots++, row) : this.#rows.oovAddress(f);
        }
      }
    }
    const entries = offsets[end * fields] - firstEntry;
    const batch = {
      offsets: offsets.subarray(start * fields, end * fields + 1),
      addresses: resolved.subarray(0, entries),
      values: values.subarray(firstEntry, firstEntry + entries),
    };
    return { batch, end, rowsMissing, rowsFromPages };
  }
}
