import { bucketBits } from "../../format/blob.ts";
import { PAGE_HEADER_BYTES } from "../../format/constants.ts";
import { pageOfKey } from "../../format/keys.ts";
import { rowStride } from "../../format/row.ts";
import type { FeatureSpec } from "../../format/spec.ts";
import type { Vocabulary } from "../data/vocabulary.ts";
import { rowFilter } from "../export/filter.ts";
import { byKey, KEY_BYTES, pagesNeeded, rankRows } from "../export/rows.ts";

/** The rows of a model, which a plan divides between the blob and pages. */
export interface PlannedRows {
  vocabulary: Vocabulary;
  /** Rows that are in the blob whatever its budget is. */
  blob: readonly number[];
  /** Rows that are in pages whatever the blob's budget is. */
  paged: readonly number[];
  /** The other rows, in the order in which the blob takes them. */
  ranked: readonly number[];
  /** All rows with a key, in ascending order of their keys. */
  sorted: readonly number[];
  rowType: number;
  /** D, the length of a row's vector. */
  embeddingDim: number;
  /** Whether the vocabulary tells rows' fields: the files of an export do not. */
  knowsFields: boolean;
}

/** Where each row is. */
export interface RowLayout {
  /** Bytes of the blob that are for rows. */
  blobBytes: number;
  pageBytes: number;
  /** [V]: 1 where the row is in the blob. */
  inBlob: Uint8Array;
  headRows: number;
  /** The rows in pages, in ascending order of their keys. */
  paged: Uint32Array;
  pageCount: number;
  /** [P + 1]: page i has the rows paged[starts[i]] up to, and without, paged[starts[i + 1]]. */
  starts: Uint32Array;
  filter: Uint32Array;
  /** [F]: whether rows of the field are in pages, or may be. */
  readsPages: boolean[];
}

/** The rows of a trained model, as an export with rows of `rowType` has them. */
export function plannedRows(
  spec: FeatureSpec,
  vocabulary: Vocabulary,
  rowType: number,
  embeddingDim: number,
): PlannedRows {
  const { blob, kv, auto } = rankRows(spec, vocabulary);
  return rowsInOrder(vocabulary, { blob, paged: kv, ranked: auto, knowsFields: true }, rowType, embeddingDim);
}

export function rowsInOrder(
  vocabulary: Vocabulary,
  placed: Pick<PlannedRows, "blob" | "paged" | "ranked" | "knowsFields">,
  rowType: number,
  embeddingDim: number,
): PlannedRows {
  const all = Array.from({ length: vocabulary.size - vocabulary.fields }, (_, i) => vocabulary.fields + i);
  return { vocabulary, ...placed, sorted: byKey(all, vocabulary.keys), rowType, embeddingDim };
}

/** Bytes of a row and its key, in the blob or in a page. */
export function rowBytesOf({ rowType, embeddingDim }: PlannedRows): number {
  return KEY_BYTES + rowStride(rowType, embeddingDim);
}

/**
 * Where an export would put the rows with so many bytes for rows in the blob and in a page. `filterBits`: as for
 * `rowFilter`. Throws FormatError where the rows do not fit the pages.
 */
export function layOut(rows: PlannedRows, blobBytes: number, pageBytes: number, filterBits?: number): RowLayout {
  const { vocabulary } = rows;
  const inBlob = new Uint8Array(vocabulary.size);
  for (const row of rows.blob) inBlob[row] = 1;
  const head = rows.ranked.slice(0, Math.floor(blobBytes / rowBytesOf(rows)));
  for (const row of head) inBlob[row] = 1;
  const cold = rows.sorted.filter((row) => inBlob[row] === 0);
  const paged = Uint32Array.from(cold);
  const highWords = paged.map((row) => vocabulary.keys[2 * row + 1]);
  const pageCount = pagesNeeded(highWords, rowBytesOf(rows) - KEY_BYTES, pageBytes);
  const starts = new Uint32Array(pageCount + 1);
  for (const hi of highWords) starts[pageOfKey(hi, pageCount) + 1]++;
  for (let page = 0; page < pageCount; page++) starts[page + 1] += starts[page];
  const filter = rowFilter(cold, vocabulary, filterBits);
  const headRows = rows.blob.length + head.length;
  const readsPages = new Array<boolean>(vocabulary.fields).fill(!rows.knowsFields);
  for (const row of cold) readsPages[vocabulary.fieldOf[row]] = true;
  return { blobBytes, pageBytes, inBlob, headRows, paged, pageCount, starts, filter, readsPages };
}

/** Bytes of a page. */
export function bytesOfPage(rows: PlannedRows, { starts }: RowLayout, page: number): number {
  return PAGE_HEADER_BYTES + (starts[page + 1] - starts[page]) * rowBytesOf(rows);
}

/** Bytes of all pages, and of what the blob has of rows: the head with its index, and the filter. */
export function bytesOf(rows: PlannedRows, layout: RowLayout): { pages: number; head: number; filter: number } {
  const { headRows, paged, pageCount, filter } = layout;
  return {
    pages: pageCount * PAGE_HEADER_BYTES + paged.length * rowBytesOf(rows),
    head: headRows * rowBytesOf(rows) + 4 * 2 ** bucketBits(headRows),
    filter: filter.byteLength,
  };
}
