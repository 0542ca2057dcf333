import * as v from "valibot";
import type { Evidence } from "../../format/blob.ts";
import { PAGE_HEADER_BYTES } from "../../format/constants.ts";
import { pageOfKey } from "../../format/keys.ts";
import { Page, pageDigest, writePage } from "../../format/page.ts";
import { type BlobManifest, readManifest } from "../../format/read-blob.ts";
import { rowStride, writeRow } from "../../format/row.ts";
import { addToFilter } from "../../format/row-filter.ts";
import { bytesText } from "../terminal/table.ts";
import { rowFilter } from "./filter.ts";
import type { PlacedRows, RowTable } from "./placement.ts";
import { QUANTIZATIONS, rowTypeOf } from "./quantization.ts";
import { byKey, KEY_BYTES, keysOf, quantizeRows, splitRows, type WrittenPage } from "./rows.ts";
import type { StoredModel } from "./stored-model.ts";

// An update: an export that keeps the pages of the one before it. Pages fill by hash, so that a few changed rows are
// spread over nearly all pages. They go into the blob, which is looked into before any page, and their page keeps what
// it has of them. The bytes of kept pages do not change, and so nothing of them is uploaded.

/** What an update has kept and written of the export before it. */
const UpdateReportSchema = v.strictObject({
  /** The version of the export before it. */
  of: v.string(),
  /** Delta rows: cold rows in the blob, as their pages have other bytes or no row. */
  rows: v.number(),
  /** Bytes that they and their keys take of the blob. */
  bytes: v.number(),
  /** What they may take: `rows.deltaBytes`. */
  budget: v.number(),
  pagesKept: v.number(),
  pagesRewritten: v.number(),
});
export type UpdateReport = v.InferOutput<typeof UpdateReportSchema>;

/** Why an export is written in full, where an update of the version `of` was asked for. */
export interface NoUpdate {
  of: string;
  reason: string;
}

/** Places the rows of a model as an update of `base`, or says why they have to be placed anew. */
export async function placeUpdate(
  base: StoredModel,
  table: RowTable,
  hashKey: string,
  filterBits?: number,
): Promise<{ placed: PlacedRows; report: UpdateReport } | { refused: NoUpdate }> {
  const manifest = readManifest(base.blob);
  const refusal = differenceOf(manifest, table, hashKey);
  if (refusal !== null) return { refused: { of: base.version, reason: refusal } };
  const { spec, vocabulary, rowType, dim } = table;
  const rowBytes = KEY_BYTES + rowStride(rowType, dim);
  const { hot, cold } = splitRows(spec, vocabulary, rowBytes - KEY_BYTES);

  // 1. Which rows the pages have as they are to be, and which pages have rows that are gone.
  const scan = await scanPages(base, manifest, cold, table);
  const largest = Math.max(...scan.pages.map(({ bytes }) => bytes.length));
  if (largest > spec.rows.pageBytes) {
    const reason = `it has a page of ${largest} bytes, and rows.pageBytes is ${spec.rows.pageBytes}`;
    return { refused: { of: base.version, reason } };
  }

  // 2. Which pages have to be written again.
  const capacity = Math.floor((spec.rows.pageBytes - PAGE_HEADER_BYTES) / rowBytes);
  const shares = sharesOf(cold, scan, vocabulary.keys, capacity);
  const room = Math.floor(spec.rows.deltaBytes / rowBytes);
  const choice = choosePages(shares, room);
  if (choice.rows > room) {
    const reason = `${choice.rows} rows do not fit its pages, and rows.deltaBytes has room for ${room}`;
    return { refused: { of: base.version, reason } };
  }
  const rewrittenRows = sum(choice.rewritten, ({ rows, overflow }) => rows.length - overflow);
  if (choice.rows + rewrittenRows >= cold.length) {
    const reason = `so many rows have changed that ${choice.rewritten.size} of its ${shares.length} pages would be new`;
    return { refused: { of: base.version, reason } };
  }

  // 3. Their bytes, and the filter, which has all keys of the kept pages.
  const delta: number[] = [];
  const paged: number[] = [];
  const pages: WrittenPage[] = [];
  const filter = filterBits === undefined ? filterOf(base.blob, manifest) : null;
  for (const [number, share] of shares.entries()) {
    const rewritten = choice.rewritten.has(share);
    const away = rewritten ? overflowing(share, vocabulary.counts) : pendingOf(share, scan.isThere);
    const stay = share.rows.filter((row) => !away.has(row));
    delta.push(...away);
    for (const row of stay) paged.push(row);
    if (!rewritten) {
      pages.push(scan.pages[number]);
      continue;
    }
    const keys = keysOf(stay, vocabulary);
    if (filter !== null && filter.length > 0)
      for (let i = 0; i < keys.length; i += 2) addToFilter(filter, keys[i], keys[i + 1]);
    const layout = { rowType, embeddingDim: dim, pageCount: shares.length };
    const bytes = writePage(layout, number, keys, quantizeRows(stay, table.values, rowType, dim));
    pages.push({ digest: await pageDigest(bytes), bytes });
  }
  const report: UpdateReport = {
    of: base.version,
    rows: delta.length,
    bytes: delta.length * rowBytes,
    budget: spec.rows.deltaBytes,
    pagesKept: shares.length - choice.rewritten.size,
    pagesRewritten: choice.rewritten.size,
  };
  const head = byKey([...hot, ...delta], vocabulary.keys);
  return { placed: { head, paged, pages, filter: filter ?? rowFilter(paged, vocabulary, filterBits) }, report };
}

