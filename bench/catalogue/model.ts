// A model with a catalogue of entries, of any number of items and rows, and where the rows of its pages come from.
import type { ModelBlob } from "../../format/blob.ts";
import * as c from "../../format/constants.ts";
import { pageOfKey } from "../../format/keys.ts";
import { pageDigest, writePage } from "../../format/page.ts";
import { rowStride } from "../../format/row.ts";
import { rowKeyHash } from "../../format/row-key.ts";
import { pageKey } from "../../format/store.ts";
import { writeBlob } from "../../format/write-blob.ts";
import { kernelModule } from "../../runtime/node.ts";
import { placeBlob } from "../../runtime/placed-blob.ts";
import { Scorer } from "../../runtime/scorer.ts";
import { HASH_KEY } from "../../testing/format/hash-key.ts";
import { seeded } from "../../testing/format/random.ts";
import { randomModel } from "../../testing/kernel/random-model.ts";
import { filterBitsFor } from "../../trainer/export/filter.ts";
import { placeItems } from "../../trainer/export/item-pages.ts";
import { pagesNeeded } from "../../trainer/export/rows.ts";
import type { PageContent } from "../../worker/source/source.ts";

/** An item has an id, a category and a brand; a context a user and an hour. */
const SHAPE = { fields: 5, embeddingDim: 10, hidden: [64], rowType: c.TYPE_I8 };
const [ITEM, USER, CATEGORY, BRAND, HOUR] = ["f0", "f1", "f2", "f3", "f4"] as const;
const LAYOUT = { rowType: SHAPE.rowType, embeddingDim: SHAPE.embeddingDim };
const STRIDE = rowStride(LAYOUT.rowType, LAYOUT.embeddingDim);
const PAGE_BYTES = 16 * 1024;
const CATEGORIES = 1000;
const BRANDS = 50_000;
/** The brands and the users whose rows the blob has. */
const HOT_BRANDS = 20_000;
const HOT_USERS = 30_000;
const HOURS = 24;
/** Items that are described at a time. */
const PART = 20_000;

export interface CatalogueModel {
  blob: Uint8Array;
  scorer: Scorer;
  /** What the Worker's budget counts for the model. */
  memoryBytes: number;
  pageCount: number;
  /** Bytes of the items' records, on average; how many items are in the blob; the item pages and their bytes. */
  items: { bytesPerItem: number; inBlob: number; pages: number; pageBytes: number };
  /** The content of a page, by its key in the store. */
  page(key: string): PageContent | null;
  contextOf(user: number): object;
  idOf(item: number): string;
}

/** The fewest rows of all fields with so many items: some users have theirs in pages. */
export function leastRows(items: number): number {
  return items + CATEGORIES + BRANDS + HOURS + HOT_USERS + 1;
}

