import type { PlannedItems } from "../../trainer/plan/planned-model.ts";

/** Where a catalogue's items would be that does not fit the blob as sums, and what ranking them would read. */
export interface ItemPagesPlan {
  /** Bytes of an item's entries, without its key. */
  bytesPerItem: number;
  inBlob: number;
  pages: number;
  /** Keys of a request to rank the plan's candidates, beside those of its context. */
  keys: number;
}

/** Bytes of an item's key and start, and in a page of its place in the order. */
const BLOB_OVERHEAD = 12;
const PAGE_OVERHEAD = 14;
/** Bytes of an item in the cache beside its record: its name, its head and its place in the index. */
const CACHE_OVERHEAD = 17;

/**
 * Plans a catalogue of entries from how often training saw each item: the most frequent ones are in the blob, and the
 * next ones in an isolate's cache, as if it had all of that. Each other item of a request is on a page of its own.
 */
export function planItemPages(
  { counts, entryBytes, blobBytes }: PlannedItems,
  pageBytes: number,
  cacheBytes: number,
  candidates: number,
): ItemPagesPlan {
  const sorted = counts.toSorted().reverse();
  const inBlob = Math.min(sorted.length, Math.floor(blobBytes / (entryBytes + BLOB_OVERHEAD)));
  const cached = Math.floor(cacheBytes / (entryBytes + CACHE_OVERHEAD));
  const sum = (list: Uint32Array): number => list.reduce((total, count) => total + count, 0);
  const missed = sum(sorted.subarray(inBlob + cached)) / Math.max(1, sum(sorted));
  return {
    bytesPerItem: entryBytes,
    inBlob,
    pages: Math.ceil(((sorted.length - inBlob) * (entryBytes + PAGE_OVERHEAD)) / pageBytes),
    keys: candidates * missed,
  };
}
