import { fieldSides, type ModelBlob, NO_ITEMS } from "../../format/blob.ts";
import { ACTIVATION_RELU, TERM_FM, TERM_LINEAR, TERM_MLP, TYPE_F32 } from "../../format/constants.ts";
import type { FittedSpec } from "../../format/fitted-spec.ts";
import { writeItemEntries } from "../../format/item-entries.ts";
import { writeItemPage } from "../../format/item-page.ts";
import { compareKeys, findKey, pageOfKey } from "../../format/keys.ts";
import { type PageLayout, pageDigest, writePage } from "../../format/page.ts";
import { VALUE_ROW } from "../../format/record.ts";
import { writeBlob } from "../../format/write-blob.ts";
import { filterOf, HASH_KEY, rowKeyOf } from "./hash-key.ts";
import { itemRecord } from "./reference.ts";
import { ascendingRows, concat, floatLayer, packRows } from "./tiny.ts";

// The golden model with a catalogue: FM & DNN, f32 rows, two pages, three items. The fields of the two sides
// interleave, and lanes of the first layer are as heavy as they may be.

const SPEC: FittedSpec = {
  name: "catalogue",
  label: "click",
  hashKey: HASH_KEY,
  fields: [
    {
      ...{ name: "site", side: "context", kv: true, type: "categorical" },
      ...{ encoding: { kind: "vocabulary" }, missing: "own" },
    },
    {
      ...{ name: "ad", side: "item", kv: true, type: "categorical" },
      ...{ encoding: { kind: "vocabulary" }, missing: "own" },
    },
    {
      ...{ name: "hour", side: "context", kv: false, type: "numeric" },
      ...{ encoding: { kind: "boundaries", boundaries: [6, 18] }, missing: "skip" },
    },
    {
      ...{ name: "price", side: "item", kv: false, type: "numeric" },
      ...{ encoding: { kind: "value", shift: 10, factor: 0.5 }, missing: "oov" },
    },
  ],
};
const AD = 1;
const PRICE = 3;

const LAYOUT: PageLayout = { rowType: TYPE_F32, embeddingDim: 4, pageCount: 2 };

/** What the records of items are checked against. */
const ITEM_LAYOUT = { rowCount: 4 + 6, sides: fieldSides(SPEC) };

type Row = { field: string; text: string; row: number[] };

const OOV = [
  [0.0625, 0.5, -0.5, 0.25, -0.25],
  [-0.125, 0.25, 0.5, -0.5, 0.125],
  [0, 0.125, 0.25, 0.5, -0.75],
  [0.25, -0.25, 0.75, 0.5, 1],
];

const HOT: Row[] = [
  { field: "site", text: "news", row: [0.75, 1, 0.5, -0.25, 1.5] },
  { field: "ad", text: "boots", row: [-0.5, 0.75, -1, 1.25, 0.5] },
  { field: "hour", text: "0", row: [0.125, -0.5, 0.25, -1, 0.75] },
  { field: "hour", text: "1", row: [0.375, 1.5, -0.75, 0.5, 0.25] },
  { field: "hour", text: "2", row: [-0.25, 0.625, 1, 0.875, -1.75] },
  { field: "price", text: VALUE_ROW, row: [0.125, -0.5, 0.25, 0.375, -0.125] },
];

/** The rows in pages: two on page 0 and two on page 1. */
const COLD: Row[] = [
  { field: "site", text: "shop", row: [-0.5, 0.25, -1, 0.5, 2] },
  { field: "ad", text: "lamp", row: [0.625, -1.25, 0.5, -0.75, -0.5] },
  { field: "ad", text: "sofa", row: [0.875, 0.5, 1.75, 0.25, -1] },
  { field: "ad", text: "tent", row: [-0.75, 2, 0.125, 1, -0.375] },
];

/** The items of the catalogue, which orders them by their keys. */
const ITEMS = [{ ad: "boots", price: 12 }, { ad: "lamp", price: "3.5" }, { ad: "sofa" }];

/** The bytes of pages 0 and 1. */
export function cataloguePages(): Uint8Array[] {
  return [0, 1].map((page) => {
    const own = COLD.filter(({ field, text }) => pageOfKey(keyOf(field, text).hi, 2) === page);
    const { keys, rows } = ascendingRows(TYPE_F32, own);
    return writePage(LAYOUT, page, keys, rows);
  });
}

/**
 * F = 4 and D = 4, with the layers 8 → 3 int8, 3 → 2 f32 and 2 → 1. The float64 reference computed the items' records.
 */
