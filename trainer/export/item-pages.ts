import type { ItemCatalogue } from "../../format/blob.ts";
import { MAX_PAGES } from "../../format/constants.ts";
import { counted } from "../../format/counted.ts";
import { FormatError } from "../../format/errors.ts";
import type { ItemLayout } from "../../format/item-entries.ts";
import { itemPageBytes, writeItemPage } from "../../format/item-page.ts";
import { compareKeys, pageOfKey } from "../../format/keys.ts";
import { pageDigest } from "../../format/page.ts";
import { addToFilter, NO_FILTER, newFilter } from "../../format/row-filter.ts";

/** The items of a catalogue of entries. */
export interface ItemTable {
  /** The position of the field whose values name them. */
  field: number;
  /** [2n]: their row keys, all different. */
  keys: Uint32Array;
  /** [n]: their records. */
  records: readonly Uint32Array[];
  /** [n]: how often training saw each. */
  counts: Uint32Array;
}

/** What there is room for. */
export interface ItemRoom {
  /** Bytes of items in the blob. */
  blobBytes: number;
  /** Bytes of an item page. */
  pageBytes: number;
  /** Pages of rows, which count with those of items. */
  rowPages: number;
  /** Bits an item in a page has in the filter of these, of so many; 0 for no filter. */
  filterBits(items: number): number;
}

/** Where the items of a catalogue of entries are. */
export interface PlacedItems {
  catalogue: ItemCatalogue;
  /** The item pages. */
  pages: { digest: Uint8Array; bytes: Uint8Array }[];
}

/** Bytes that an item takes of the blob: its key, its start and its record. */
function bytesOf(record: Uint32Array): number {
  return 12 + 4 * record.length;
}

/**
 * Puts the items that training saw most into the blob, within `blobBytes`, and the others into pages of at most
 * `pageBytes`. Throws FormatError where an item does not fit a page, or all of them do not fit MAX_PAGES with the
 * model's `rowPages`.
 */
export async function placeItems(
  table: ItemTable,
  layout: ItemLayout,
  { blobBytes, pageBytes, rowPages, filterBits }: ItemRoom,
): Promise<PlacedItems> {
  const { field, keys, records, counts } = table;
  const hottest = Array.from(records.keys()).sort((a, b) => counts[b] - counts[a] || a - b);
  let room = blobBytes;
  let hot = 0;
  for (; hot < hottest.length && bytesOf(records[hottest[hot]]) <= room; hot++) room -= bytesOf(records[hottest[hot]]);
  const inBlob = inOrder(hottest.slice(0, hot), keys);
  const cold = inOrder(hottest.slice(hot), keys);

  const byPage = shareOut(cold, table, pageBytes, MAX_PAGES - rowPages);
  const pages: PlacedItems["pages"] = [];
  for (const [page, items] of byPage.entries()) {
    const pageLayout = { ...layout, itemPages: byPage.length };
    const positions = Uint16Array.from(items.keys());
    const hot = positions.sort((a, b) => counts[items[b]] - counts[items[a]] || a - b);
    const bytes = writeItemPage(pageLayout, page, keysOf(items, keys), recordsOf(items, records), hot);
    pages.push({ digest: await pageDigest(bytes), bytes });
  }
  const filter = cold.length === 0 ? NO_FILTER : newFilter(cold.length, filterBits(cold.length));
  for (const item of cold) if (filter.length > 0) addToFilter(filter, keys[2 * item], keys[2 * item + 1]);
  const starts = new Uint32Array(hot + 1);
  inBlob.forEach((item, i) => {
    starts[i + 1] = starts[i] + records[item].length;
  });
  const words = new Uint32Array(starts[hot]);
  inBlob.forEach((item, i) => {
    words.set(records[item], starts[i]);
  });
  const entries = { starts, pages: pages.length, filter };
  return { catalogue: { field, keys: keysOf(inBlob, keys), records: new Uint8Array(words.buffer), entries }, pages };
}

/** Items in ascending order of their keys. */
function inOrder(items: number[], keys: Uint32Array): number[] {
  return items.sort((a, b) => compareKeys(keys[2 * a], keys[2 * a + 1], keys[2 * b], keys[2 * b + 1]));
}

function keysOf(items: readonly number[], keys: Uint32Array): Uint32Array {
  return Uint32Array.from({ length: 2 * items.length }, (_, word) => keys[2 * items[word >>> 1] + (word & 1)]);
}

function recordsOf(items: readonly number[], records: readonly Uint32Array[]): Uint32Array[] {
  return items.map((item) => records[item]);
}

/** The items of each page: of as few pages as keep each within `pageBytes`. */
function shareOut(items: readonly number[], { keys, records }: ItemTable, pageBytes: number, most: number): number[][] {
  if (items.length === 0) return [];
  const allWords = items.reduce((sum, item) => sum + records[item].length, 0);
  for (
    let pages = Math.ceil(itemPageBytes(items.length, allWords) / pageBytes);
    pages <= most;
    pages = Math.ceil(pages * 1.05 + 0.5)
  ) {
    const [counts, words] = [new Uint32Array(pages), new Float64Array(pages)];
    for (const item of items) {
      const page = pageOfKey(keys[2 * item + 1], pages);
      counts[page]++;
      words[page] += records[item].length;
    }
    if (!counts.every((count, page) => itemPageBytes(count, words[page]) <= pageBytes)) continue;
    const shares: number[][] = Array.from({ length: pages }, () => []);
    for (const item of items) shares[pageOfKey(keys[2 * item + 1], pages)].push(item);
    return shares;
  }
  const largest = items.reduce((size, item) => Math.max(size, 4 * records[item].length), 0);
  throw new FormatError(
    "rows.pageBytes",
    `got ${pageBytes}, expected more: ${counted(items.length, "item")} of up to ${largest} bytes, do not fit ${most} such pages`,
  );
}
