import { rowStride } from "../../format/row.ts";
import type { FeatureSpec } from "../../format/spec.ts";
import type { Vocabulary } from "../data/vocabulary.ts";
import { rowFilter } from "./filter.ts";
import { splitRows, type WrittenPage, writePages } from "./rows.ts";

/** The rows of a trained model, and how an export quantizes them. */
export interface RowTable {
  spec: FeatureSpec;
  vocabulary: Vocabulary;
  /** [V, dim + 1] */
  values: Float32Array;
  /** One of TYPE_… */
  rowType: number;
  /** D, the length of a row's vector. */
  dim: number;
}

/** Where an export has each row. Rows are numbers of the vocabulary, in ascending order of their keys. */
export interface PlacedRows {
  /** The rows that travel in the blob. */
  head: number[];
  /** The rows that are found in pages. */
  paged: number[];
  pages: WrittenPage[];
  /** Which keys the pages hold. */
  filter: Uint32Array;
}

/**
 * Puts the hot rows into the blob, and all others into new pages. `filterBits`: bits a row in a page has in the blob's
 * filter; `rowFilter` has the default. Throws FormatError where the rows do not fit the pages.
 */
export async function placeRows(table: RowTable, filterBits?: number): Promise<PlacedRows> {
  const { spec, vocabulary, values, rowType, dim } = table;
  const { hot, cold } = splitRows(spec, vocabulary, rowStride(rowType, dim));
  const pages = await writePages(cold, vocabulary, values, rowType, dim, spec.rows.pageBytes);
  return { head: hot, paged: cold, pages, filter: rowFilter(cold, vocabulary, filterBits) };
}
