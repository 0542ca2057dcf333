import { fieldSides, type ItemCatalogue, type ModelBlob, NO_ITEMS } from "../../format/blob.ts";
import {
  ACTIVATION_RELU,
  BLOB_PART_BYTES,
  BLOB_VERSION,
  TERM_FM,
  TERM_LINEAR,
  TERM_MLP,
  TYPE_I8,
} from "../../format/constants.ts";
import type { FittedSpec } from "../../format/fitted-spec.ts";
import type { Hash64 } from "../../format/hash.ts";
import { compareKeys, pageOfKey } from "../../format/keys.ts";
import { openPage, type Page, type PageLayout, pageDigest, writePage } from "../../format/page.ts";
import { writeDefault, writePointer } from "../../format/pointer.ts";
import { VALUE_ROW } from "../../format/record.ts";
import { rowStride, writeRow } from "../../format/row.ts";
import { NO_FILTER } from "../../format/row-filter.ts";
import { rowKeyHash } from "../../format/row-key.ts";
import { sealBlob } from "../../format/seal.ts";
import type { SigningKey } from "../../format/signature.ts";
import { blobPartKeys, defaultKey, pageKey, pointerKey } from "../../format/store.ts";
import { writeBlob } from "../../format/write-blob.ts";
import { goldenLogits } from "../../runtime/golden.ts";
import { placeBlob } from "../../runtime/placed-blob.ts";
import { Scorer } from "../../runtime/scorer.ts";
import { inOldFormat } from "../../testing/format/edit-blob.ts";
import { filterOf, HASH_KEY, rowKeyOf } from "../../testing/format/hash-key.ts";
import { seeded } from "../../testing/format/random.ts";
import { lightenLanes } from "../../testing/kernel/light-lanes.ts";
import { placeItems } from "../../trainer/export/item-pages.ts";
import { bestKernelModule } from "../../worker/models/kernel-modules.ts";

// A model of the kind that a trainer publishes, with random weights. Of site and tags, hot rows are in the blob and the
// others in pages; device, ad and price are in the blob alone.

const K = 4;
const ROW_TYPE = TYPE_I8;
const HOT_VALUES = 10;
const VALUES = 400;
const ITEM_PAGE_BYTES = 1024;

const SPEC: FittedSpec = {
  name: "tiny",
  label: "click",
  hashKey: HASH_KEY,
  fields: [
    {
      name: "site",
      side: "context",
      kv: true,
      type: "categorical",
      encoding: { kind: "vocabulary" },
      missing: "own",
    },
    {
      name: "device",
      side: "context",
      kv: false,
      type: "categorical",
      encoding: { kind: "vocabulary" },
      missing: "oov",
    },
    {
      name: "tags",
      side: "item",
      kv: true,
      type: "multi-categorical",
      encoding: { kind: "vocabulary" },
      separator: "|",
      pooling: "mean",
      maxValues: 200,
      missing: "skip",
    },
    {
      name: "ad",
      side: "item",
      kv: false,
      type: "categorical",
      encoding: { kind: "vocabulary" },
      missing: "own",
    },
    {
      name: "price",
      side: "item",
      kv: false,
      type: "numeric",
      encoding: { kind: "value", shift: 10, factor: 0.1 },
      missing: "oov",
    },
  ],
};

interface Row {
  lo: number;
  hi: number;
  bytes: Uint8Array;
}

export interface TinyModel {
  model: string;
  version: string;
  blob: Uint8Array;
  layout: PageLayout;
  /** Bytes and digest by page number; those of item pages come last. */
  pages: { bytes: Uint8Array; digest: Uint8Array }[];
}

export interface TinyModelOptions {
  /** Without pages, 0, every cold value is out of vocabulary. */
  pageCount?: number;
  /** Whether the blob says which keys the pages hold. */
  filtered?: boolean;
  /** Who signs the blob. */
  key?: SigningKey;
  /** The serial number that it is signed with. */
  serial?: number;
  /** The pages that the blob calls the hottest. */
  hotPages?: readonly number[];
  /** The version of the blob's format. Before 6, row keys are hashed without a key. */
  format?: number;
  /** Items of a catalogue, each named by its `ad`. */
  items?: readonly Record<string, unknown>[];
  /** Set: the catalogue is one of entries, with so many bytes of it in the blob, and item pages behind the others. */
  itemBytes?: number;
  /** How far the golden logits are from what the kernel computes. */
  goldenError?: number;
  /** Bytes of evidence. With others, a model has another version and the same pages. */
  padding?: number;
}

