import type { EntriesCatalogue, ItemCatalogue } from "./blob.ts";
import * as c from "./constants.ts";
import { FormatError } from "./errors.ts";
import { findBrokenRow, rowStride } from "./row.ts";
import { NO_FILTER } from "./row-filter.ts";

// Items by their entries: what a candidate's fields are encoded to, with the rows that the blob does not have. So an
// item takes some forty bytes, in the blob or in an item page, where its precomputed sums take some thousand.
// FORMAT.md, "ITEMS", has the layout of a record: words of 32 bits.

/** What a record's entries may refer to: a blob's rows and its item fields. */
export interface ItemLayout {
  rowType: number;
  /** D, the length of a row's vector. */
  embeddingDim: number;
  /** F + h: the blob's rows. */
  rowCount: number;
  /** [F]: SIDE_CONTEXT or SIDE_ITEM. */
  sides: Uint8Array;
}

/** One item's entries, field by field in the order of the spec. */
export interface ItemEntries {
  /** The field of each entry, ascending. */
  fields: readonly number[];
  /** Of each entry the number of its row in the blob, or its row's bytes. */
  rows: readonly (number | Uint8Array)[];
  /** The value of each entry. */
  values: readonly number[];
}

/** The record of an item's entries. Throws FormatError where it is longer than a record may be. */
export function writeItemEntries({ fields, rows, values }: ItemEntries, rowWords: number, place: string): Uint32Array {
  const own = rows.filter((row): row is Uint8Array => typeof row !== "number");
  const hasValues = values.some((value) => value !== 1);
  const count = fields.length;
  const words = 1 + count + (hasValues ? count : 0) + own.length * rowWords;
  if (words > c.MAX_ITEM_WORDS)
    throw new FormatError(
      place,
      `got ${count} values with ${own.length} rows that the blob does not have, ${4 * words} bytes in all, expected at ` +
        `most ${4 * c.MAX_ITEM_WORDS}`,
    );
  const record = new Uint32Array(words);
  record[0] = count | (own.length << c.ITEM_ROWS_SHIFT) | (hasValues ? c.ITEM_HAS_VALUES : 0);
  let ownRows = 0;
  const bytes = new Uint8Array(record.buffer);
  rows.forEach((row, i) => {
    const number = typeof row === "number" ? row : c.ITEM_ROW_MASK - ownRows;
    record[1 + i] = ((fields[i] as number) << c.ITEM_FIELD_SHIFT) | number;
    if (typeof row !== "number") bytes.set(row, 4 * (words - (own.length - ownRows++) * rowWords));
  });
  if (hasValues) new Float32Array(record.buffer).set(values, 1 + count);
  return record;
}

/**
 * Finds what is wrong with a record of `words` words at `at` of `source`, which may be anything; null where nothing is.
 */
export function faultOfEntries(source: Uint32Array, at: number, words: number, layout: ItemLayout): string | null {
  if (words < 1 || words > c.MAX_ITEM_WORDS) return `with ${words} words, expected 1 to ${c.MAX_ITEM_WORDS}`;
  const head = source[at] as number;
  const count = head & c.ITEM_COUNT_MASK;
  const ownRows = (head >>> c.ITEM_ROWS_SHIFT) & c.ITEM_COUNT_MASK;
  const values = head & c.ITEM_HAS_VALUES ? count : 0;
  const stride = rowStride(layout.rowType, layout.embeddingDim);
  const expected = 1 + count + values + (ownRows * stride) / 4;
  if ((head & ~c.ITEM_HEAD_MASK) !== 0 || words !== expected) return `with ${words} words, expected ${expected}`;
  let last = 0;
  for (let i = at + 1; i <= at + count; i++) {
    const field = (source[i] as number) >>> c.ITEM_FIELD_SHIFT;
    const row = (source[i] as number) & c.ITEM_ROW_MASK;
    if (field < last || layout.sides[field] !== c.SIDE_ITEM)
      return `with a value of field ${field}, expected ascending fields of the item's side`;
    if (row >= layout.rowCount && c.ITEM_ROW_MASK - row >= ownRows)
      return `with row ${row}, expected one of the blob's ${layout.rowCount} or of its own ${ownRows}`;
    last = field;
  }
  const bytes = new Uint8Array(source.buffer, source.byteOffset + 4 * at, 4 * words);
  const numbers = new Float32Array(bytes.buffer, bytes.byteOffset + 4 * (1 + count), values);
  if (!numbers.every(Number.isFinite)) return "with a value that is not finite";
  const broken = findBrokenRow(layout.rowType, layout.embeddingDim, bytes.subarray(4 * (1 + count + values)));
  return broken < 0 ? null : "with a row that has a number which is not finite";
}

/** The bytes of section ITEMS of a catalogue of entries. */
export function writeEntriesSection({ records, entries }: ItemCatalogue): Uint8Array {
  const { filter, starts } = entries ?? { filter: NO_FILTER, starts: new Uint32Array(0) };
  const bytes = new Uint8Array(filter.byteLength + starts.byteLength + records.byteLength);
  bytes.set(new Uint8Array(filter.buffer, filter.byteOffset, filter.byteLength));
  bytes.set(new Uint8Array(starts.buffer, starts.byteOffset, starts.byteLength), filter.byteLength);
  bytes.set(records, filter.byteLength + starts.byteLength);
  return bytes;
}

/**
 * Reads and checks section ITEMS of a catalogue of entries with m items in the blob. `section`: in memory of its own.
 * Throws FormatError.
 */
export function readEntriesSection(
  section: Uint8Array,
  count: number,
  filterBlocks: number,
  pages: number,
  layout: ItemLayout,
): { records: Uint8Array; entries: EntriesCatalogue } {
  const before = filterBlocks * c.FILTER_BLOCK_BYTES + 4 * (count + 1);
  if (before > section.length || section.length % 4 !== 0)
    refuse(`got ${section.length} bytes, expected a multiple of 4 from ${before} on`);
  const words = new Uint32Array(section.slice().buffer);
  const startsAt = (filterBlocks * c.FILTER_BLOCK_BYTES) / 4;
  const starts = words.slice(startsAt, startsAt + count + 1);
  const recordsAt = before / 4;
  const end = words.length - recordsAt;
  if (starts[0] !== 0 || starts[count] !== end)
    refuse(`got records from ${starts[0]} to ${starts[count]}, expected them from 0 to ${end}`);
  for (let i = 0; i < count; i++) {
    const start = starts[i] as number;
    const next = starts[i + 1] as number;
    if (next > end || next <= start) refuse(`got item ${i} from ${start} to ${next}, expected it within ${end} words`);
    const fault = faultOfEntries(words, recordsAt + start, next - start, layout);
    if (fault) refuse(`got item ${i} ${fault}`);
  }
  return { records: section.subarray(before), entries: { starts, pages, filter: words.slice(0, startsAt) } };
}

function refuse(problem: string): never {
  throw new FormatError("blob: section ITEMS", problem);
}
