import type { ModelBlob } from "../../format/blob.ts";
import type { FittedField, FittedSpec } from "../../format/fitted-spec.ts";
import { ItemPage } from "../../format/item-page.ts";
import { compareKeys, pageOfKey } from "../../format/keys.ts";
import { Page, pageDigest, writePage } from "../../format/page.ts";
import { readManifest } from "../../format/read-blob.ts";
import { VALUE_ROW } from "../../format/record.ts";
import { rowStride } from "../../format/row.ts";
import { MODEL_TYPES, type ModelType } from "../../format/spec.ts";
import { writeBlob } from "../../format/write-blob.ts";
import { placeBlob } from "../../runtime/placed-blob.ts";
import { Scorer } from "../../runtime/scorer.ts";
import { filterOf, HASH_KEY, rowKeyOf } from "../../testing/format/hash-key.ts";
import { shapeOfType } from "../../testing/format/shapes.ts";
import { randomModel } from "../../testing/kernel/random-model.ts";
import { placeItems } from "../../trainer/export/item-pages.ts";

// A shop that ranks its ads: a model with random weights, half of whose rows are in the blob and half in pages, and a
// catalogue of all ads but the newest.

const categorical = { type: "categorical", encoding: { kind: "vocabulary" }, missing: "own", kv: true } as const;

/** Field 0 names the ads. The sides interleave as those of `randomModel` do. */
const FIELDS: FittedField[] = [
  { name: "ad", side: "item", ...categorical },
  { name: "site", side: "context", ...categorical },
  {
    ...{ name: "price", side: "item", type: "numeric", kv: false },
    ...{ encoding: { kind: "value", shift: 3, factor: 0.25 }, missing: "oov" },
  },
  {
    ...{ name: "tags", side: "item", type: "multi-categorical", kv: true, encoding: { kind: "vocabulary" } },
    ...{ separator: "|", pooling: "mean", maxValues: 4, missing: "skip" },
  },
  {
    ...{ name: "hour", side: "context", type: "numeric", kv: false },
    ...{ encoding: { kind: "boundaries", boundaries: [6, 18] }, missing: "own" },
  },
];

const SPEC: FittedSpec = { name: "shop", label: "click", hashKey: HASH_KEY, fields: FIELDS };
export const AD = 0;
const PAGES = 2;

/** More ads than two calls of the kernel take. */
export const ADS = Array.from({ length: 150 }, (_, i) => ({
  ad: `ad${i}`,
  price: i % 9,
  tags: [`tag${i % 5}`, `tag${i % 3}`].slice(i % 2),
}));
/** Ads 0 … 139 are in the catalogue. */
export const KNOWN = 140;

export const SITES = Array.from({ length: 12 }, (_, i) => `site${i}`);

/** The types of models that can have items: those without products. */
export const SHOP_TYPES = MODEL_TYPES.filter((type) => shapeOfType(type, 4).products === 0);

export interface Shop {
  /** The same model without a catalogue, and its blob. */
  model: ModelBlob;
  plain: Uint8Array;
  blob: Uint8Array;
  pages: ReadonlyMap<number, Page>;
}

/**
 * A shop whose catalogue `kernel` made; without one where the model has products. `layerType`: the type of all layers.
 */