/** What an admin is shown as examples. */
export const GOLDEN_RECORDS = [
  { site: "site1", device: "phone", price: 12 },
  { site: "site399", tags: "tag1|tag399" },
];

/** `seed` makes the weights, and so the version. */
export async function makeModel(
  seed: number,
  {
    pageCount = 4,
    filtered = true,
    key,
    serial = 1,
    hotPages,
    format = BLOB_VERSION,
    items = [],
    itemBytes,
    goldenError = 0,
    padding = 0,
  }: TinyModelOptions = {},
): Promise<TinyModel> {
  const random = seeded(seed);
  const layout = { rowType: ROW_TYPE, embeddingDim: K, pageCount };
  const hot: Row[] = [];
  const cold: Row[] = [];
  for (let i = 0; i < VALUES; i++) {
    const table = i < HOT_VALUES ? hot : cold;
    table.push(makeRow(random, format, "site", `site${i}`), makeRow(random, format, "tags", `tag${i}`));
  }
  for (const device of ["phone", "desktop"]) hot.push(makeRow(random, format, "device", device));
  for (const ad of ["ad0", "ad1", "ad2"]) hot.push(makeRow(random, format, "ad", ad));
  hot.push(makeRow(random, format, "price", VALUE_ROW));
  const oov = SPEC.fields.map(({ name }) => makeRow(random, format, name, "never a key"));

  const pages: TinyModel["pages"] = [];
  for (let page = 0; page < pageCount; page++) {
    const { keys, rows } = pack(cold.filter(({ hi }) => pageOfKey(hi, pageCount) === page));
    const bytes = writePage(layout, page, keys, rows);
    pages.push({ bytes, digest: await pageDigest(bytes) });
  }
  const table = pack(hot);
  const inputs = SPEC.fields.length * K;
  const hidden = 8;
  const weights = Int8Array.from({ length: inputs * hidden }, () => Math.round((random() - 0.5) * 254));
  lightenLanes(weights, inputs, hidden);
  const model: ModelBlob = {
    spec: SPEC,
    producer: `tiny-model ${seed}`,
    rowType: ROW_TYPE,
    embeddingDim: K,
    terms: TERM_LINEAR | TERM_FM | TERM_MLP,
    ...{ fmDim: K, mlpFrom: 0, products: 0, innerScale: 1, outerScale: 1 },
    sides: fieldSides(SPEC),
    contextLayers: 0,
    itemLayers: 0,
    bias: -0.5,
    keys: table.keys,
    rows: concat([...oov.map(({ bytes }) => bytes), table.rows]),
    pageDigests: concat(pages.map(({ digest }) => digest)),
    layers: [
      {
        inputs,
        outputs: hidden,
        weights,
        scales: new Float32Array(hidden).fill(0.0005),
        biases: Float32Array.from({ length: hidden }, () => random() - 0.5),
        activation: ACTIVATION_RELU,
        inputInverseScale: 32,
        inputZero: 64,
      },
    ],
    outputWeights: Float32Array.from({ length: hidden }, () => random() - 0.5),
    items: NO_ITEMS,
    ...(hotPages && { hotPages }),
    filter: filtered && pageCount > 0 ? filterOf(cold) : NO_FILTER,
    evidence: { provenance: { seed }, ...(padding > 0 && { padding: "x".repeat(padding) }) },
    golden: { tolerance: 1e-4, records: [] },
  };
  if (items.length > 0) model.items = await catalogueOf(model, items, pages, itemBytes);
  model.pageDigests = concat(pages.map(({ digest }) => digest));
  const write = (): Uint8Array => {
    const blob = writeBlob(model);
    if (format === BLOB_VERSION) return blob;
    return inOldFormat(blob, format);
  };
  const logits = goldenLogits(new Scorer(placeBlob(bestKernelModule().module, write())), GOLDEN_RECORDS);
  model.golden.records = GOLDEN_RECORDS.map((record, i) => ({ record, logit: logits[i] + goldenError }));
  const blob = write();
  return { model: SPEC.name, version: await sealBlob(blob, key && { key, serial }), blob, layout, pages };
}

