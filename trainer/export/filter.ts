import { counted } from "../../format/counted.ts";
import { addToFilter, filterHas, NO_FILTER, newFilter } from "../../format/row-filter.ts";
import { Random } from "../data/random.ts";
import type { Vocabulary } from "../data/vocabulary.ts";
import { bytesText } from "../terminal/table.ts";

// The blob's filter of the rows in pages, without which every unseen value reads one.

/** Bits a row: 0.5 % of unseen values then read a page all the same. */
const BITS = 12;
/** What the filter may take of a blob unless the user says how many bits: with more rows, each gets fewer bits. */
const MOST_BYTES = 4 * 1024 * 1024;
/** With fewer bits than these, which let 18 % of unseen values through, a filter is not worth its bytes. */
const LEAST_BITS = 5;
/** Keys that are drawn to measure how many a filter lets through. */
const DRAWN = 100_000;

/** What an export says of its filter. */
export interface FilterReport {
  /** Rows in pages. */
  rows: number;
  /** Bytes that the filter takes of the blob; 0 where there is none. */
  bytes: number;
  /** The share of unseen values for which a page is read all the same; 1 without a filter. */
  falsePositives: number;
}

/**
 * The filter of the rows in pages. It takes no memory but its own. `bits`: how many a row, 0 for none; by default 12,
 * or as many as keep the filter within 4 MiB, and none where these are fewer than 5.
 */
export function rowFilter(
  cold: readonly number[],
  { keys }: Vocabulary,
  bits = filterBitsFor(cold.length),
): Uint32Array {
  if (bits === 0 || cold.length === 0) return NO_FILTER;
  const filter = newFilter(cold.length, bits);
  for (const row of cold) addToFilter(filter, keys[2 * row], keys[2 * row + 1]);
  return filter;
}

/** The bits a row, or an item, that a filter of so many has by default; 0 where they would be too few. */
export function filterBitsFor(rows: number): number {
  const bits = Math.min(BITS, Math.floor((8 * MOST_BYTES) / Math.max(1, rows)));
  return bits < LEAST_BITS ? 0 : bits;
}

/** Describes a filter. Its false positives are measured, with random keys. */
export function filterReport(rows: number, filter: Uint32Array): FilterReport {
  const random = new Random(1);
  let passed = 0;
  for (let i = 0; i < DRAWN; i++) if (filterHas(filter, random.bits(), random.bits())) passed++;
  return { rows, bytes: filter.byteLength, falsePositives: passed / DRAWN };
}

export function filterText({ rows, bytes, falsePositives }: FilterReport): string {
  if (rows === 0) return "no rows in pages";
  if (bytes === 0) return `no filter of ${counted(rows, "row")} in pages: every unseen value reads one`;
  const share = (100 * falsePositives).toFixed(2);
  return `filter of ${counted(rows, "row")} in pages: ${bytesText(bytes)} of the blob; ${share} % of unseen values read a page`;
}