/** Why pages of a blob cannot be kept whatever the rows are; null where they can. */
function differenceOf(manifest: BlobManifest, { rowType, dim }: RowTable, hashKey: string): string | null {
  const nameOf = (type: number): string => QUANTIZATIONS.find((name) => rowTypeOf(name) === type) ?? String(type);
  if (manifest.rowType !== rowType) return `its rows are ${nameOf(manifest.rowType)}, and now ${nameOf(rowType)}`;
  if (manifest.embeddingDim !== dim)
    return `its rows have vectors of ${manifest.embeddingDim} numbers, and now of ${dim}`;
  if (manifest.spec.hashKey !== hashKey)
    return "its row keys are hashed with another hash key, which `train --hash-key` sets";
  return manifest.pageCount === 0 ? "it has no pages" : null;
}

interface Scan {
  pages: WrittenPage[];
  /** [V]: 1 for cold rows that their page has with the same bytes. */
  isThere: Uint8Array;
  /** The numbers of pages with keys that have no row any more: whoever asks for one would get a row that is gone. */
  stale: Set<number>;
}

/** Compares the rows of all pages with what they are to be. A hot row may differ: the blob's goes before it. */
async function scanPages(
  base: StoredModel,
  layout: BlobManifest,
  cold: readonly number[],
  { vocabulary, values, rowType, dim }: RowTable,
): Promise<Scan> {
  const isCold = new Uint8Array(vocabulary.size);
  for (const row of cold) isCold[row] = 1;
  const scan: Scan = { pages: [], isThere: new Uint8Array(vocabulary.size), stale: new Set() };
  const quantized = new Uint8Array(rowStride(rowType, dim));
  const view = new DataView(quantized.buffer);
  // Item pages, which follow, are written anew: their records have numbers of rows in the blob.
  for (const [number, { digest, read }] of base.pages.slice(0, layout.pageCount).entries()) {
    const bytes = await read();
    const page = new Page(bytes, layout, number);
    scan.pages.push({ digest, bytes });
    for (let i = 0; i < page.keys.length; i += 2) {
      const [lo, hi] = [page.keys[i], page.keys[i + 1]];
      const row = vocabulary.row(0, lo, hi);
      if (row < vocabulary.fields) scan.stale.add(number);
      else if (isCold[row]) {
        quantized.fill(0);
        writeRow(rowType, dim, values, row * (dim + 1), view, 0);
        const stored = page.row(lo, hi);
        scan.isThere[row] = stored !== null && Buffer.compare(quantized, stored) === 0 ? 1 : 0;
      }
    }
  }
  return scan;
}