export async function openShop(kernel: WebAssembly.Module, type: ModelType, layerType: number): Promise<Shop> {
  const values: [string, string][] = [
    ...ADS.map(({ ad }): [string, string] => ["ad", ad]),
    ...SITES.map((site): [string, string] => ["site", site]),
    ...["tag0", "tag1", "tag2", "tag3", "tag4"].map((tag): [string, string] => ["tags", tag]),
    ...["0", "1", "2"].map((bin): [string, string] => ["hour", bin]),
    ["price", VALUE_ROW],
  ];
  const keyed = values
    .map(([field, text], i) => ({ ...rowKeyOf(field, text), cold: i % 2 === 1 && i < 160 }))
    .sort((a, b) => compareKeys(a.lo, a.hi, b.lo, b.hi));
  const hot = keyed.filter(({ cold }) => !cold);
  const drawn = randomModel({
    ...shapeOfType(type, 4),
    ...{ fields: FIELDS.length, hidden: type === "LR" || type === "FM" ? [] : [9, 5] },
    ...{ layerTypes: [layerType], hotRows: keyed.length, seed: 3 },
  });
  const stride = rowStride(drawn.rowType, drawn.embeddingDim);
  const ownRows = (FIELDS.length + hot.length) * stride;

  const layout = { rowType: drawn.rowType, embeddingDim: drawn.embeddingDim, pageCount: PAGES };
  const pages = new Map<number, Page>();
  const digests: number[] = [];
  let from = ownRows;
  for (let page = 0; page < PAGES; page++) {
    const own = keyed.filter(({ cold, hi }) => cold && pageOfKey(hi, PAGES) === page);
    const rows = drawn.rows.subarray(from, from + own.length * stride);
    from += rows.length;
    const bytes = writePage(layout, page, wordsOf(own), rows);
    pages.set(page, new Page(bytes, layout, page));
    digests.push(...(await pageDigest(bytes)));
  }
  const model: ModelBlob = {
    ...{ ...drawn, spec: SPEC, keys: wordsOf(hot), rows: drawn.rows.subarray(0, ownRows) },
    pageDigests: Uint8Array.from(digests),
    filter: filterOf(keyed.filter(({ cold }) => cold)),
  };
  const plain = writeBlob(model);
  if (drawn.products !== 0) return { model, plain, blob: plain, pages };

  const { keys, records } = new Scorer(placeBlob(kernel, plain)).precomputeItems(ADS.slice(0, KNOWN), AD, pages);
  const items = records
    .map((record, i) => ({ lo: keys[2 * i], hi: keys[2 * i + 1], record }))
    .sort((a, b) => compareKeys(a.lo, a.hi, b.lo, b.hi));
  const catalogue = {
    ...{ field: AD, keys: wordsOf(items) },
    records: new Uint8Array(items.flatMap(({ record }) => [...record])),
  };
  return { model, plain, blob: writeBlob({ ...model, items: catalogue }), pages };
}

/** A shop whose catalogue is one of entries. */
export interface PagedShop {
  blob: Uint8Array;
  /** The pages of rows, and then those of items, by their numbers. */
  pages: ReadonlyMap<number, Page | ItemPage>;
  /** The bytes of the item pages. */
  itemPages: Uint8Array[];
}

/**
 * A shop of entries with so many bytes of items in its blob, the first ads, and the others in pages of at most 1 KiB.
 */
export async function openPagedShop(kernel: WebAssembly.Module, shop: Shop, itemBytes: number): Promise<PagedShop> {
  const scorer = new Scorer(placeBlob(kernel, shop.plain));
  const { keys, records } = scorer.describeItems(ADS.slice(0, KNOWN), AD, shop.pages);
  const counts = Uint32Array.from({ length: KNOWN }, (_, i) => KNOWN - i);
  const room = { blobBytes: itemBytes, pageBytes: 1024, rowPages: PAGES, filterBits: () => 12 };
  const { catalogue, pages } = await placeItems({ field: AD, keys, records, counts }, scorer.manifest, room);
  const pageDigests = Uint8Array.from([...shop.model.pageDigests, ...pages.flatMap(({ digest }) => [...digest])]);
  const blob = writeBlob({ ...shop.model, items: catalogue, pageDigests });
  const manifest = readManifest(blob);
  const opened = pages.map(({ bytes }, i) => [PAGES + i, new ItemPage(bytes, manifest, i)] as const);
  return {
    blob,
    pages: new Map<number, Page | ItemPage>([...shop.pages, ...opened]),
    itemPages: pages.map((of) => of.bytes),
  };
}

function wordsOf(keys: readonly { lo: number; hi: number }[]): Uint32Array {
  return Uint32Array.from(keys.flatMap(({ lo, hi }) => [lo, hi]));
}