/** `rows`: those of all fields, `leastRows` at least. The more popular an item or a user, the lower is its number. */
export async function catalogueModel(rows: number, items: number, itemBytes: number): Promise<CatalogueModel> {
  const users = rows - items - CATEGORIES - BRANDS - HOURS;
  const hot = keysOf([
    [CATEGORY, 0, CATEGORIES],
    [BRAND, 0, HOT_BRANDS],
    [USER, 0, HOT_USERS],
    [HOUR, 0, HOURS],
  ]);
  const pagedKeys = keysOf([
    [ITEM, 0, items],
    [USER, HOT_USERS, users],
    [BRAND, HOT_BRANDS, BRANDS],
  ]);
  const pageCount = pagesNeeded(
    pagedKeys.filter((_, i) => i % 2 === 1),
    STRIDE,
    PAGE_BYTES,
  );
  const rowPages = new RowPages(pagedKeys, pageCount);

  const drawn = randomModel({ ...SHAPE, hotRows: hot.length / 2, pages: pageCount });
  const plain: ModelBlob = { ...drawn, keys: hot };
  for (let page = 0; page < pageCount; page++) {
    const digest = await pageDigest(rowPages.bytes(page));
    plain.pageDigests.set(digest, page * c.PAGE_DIGEST_BYTES);
  }
  const maker = new Scorer(placeBlob(kernelModule(), writeBlob(plain)));
  const random = seeded(7);
  const keys = new Uint32Array(2 * items);
  const records: Uint32Array[] = [];
  const rowOf = { row: (lo: number, hi: number) => rowBytes(lo, hi) };
  const anyPage = { get: () => rowOf } as unknown as ReadonlyMap<number, typeof rowOf>;
  for (let start = 0; start < items; start += PART) {
    const part = Array.from({ length: Math.min(PART, items - start) }, (_, i) => ({
      [ITEM]: `v${start + i}`,
      [CATEGORY]: `v${Math.floor(CATEGORIES * random())}`,
      [BRAND]: `v${Math.floor(BRANDS * random() ** 3)}`, // a few brands have most items
    }));
    const described = maker.describeItems(part, 0, anyPage);
    keys.set(described.keys, 2 * start);
    for (const record of described.records) records.push(record);
  }
  const counts = Uint32Array.from({ length: items }, (_, i) => items - i);
  const room = { blobBytes: itemBytes, pageBytes: PAGE_BYTES, rowPages: pageCount, filterBits: filterBitsFor };
  const { catalogue, pages } = await placeItems({ field: 0, keys, records, counts }, maker.manifest, room);
  const pageDigests = new Uint8Array(plain.pageDigests.length + c.PAGE_DIGEST_BYTES * pages.length);
  pageDigests.set(plain.pageDigests);
  const byKey = new Map<string, number | Uint8Array>();
  pages.forEach(({ digest, bytes }, i) => {
    pageDigests.set(digest, plain.pageDigests.length + c.PAGE_DIGEST_BYTES * i);
    byKey.set(pageKey(digest), bytes);
  });
  for (let page = 0; page < pageCount; page++)
    byKey.set(pageKey(plain.pageDigests.subarray(16 * page, 16 * page + 16)), page);
  const blob = writeBlob({ ...plain, items: catalogue, pageDigests });
  const pageBytes = pages.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const placed = placeBlob(kernelModule(), blob);
  const scorer = new Scorer(placed);
  return {
    blob,
    scorer,
    memoryBytes: placed.kernel.memory.buffer.byteLength + pageDigests.length,
    pageCount,
    items: {
      bytesPerItem: records.reduce((sum, record) => sum + 4 * record.length, 0) / items,
      inBlob: catalogue.keys.length / 2,
      ...{ pages: pages.length, pageBytes },
    },
    page: (key) => {
      const found = byKey.get(key);
      return typeof found === "number" ? rowPages.bytes(found) : (found ?? null);
    },
    contextOf: (user) => ({ [USER]: `v${user}`, [HOUR]: `v${user % HOURS}` }),
    idOf: (item) => `v${item}`,
  };
}

/** Pages of rows, each written anew when it is asked for: all together are larger than they need be kept. */
class RowPages {
  readonly #keys: Uint32Array;
  readonly #pageCount: number;
  readonly #starts: Uint32Array;

  constructor(keys: Uint32Array, pageCount: number) {
    this.#keys = keys;
    this.#pageCount = pageCount;
    this.#starts = new Uint32Array(pageCount + 1).fill(keys.length / 2);
    for (let row = keys.length / 2 - 1; row >= 0; row--) this.#starts[pageOfKey(keys[2 * row + 1], pageCount)] = row;
    for (let page = pageCount - 1; page >= 0; page--)
      this.#starts[page] = Math.min(this.#starts[page], this.#starts[page + 1]);
  }

  bytes(page: number): Uint8Array {
    const keys = this.#keys.subarray(2 * this.#starts[page], 2 * this.#starts[page + 1]);
    const rows = new Uint8Array((keys.length / 2) * STRIDE);
    for (let i = 0; i < keys.length; i += 2) rows.set(rowBytes(keys[i], keys[i + 1]), (i / 2) * STRIDE);
    return writePage({ ...LAYOUT, pageCount: this.#pageCount }, page, keys, rows);
  }
}

/** A row that follows from its key. */
function rowBytes(lo: number, hi: number): Uint8Array {
  const row = new Uint32Array(STRIDE / 4);
  const floats = new Float32Array(row.buffer);
  for (let i = 2; i < row.length; i++) row[i] = Math.imul(lo ^ (hi >>> i), 0x9e3779b1 + i);
  floats[0] = 0.003;
  floats[1] = 0.01;
  return new Uint8Array(row.buffer);
}

/** The keys of values v`from` … v`to − 1` of fields, ascending, as pairs of words. */
function keysOf(ranges: readonly (readonly [field: string, from: number, to: number])[]): Uint32Array {
  const words = new Uint32Array(2 * ranges.reduce((sum, [, from, to]) => sum + to - from, 0));
  const key = { lo: 0, hi: 0 };
  let end = 0;
  for (const [field, from, to] of ranges) {
    const hash = rowKeyHash(HASH_KEY, field);
    for (let i = from; i < to; i++) {
      hash(`v${i}`, key);
      words[end++] = key.lo;
      words[end++] = key.hi;
    }
  }
  new BigUint64Array(words.buffer).sort();
  return words;
}
