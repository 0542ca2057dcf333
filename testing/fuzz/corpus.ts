// What mutants are made of: the golden blobs and page; and random models of every type, with rows and layers of either
// type, golden records and pages. All of it is the same on every machine, since the scalar kernel gives the golden
// logits.
import { readFileSync } from "node:fs";
import type { ModelBlob } from "../../format/blob.ts";
import { type ItemCatalogue, NO_ITEMS } from "../../format/blob.ts";
import * as c from "../../format/constants.ts";
import { EncodedRecords } from "../../format/encoded-records.ts";
import type { FittedField, FittedSpec } from "../../format/fitted-spec.ts";
import type { GoldenRecords } from "../../format/golden.ts";
import type { ItemPageLayout } from "../../format/item-page.ts";
import { compareKeys, pageOfKey } from "../../format/keys.ts";
import { type PageLayout, writePage } from "../../format/page.ts";
import { readManifest } from "../../format/read-blob.ts";
import { canNameItems } from "../../format/read-model.ts";
import { RecordEncoder } from "../../format/record.ts";
import { rowStride } from "../../format/row.ts";
import { NO_FILTER } from "../../format/row-filter.ts";
import { MODEL_TYPES, type ModelType } from "../../format/spec.ts";
import { writeBlob } from "../../format/write-blob.ts";
import { goldenLogits } from "../../runtime/golden.ts";
import { placeBlob } from "../../runtime/placed-blob.ts";
import { Scorer } from "../../runtime/scorer.ts";
import { shapeOfType } from "../format/shapes.ts";
import { KERNELS } from "../kernel/harness.ts";
import { cycled, randomModel } from "../kernel/random-model.ts";

export interface OriginalBlob {
  name: string;
  bytes: Uint8Array;
}

/** A page, with what its reader is told of it. */
export interface OriginalPage {
  name: string;
  bytes: Uint8Array;
  layout: PageLayout;
  page: number;
  /** Set where it is a page of items. */
  items?: ItemPageLayout;
}

const FIELDS = 3;
const TEXTS = ["", "a", "b", "c", "d", "e"];
const { module: SCALAR } = KERNELS.find(({ name }) => name === "kernel.scalar.wasm") as (typeof KERNELS)[number];

type NumericEncoding = Extract<FittedField, { type: "numeric" }>["encoding"];

const NUMERIC: NumericEncoding[] = [
  { kind: "value", shift: 1, factor: 0.5 },
  { kind: "log2" },
  { kind: "boundaries", boundaries: [-1, 0, 2.5] },
  { kind: "spline", knots: [-2.5, 0, 1, 7] },
];

const golden = ["", "v7/", "v6/", "v5/", "v4/"].flatMap((place) =>
  ["tiny", "pnn", "towers", "catalogue"].map((name) => ({
    ...{ name: `${place}${name}`, bytes: readGolden(`${place}${name}.blob.bin`) },
  })),
);
/** With calibration maps, and with items as entries. */
const calibrated = ["platt", "isotonic", "entries"].map((name) => ({ name, bytes: readGolden(`${name}.blob.bin`) }));
const ROW_TYPES = [c.TYPE_I8, c.TYPE_F32, c.TYPE_F16, c.TYPE_I4];

const random = MODEL_TYPES.flatMap((type, i) => [0, 1].map((j) => randomBlob(type, 2 * i + j)));

export const BLOBS: readonly OriginalBlob[] = [...golden, ...calibrated, ...random];

const TINY = readManifest((golden[0] as OriginalBlob).bytes);
const CATALOGUE = readManifest((golden[3] as OriginalBlob).bytes);
const ENTRIES = readManifest((calibrated[2] as OriginalBlob).bytes);

export const PAGES: readonly OriginalPage[] = [
  { name: "tiny page", bytes: readGolden("tiny.page.bin"), layout: TINY, page: 0 },
  ...[0, 1].map((page) => ({
    ...{ name: `catalogue page ${page}`, bytes: readGolden(`catalogue.page${page}.bin`) },
    ...{ layout: CATALOGUE, page },
  })),
  { name: "item page", bytes: readGolden("entries.items0.bin"), layout: ENTRIES, page: 0, items: ENTRIES },
  ...ROW_TYPES.flatMap((rowType) => [0, 1, 7].map((embeddingDim) => randomPage(rowType, embeddingDim))),
];

function readGolden(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(`../../test/golden/${name}`, import.meta.url)));
}