export async function tinyCatalogue(): Promise<ModelBlob> {
  const hot = ascendingRows(TYPE_F32, HOT);
  const pages = cataloguePages();
  const model: ModelBlob = {
    spec: SPEC,
    producer: "golden 1",
    rowType: TYPE_F32,
    evidence: {},
    golden: { tolerance: 0, records: [] },
    items: NO_ITEMS,
    hotPages: [1, 0],
    filter: filterOf(COLD.map(({ field, text }) => keyOf(field, text))),
    embeddingDim: LAYOUT.embeddingDim,
    terms: TERM_LINEAR | TERM_FM | TERM_MLP,
    ...{ fmDim: 2, mlpFrom: 2, products: 0, innerScale: 1, outerScale: 1 },
    sides: fieldSides(SPEC),
    contextLayers: 0,
    itemLayers: 0,
    bias: -0.75,
    keys: hot.keys,
    rows: concat([packRows(TYPE_F32, OOV), hot.rows]),
    pageDigests: concat(await Promise.all(pages.map((page) => pageDigest(page)))),
    layers: [
      {
        ...{ inputs: 8, outputs: 3, activation: ACTIVATION_RELU },
        weights: Int8Array.of(
          ...[127, 127, -100, -58, 4, 0, -100, 0],
          ...[-5, 60, 68, 80, -90, 100, 110, -120],
          ...[-128, -128, 50, 40, -2, 127, 30, 20],
        ),
        scales: Float32Array.of(0.000244140625, 0.00048828125, 0.0001220703125),
        biases: Float32Array.of(0.25, -6, 1.5),
        ...{ inputInverseScale: 32, inputZero: 64 },
      },
      floatLayer(ACTIVATION_RELU, 3, [0.5, -0.25], [1, -1, 0.5, 0.25, 2, -0.75]),
    ],
    outputWeights: Float32Array.of(1.5, -2),
  };
  const plain = writeBlob(model);
  const items = ITEMS.map((item) => ({ ...keyOf("ad", item.ad), record: itemRecord(plain, pages, item) })).sort(
    (a, b) => compareKeys(a.lo, a.hi, b.lo, b.hi),
  );
  const keys = Uint32Array.from(items.flatMap(({ lo, hi }) => [lo, hi]));
  return { ...model, items: { field: AD, keys, records: concat(items.map(({ record }) => record)) } };
}

/** The bytes of the only item page of `tinyEntries`. */
export function entriesPage(): Uint8Array {
  const { cold } = describedItems();
  const layout = { ...LAYOUT, ...ITEM_LAYOUT, itemPages: 1 };
  return writeItemPage(
    layout,
    0,
    Uint32Array.from(cold.flatMap(({ lo, hi }) => [lo, hi])),
    cold.map(({ record }) => record),
    Uint16Array.of(1, 0),
  );
}

/** The same model with the same items as entries: one is in the blob and two in an item page. */
export async function tinyEntries(): Promise<ModelBlob> {
  const model = await tinyCatalogue();
  const { hot, cold } = describedItems();
  const starts = Uint32Array.of(0, hot.record.length);
  const page = await pageDigest(entriesPage());
  return {
    ...model,
    pageDigests: concat([model.pageDigests, page]),
    hotPages: [2, 1],
    items: {
      ...{ field: AD, keys: Uint32Array.of(hot.lo, hot.hi), records: new Uint8Array(hot.record.buffer) },
      entries: { starts, pages: 1, filter: filterOf(cold) },
    },
  };
}

interface DescribedItem {
  lo: number;
  hi: number;
  record: Uint32Array;
}

/** The items as entries: boots, whose row the blob has; and the two others, whose rows it does not have, by key. */
function describedItems(): { hot: DescribedItem; cold: DescribedItem[] } {
  const price = OOV.length + rowNumber("price", VALUE_ROW);
  const row = (text: string): Uint8Array =>
    packRows(
      TYPE_F32,
      COLD.filter((of) => of.text === text).map((of) => of.row),
    );
  const describe = (text: string, rows: (number | Uint8Array)[], values: number[]): DescribedItem => {
    const { lo, hi } = keyOf("ad", text);
    return { lo, hi, record: writeItemEntries({ fields: [AD, PRICE], rows, values }, 1 + LAYOUT.embeddingDim, text) };
  };
  return {
    // A price of 12 is (12 − 10) · 0.5.
    hot: describe("boots", [OOV.length + rowNumber("ad", "boots"), price], [1, 1]),
    cold: [
      describe("lamp", [row("lamp"), price], [1, -3.25]),
      describe("sofa", [row("sofa"), PRICE], [1, 1]), // a missing price has the OOV row
    ].sort((a, b) => compareKeys(a.lo, a.hi, b.lo, b.hi)),
  };
}

/** The position of a value's key among those of the blob. */
function rowNumber(field: string, text: string): number {
  const { lo, hi } = keyOf(field, text);
  return findKey(ascendingRows(TYPE_F32, HOT).keys, lo, hi);
}

/** The same with a curve of three knots through its logits; some of its records lie beyond either end. */
export async function tinyIsotonic(): Promise<ModelBlob> {
  return {
    ...(await tinyCatalogue()),
    calibration: {
      method: "isotonic",
      // The second is the logit of a record with an item of the catalogue.
      logits: [-9, 1.38671875, 4],
      calibrated: [-4, -1, -0.5],
      slopes: [0.5, 1.5],
    },
  };
}

/** The number of an item in the catalogue, by its id. */
export function itemNumber({ items }: ModelBlob, ad: string): number {
  const { lo, hi } = keyOf("ad", ad);
  return findKey(items.keys, lo, hi);
}

function keyOf(field: string, text: string): { lo: number; hi: number } {
  return rowKeyOf(field, text);
}

/**
 * Records with values that are hot, in KV, unseen and missing on either side; and with items of the catalogue, as they
 * are there and otherwise.
 */
export const CATALOGUE_RECORDS: Record<string, unknown>[] = [
  { site: "news", ad: "boots", hour: 7, price: 12 },
  { site: "shop", ad: "lamp", hour: 23, price: 3.5 },
  { site: "shop", ad: "sofa" },
  { site: "unseen", ad: "tent", hour: 0, price: 9 },
  { ad: "boots", hour: 18, price: -3 },
  {},
];

/** Pairs of each of these contexts with each of the items, by their ids, and the whole records that they stand for. */
export const CATALOGUE_PAIRS: { context: object; item: string; whole: object }[] = [
  { site: "news", hour: 7 },
  { site: "shop", hour: 23 },
  {},
].flatMap((context) => ITEMS.map((item) => ({ context, item: item.ad, whole: { ...context, ...item } })));
