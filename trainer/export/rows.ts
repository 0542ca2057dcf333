import { MAX_PAGES, PAGE_HEADER_BYTES } from "../../format/constants.ts";
import { FormatError } from "../../format/errors.ts";
import { compareKeys, pageOfKey } from "../../format/keys.ts";
import { type PageLayout, pageDigest, writePage } from "../../format/page.ts";
import { rowStride, writeRow } from "../../format/row.ts";
import type { FeatureSpec } from "../../format/spec.ts";
import type { Vocabulary } from "../data/vocabulary.ts";

/** Bytes of a row's key. */
export const KEY_BYTES = 8;

/** Sorts row numbers in ascending order of the rows' keys. */
export function byKey(rows: number[], keys: Uint32Array): number[] {
  const word = (row: number, i: number): number => keys[2 * row + i];
  return rows.sort((a, b) => compareKeys(word(a, 0), word(a, 1), word(b, 0), word(b, 1)));
}

/**
 * Splits the rows, of `rowBytes` each, between the blob (hot) and pages (cold). A field's `store` decides; the fields
 * whose store is `auto` share the blob's budget of bytes, and their most frequent rows are taken first. The fields' OOV
 * rows, the first F, are in neither list: the blob always has them.
 */
export function splitRows(
  spec: FeatureSpec,
  vocabulary: Vocabulary,
  rowBytes: number,
): { hot: number[]; cold: number[] } {
  const { blob, kv, auto } = rankRows(spec, vocabulary);
  const room = roomForRows(spec, rowBytes);
  auto.forEach((row, i) => {
    (i < room ? blob : kv).push(row);
  });
  return { hot: byKey(blob, vocabulary.keys), cold: byKey(kv, vocabulary.keys) };
}

/** The rows with a key, by their fields' store; those of `auto` with the most frequent ones first. */
export function rankRows(spec: FeatureSpec, vocabulary: Vocabulary): { blob: number[]; kv: number[]; auto: number[] } {
  const ranked = { blob: [] as number[], kv: [] as number[], auto: [] as number[] };
  for (let row = vocabulary.fields; row < vocabulary.size; row++)
    ranked[spec.fields[vocabulary.fieldOf[row]]?.store ?? "auto"].push(row);
  ranked.auto.sort((a, b) => vocabulary.counts[b] - vocabulary.counts[a] || a - b);
  return ranked;
}

/** How many rows of `auto` fields the blob's budget holds. */
function roomForRows(spec: FeatureSpec, rowBytes: number): number {
  return Math.floor(spec.rows.blobBytes / (KEY_BYTES + rowBytes));
}

/** How many rows `splitRows` would call hot. */
export function countHotRows(spec: FeatureSpec, vocabulary: Vocabulary, rowBytes: number): number {
  const counts = { blob: 0, kv: 0, auto: 0 };
  for (let row = vocabulary.fields; row < vocabulary.size; row++) {
    counts[spec.fields[vocabulary.fieldOf[row]]?.store ?? "auto"]++;
  }
  return counts.blob + Math.min(counts.auto, roomForRows(spec, rowBytes));
}

/** Keys of the given rows, [2·n], in the order of the rows. */
export function keysOf(rows: readonly number[], vocabulary: Vocabulary): Uint32Array {
  const keys = new Uint32Array(2 * rows.length);
  rows.forEach((row, i) => {
    keys.set(vocabulary.keys.subarray(2 * row, 2 * row + 2), 2 * i);
  });
  return keys;
}

/** The given rows as a blob or a page has them: quantized, one after the other. */
export function quantizeRows(rows: readonly number[], values: Float32Array, rowType: number, k: number): Uint8Array {
  const stride = rowStride(rowType, k);
  const bytes = new Uint8Array(rows.length * stride);
  const view = new DataView(bytes.buffer);
  rows.forEach((row, i) => {
    writeRow(rowType, k, values, row * (k + 1), view, i * stride);
  });
  return bytes;
}

export interface WrittenPage {
  digest: Uint8Array;
  bytes: Uint8Array;
}

/** Writes cold rows into as few pages as keep each within `pageBytes`. */
export async function writePages(
  cold: readonly number[],
  vocabulary: Vocabulary,
  values: Float32Array,
  rowType: number,
  k: number,
  pageBytes: number,
): Promise<WrittenPage[]> {
  const stride = rowStride(rowType, k);
  const pageCount = pagesNeeded(
    Uint32Array.from(cold, (row) => vocabulary.keys[2 * row + 1]),
    stride,
    pageBytes,
  );
  const rowsOfPages: number[][] = Array.from({ length: pageCount }, () => []);
  for (const row of cold) rowsOfPages[pageOfKey(vocabulary.keys[2 * row + 1], pageCount)]?.push(row);
  const layout: PageLayout = { rowType, embeddingDim: k, pageCount };
  return Promise.all(
    rowsOfPages.map(async (rows, page) => {
      const bytes = writePage(layout, page, keysOf(rows, vocabulary), quantizeRows(rows, values, rowType, k));
      return { digest: await pageDigest(bytes), bytes };
    }),
  );
}

/**
 * The fewest pages of at most `pageBytes` that rows of `rowBytes` fit, by the high words of their keys. Keys spread
 * evenly, so that pages of hundreds of rows are nearly full; where a page holds few rows, many more pages than rows /
 * capacity are needed. Throws FormatError where even MAX_PAGES are too few.
 */
export function pagesNeeded(highWords: Uint32Array, rowBytes: number, pageBytes: number): number {
  if (highWords.length === 0) return 0;
  const capacity = Math.floor((pageBytes - PAGE_HEADER_BYTES) / (KEY_BYTES + rowBytes));
  for (
    let pageCount = Math.ceil(highWords.length / Math.max(0, capacity));
    pageCount <= MAX_PAGES;
    pageCount = Math.ceil(pageCount * 1.05 + 0.5)
  ) {
    const rows = new Uint32Array(pageCount);
    for (const hi of highWords) rows[pageOfKey(hi, pageCount)]++;
    if (rows.every((count) => count <= capacity)) return pageCount;
  }
  throw new FormatError(
    "rows.pageBytes",
    `got ${pageBytes}, expected more: ${highWords.length} rows of ${KEY_BYTES + rowBytes} bytes do not fit ` +
      `${MAX_PAGES} such pages`,
  );
}