/** The cold rows of one page. */
interface PageShare {
  /** In the order of their keys. */
  rows: number[];
  /** How many of them the page does not have as they are to be. */
  pending: number;
  /** How many of them do not fit a page. */
  overflow: number;
  /** Whether the page has rows that are gone. */
  isStale: boolean;
}

function sharesOf(cold: readonly number[], scan: Scan, keys: Uint32Array, capacity: number): PageShare[] {
  const pageCount = scan.pages.length;
  const shares = Array.from(
    { length: pageCount },
    (_, number): PageShare => ({ rows: [], pending: 0, overflow: 0, isStale: scan.stale.has(number) }),
  );
  for (const row of cold) {
    const share = shares[pageOfKey(keys[2 * row + 1], pageCount)];
    share.rows.push(row);
    if (!scan.isThere[row]) share.pending++;
    share.overflow = Math.max(0, share.rows.length - capacity);
  }
  return shares;
}

/**
 * The pages that are to be written again: those with rows that are gone, and then as few others as leave no more than
 * `room` rows to the blob, those that take most rows from it first. `rows`: how many it gets then, which may be more.
 */
function choosePages(shares: readonly PageShare[], room: number): { rewritten: Set<PageShare>; rows: number } {
  const gain = ({ pending, overflow }: PageShare): number => pending - overflow;
  const rewritten = new Set(shares.filter(({ isStale }) => isStale));
  let rows = sum(shares, ({ isStale, pending, overflow }) => (isStale ? overflow : pending));
  const others = shares.filter((share) => !share.isStale && gain(share) > 0).sort((a, b) => gain(b) - gain(a));
  for (const share of others) {
    if (rows <= room) break;
    rewritten.add(share);
    rows -= gain(share);
  }
  return { rewritten, rows };
}

/** The rows of a kept page that the blob has to have. */
function pendingOf({ rows }: PageShare, isThere: Uint8Array): Set<number> {
  return new Set(rows.filter((row) => !isThere[row]));
}

/** The rows that do not fit a page that is written again: the most frequent ones, which the blob is the place for. */
function overflowing({ rows, overflow }: PageShare, counts: Uint32Array): Set<number> {
  return new Set(rows.toSorted((a, b) => counts[b] - counts[a] || a - b).slice(0, overflow));
}

/** A copy of a blob's filter. */
function filterOf(blob: Uint8Array, { filter: { offset, bytes } }: BlobManifest): Uint32Array {
  return new Uint32Array(blob.slice(offset, offset + bytes).buffer);
}

function sum<Item>(items: Iterable<Item>, of: (item: Item) => number): number {
  let total = 0;
  for (const item of items) total += of(item);
  return total;
}

/** What an export's evidence says of an update; null where it is none. */
export function updateOf({ update }: Evidence): UpdateReport | null {
  const read = v.safeParse(UpdateReportSchema, update);
  return read.success ? read.output : null;
}

export function updateText({ of, rows, bytes, budget, pagesKept, pagesRewritten }: UpdateReport): string {
  const count = (n: number): string => n.toLocaleString("en");
  return (
    `update of ${of}: delta rows ${count(rows)}, ${bytesText(bytes)} of ${bytesText(budget)} (rows.deltaBytes); ` +
    `pages kept ${count(pagesKept)}, rewritten ${count(pagesRewritten)}`
  );
}

export function noUpdateText({ of, reason }: NoUpdate): string {
  return `no update of ${of}, but all of the pages: ${reason}`;
}