/** A blob of a type, of the smallest interesting sizes: D and the widths are odd, so that everything is padded. */
function randomBlob(type: ModelType, i: number): OriginalBlob {
  const model = randomModel({
    ...shapeOfType(type, cycled([1, 3, 5], i)),
    fields: FIELDS,
    hidden: type === "LR" || type === "FM" ? [] : cycled([[9], [3, 8], [7, 1, 5]], i >> 1),
    layerTypes: cycled([[c.TYPE_I8], [c.TYPE_F32], [c.TYPE_F32, c.TYPE_I8], [c.TYPE_I8, c.TYPE_F32]], i >> 1),
    activations: [c.ACTIVATION_RELU, cycled([c.ACTIVATION_TANH, c.ACTIVATION_SIGMOID], i)],
    rowType: cycled(ROW_TYPES, i),
    hotRows: 0,
    pages: cycled([0, 1, 3], i),
    seed: i,
  });
  const spec = { ...model.spec, fields: model.spec.fields.map((field, f) => fieldOfType(field, f, i)) };
  const records = TEXTS.map((text, n) => ({ f0: text, f1: n * n - 3, f2: [text, `${text}x`] }));
  const keys = keysOf(spec, records.slice(0, 4));
  const { rowType, embeddingDim } = model;
  const hotRows = keys.length / 2;
  const { rows } = randomModel({ fields: FIELDS, embeddingDim, rowType, hotRows, terms: c.TERM_LINEAR, seed: i });
  const plain: ModelBlob = { ...model, spec, keys, rows, evidence: { parity: { auc: 0.75 } } };
  const whole = { ...plain, items: itemsOf(plain) };
  return { name: `${type} ${i}`, bytes: writeBlob({ ...whole, golden: goldenOf(whole, records) }) };
}

/** A categorical, a numeric and a multi-categorical field, with encodings that differ from model to model. */
function fieldOfType({ name, side, kv }: FittedField, f: number, i: number): FittedField {
  const common = { name, side, kv };
  // Of each type, one blob has a vocabulary in field 0, so that its values can be ids of items.
  const encoding = cycled([{ kind: "vocabulary" }, { kind: "hash", buckets: 5 }] as const, i + (i >> 2));
  if (f === 0) return { ...common, type: "categorical", encoding, missing: cycled(["own", "oov", "skip"], i) };
  if (f === 1)
    return {
      ...common,
      type: "numeric",
      encoding: cycled(NUMERIC, i),
      missing: cycled<"own" | number>(["own", 1.5], i),
    };
  return {
    ...{ ...common, type: "multi-categorical", encoding, missing: "own" },
    ...{ separator: "|", pooling: cycled(["mean", "sum"], i), maxValues: 4 },
  };
}

/** The keys of all entries of the records, ascending. */
function keysOf(spec: FittedSpec, records: readonly unknown[]): Uint32Array {
  const encoded = new EncodedRecords();
  const encoder = new RecordEncoder(spec);
  for (const record of records) encoder.encodeObject(record, encoded, "record");
  const pairs = Array.from(
    { length: encoded.entries },
    (_, i) => [...encoded.keys.subarray(2 * i, 2 * i + 2)] as const,
  );
  const ascending = pairs
    .filter(([lo, hi]) => lo !== 0 || hi !== 0)
    .sort(([aLo = 0, aHi = 0], [bLo = 0, bHi = 0]) => compareKeys(aLo, aHi, bLo, bHi));
  return Uint32Array.from(ascending.filter((pair, i) => `${pair}` !== `${ascending[i - 1]}`).flat());
}

function goldenOf(model: ModelBlob, records: readonly Record<string, unknown>[]): GoldenRecords {
  const logits = goldenLogits(new Scorer(placeBlob(SCALAR, writeBlob(model))), records);
  return { tolerance: 0.01, records: records.map((record, i) => ({ record, logit: logits[i] })) };
}

/** A catalogue of all texts, where field 0 can have ids: of sums, or of entries where there are products. */
function itemsOf(model: ModelBlob): ItemCatalogue {
  if (!canNameItems(model.spec.fields[0])) return NO_ITEMS;
  const items = TEXTS.slice(1).map((text) => ({ f0: text, f2: [text, `${text}x`] }));
  const scorer = new Scorer(placeBlob(SCALAR, writeBlob(model)));
  const made = model.products === 0 ? scorer.precomputeItems(items, 0, new Map()) : null;
  const { keys, records } = made ?? scorer.describeItems(items, 0, new Map());
  const keyed = records
    .map((record, i) => ({ lo: keys[2 * i], hi: keys[2 * i + 1], record }))
    .sort((a, b) => compareKeys(a.lo, a.hi, b.lo, b.hi));
  const of = { field: 0, keys: Uint32Array.from(keyed.flatMap(({ lo, hi }) => [lo, hi])) };
  if (made) return { ...of, records: new Uint8Array(keyed.flatMap(({ record }) => [...record])) };
  const starts = [0];
  for (const { record } of keyed) starts.push((starts.at(-1) ?? 0) + record.length);
  const words = Uint32Array.from(keyed.flatMap(({ record }) => [...record]));
  const entries = { starts: Uint32Array.from(starts), pages: 0, filter: NO_FILTER };
  return { ...of, records: new Uint8Array(words.buffer), entries };
}

/** Page 1 of 2, four rows. */
function randomPage(rowType: number, embeddingDim: number): OriginalPage {
  const layout = { rowType, embeddingDim, pageCount: 2 };
  const keys = Uint32Array.of(7, 0x80000000, 0, 0x80000001, 9, 0x80000001, 3, 0xffffffff);
  const { rows } = randomModel({ fields: 1, embeddingDim, rowType, hotRows: 3, terms: c.TERM_LINEAR });
  const page = pageOfKey(0xffffffff, layout.pageCount);
  const bytes = writePage(layout, page, keys, rows.subarray(0, 4 * rowStride(rowType, embeddingDim)));
  return { name: `page of type ${rowType}, D = ${embeddingDim}`, bytes, layout, page };
}