/** A catalogue of items, made as the trainer makes it. Its item pages are added to `pages`. */
async function catalogueOf(
  model: ModelBlob,
  items: readonly Record<string, unknown>[],
  pages: TinyModel["pages"],
  itemBytes?: number,
): Promise<ItemCatalogue> {
  const scorer = new Scorer(placeBlob(bestKernelModule().module, writeBlob({ ...model, hotPages: [] })));
  const opened = pages.map(async ({ bytes, digest }, i) => {
    return [i, await openPage(bytes, scorer.manifest, i, digest)] as const;
  });
  const field = SPEC.fields.findIndex(({ name }) => name === "ad");
  const rowPages = new Map(await Promise.all(opened));
  if (itemBytes !== undefined) {
    const counts = Uint32Array.from(items.keys(), (i) => items.length - i);
    const table = { field, ...scorer.describeItems(items, field, rowPages), counts };
    const room = { blobBytes: itemBytes, pageBytes: ITEM_PAGE_BYTES, rowPages: pages.length, filterBits: () => 12 };
    const placed = await placeItems(table, scorer.manifest, room);
    pages.push(...placed.pages);
    return placed.catalogue;
  }
  const { keys, records } = scorer.precomputeItems(items, field, rowPages);
  const sorted = records
    .map((bytes, i) => ({ lo: keys[2 * i], hi: keys[2 * i + 1], bytes }))
    .toSorted((a, b) => compareKeys(a.lo, a.hi, b.lo, b.hi));
  return {
    field,
    keys: Uint32Array.from(sorted.flatMap(({ lo, hi }) => [lo, hi])),
    records: concat(sorted.map(({ bytes }) => bytes)),
  };
}

/** Stores a model as `publish --default` does: pages, blob, and last the pointer and the default. */
export async function publishTiny(kv: KVNamespace, { model, version, blob, pages }: TinyModel): Promise<void> {
  await storeTiny(kv, { blob, version, pages });
  await pointTo(kv, { model, version });
}

/** Stores what belongs to a version. */
export async function storeTiny(
  kv: KVNamespace,
  { version, blob, pages }: Pick<TinyModel, "version" | "blob" | "pages">,
): Promise<void> {
  await Promise.all(pages.map(({ bytes, digest }) => kv.put(pageKey(digest), bytes.toBase64())));
  for (const [part, key] of blobPartKeys(version, blob.length).entries())
    await kv.put(key, blob.subarray(part * BLOB_PART_BYTES, (part + 1) * BLOB_PART_BYTES));
}

let pointers = 0;

/** Lets a version serve, of the default model. Each pointer is newer than those before. */
export async function pointTo(kv: KVNamespace, { model, version }: { model: string; version: string }): Promise<void> {
  await kv.put(pointerKey(model), pointerTo(version));
  await kv.put(defaultKey(), writeDefault(model));
}

/** The text of a pointer that is newer than all before. */
export function pointerTo(version: string, deadline?: number): string {
  const since = Date.UTC(2026, 0) + ++pointers;
  return writePointer({ version, since, previous: null, ...(deadline !== undefined && { deadline }) });
}

/**
 * The scores that the Worker must answer: the same kernel's, on the same bytes, with all pages at hand but those of
 * `without`.
 */
export async function expectedScores(model: TinyModel, records: unknown[], without: number[] = []): Promise<number[]> {
  const scorer = new Scorer(placeBlob(bestKernelModule().module, model.blob));
  const pages = new Map<number, Page>();
  for (const [number, { bytes, digest }] of model.pages.slice(0, model.layout.pageCount).entries()) {
    if (!without.includes(number)) pages.set(number, await openPage(bytes, model.layout, number, digest));
  }
  return Array.from(scorer.score(scorer.locate(scorer.encode(records)), pages).scores);
}

/** The page of a value's row. */
export function pageOf(field: string, text: string, { layout }: TinyModel): number {
  return pageOfKey(rowKeyOf(field, text).hi, layout.pageCount);
}

function makeRow(random: () => number, format: number, field: string, text: string): Row {
  const values = Float32Array.from({ length: 1 + K }, () => 2 * random() - 1);
  const bytes = new Uint8Array(rowStride(ROW_TYPE, K));
  writeRow(ROW_TYPE, K, values, 0, new DataView(bytes.buffer), 0);
  return { ...keyIn(format, field, text), bytes };
}

function keyIn(format: number, field: string, text: string): Hash64 {
  return format >= 6 ? rowKeyOf(field, text) : rowKeyHash(undefined, field)(text, { lo: 0, hi: 0 });
}

function pack(rows: Row[]): { keys: Uint32Array; rows: Uint8Array } {
  const sorted = rows.toSorted((a, b) => compareKeys(a.lo, a.hi, b.lo, b.hi));
  return {
    keys: Uint32Array.from(sorted.flatMap(({ lo, hi }) => [lo, hi])),
    rows: concat(sorted.map(({ bytes }) => bytes)),
  };
}

function concat(parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
