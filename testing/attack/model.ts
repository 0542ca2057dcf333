// Models with random weights and rows in pages. The one under attack has a blob of some 10 MiB, and pages as large as
// the format allows, so that every page that a request can make the Worker read costs it as much as it can.
import type { ModelBlob } from "../../format/blob.ts";
import * as c from "../../format/constants.ts";
import { EncodedRecords } from "../../format/encoded-records.ts";
import type { FittedField, FittedSpec } from "../../format/fitted-spec.ts";
import { compareKeys, pageOfKey } from "../../format/keys.ts";
import { openPage, type Page, type PageLayout, pageDigest, writePage } from "../../format/page.ts";
import { RecordEncoder } from "../../format/record.ts";
import { rowStride, writeRow } from "../../format/row.ts";
import { addToFilter, newFilter } from "../../format/row-filter.ts";
import { kernelModule } from "../../runtime/node.ts";
import { placeBlob } from "../../runtime/placed-blob.ts";
import { Scorer } from "../../runtime/scorer.ts";
import { sealExport } from "../../trainer/export/seal.ts";
import { HASH_KEY } from "../format/hash-key.ts";
import { integer, seeded } from "../format/random.ts";
import { randomModel } from "../kernel/random-model.ts";

export interface AttackShape {
  /** Rows in the blob. */
  hot: number;
  /** Rows in pages. */
  cold: number;
  /** Rows that a page may have. Default: as many as fit into the largest page. */
  rowsPerPage?: number;
}

/** A blob of 10 MiB, and 42 MiB of rows in pages. */
export const FULL: AttackShape = { hot: 290_000, cold: 1_200_000 };
/** What a test has the time to build: a blob of 1 MiB, and 5 MiB of rows in pages. */
export const SMALL: AttackShape = { hot: 29_000, cold: 150_000 };

const DIM = 16;
const HIDDEN = [64, 32];
const GOLDEN = 8;
/** Bits of the filter for each row in a page, as exports have them. */
const FILTER_BITS = 12;
/** A page is filled to this part, so that none of them overflows, unevenly as keys spread. */
const FILLED = 0.92;

const common = { kv: true, missing: "own" } as const;
const vocabulary = { kind: "vocabulary" } as const;
const FIELDS: FittedField[] = [
  { name: "user", side: "context", ...common, type: "categorical", encoding: vocabulary },
  { name: "site", side: "context", ...common, type: "categorical", encoding: vocabulary },
  {
    name: "tags",
    side: "context",
    ...common,
    type: "multi-categorical",
    encoding: vocabulary,
    separator: "|",
    pooling: "mean",
    maxValues: 50,
  },
  { name: "item", side: "item", ...common, type: "categorical", encoding: vocabulary },
  { name: "brand", side: "item", ...common, type: "categorical", encoding: vocabulary },
  { name: "price", side: "item", ...common, type: "numeric", encoding: { kind: "value", shift: 10, factor: 0.1 } },
];
const SPEC: FittedSpec = { name: "attacked", label: "click", fields: FIELDS, hashKey: HASH_KEY };
/** The first seed of its weights and rows. */
const SEED = 1;
/** The fields whose values have rows. */
const NAMED = FIELDS.filter(({ type }) => type !== "numeric").map(({ name }) => name);

export type RawRecord = Record<string, string | number | string[]>;

/** What clients send: records of values that a model knows, or does not. */
export interface AttackValues {
  /** A record whose values are known, hot ones and cold ones; one in `unseen` of them is not. */
  record(random: () => number, unseen?: number): RawRecord;
  /** A record whose values all have their rows in the blob. */
  hot(random: () => number): RawRecord;
  /** A record whose values all have their rows in pages. */
  cold(random: () => number): RawRecord;
}

export interface AttackModel extends AttackValues {
  name: string;
  version: string;
  blob: Uint8Array;
  pages: { digest: Uint8Array; bytes: Uint8Array }[];
  /** How far a score may be from `score`'s. */
  tolerance: number;
  scorer: Scorer;
  /** All pages, by number. */
  opened: ReadonlyMap<number, Page>;
  /** The right scores, from all pages. */
  score(records: readonly RawRecord[]): Float32Array;
}

/** What all versions of a shape share: which values have rows, the rows in the blob, and what is in which page. */
export interface AttackTable extends AttackValues {
  layout: PageLayout;
  hotKeys: Uint32Array;
  coldKeys: Uint32Array;
  /** The weights and hot rows of the first seed. */
  drawn: ModelBlob;
}

/** The same for the same shape, each time. */
export function attackTable({ hot, cold, rowsPerPage }: AttackShape): AttackTable {
  const values = hot + cold;
  const keys = keysOfValues(values);
  const stride = rowStride(c.TYPE_I8, DIM);
  const perPage = rowsPerPage ?? Math.floor(((c.MAX_PAGE_BYTES - c.PAGE_HEADER_BYTES) / (8 + stride)) * FILLED);
  const pageCount = Math.ceil(cold / perPage);
  return {
    layout: { rowType: c.TYPE_I8, embeddingDim: DIM, pageCount },
    hotKeys: sortedKeys(keys, 0, hot),
    coldKeys: sortedKeys(keys, hot, values),
    drawn: drawModel(hot, pageCount, SEED),
    record: recordsOf(hot, values),
    hot: (random) => recordsOf(hot, hot)(random, Number.POSITIVE_INFINITY),
    cold: (random) => {
      const value = (field: number): string => coldValue(random, field, hot, values);
      return { user: value(0), site: value(1), tags: [value(2)], item: value(3), brand: value(4) };
    },
  };
}

/** The same model for the same shape, each time. */
export function attackModel(shape: AttackShape): Promise<AttackModel> {
  return attackVersion(attackTable(shape), SPEC.name, SEED);
}

/** A model of a table: `seed` makes its network and its cold rows, and so its scores. The hot rows are the table's. */
export async function attackVersion(table: AttackTable, name: string, seed: number): Promise<AttackModel> {
  const { layout, hotKeys, coldKeys, drawn, record, hot, cold } = table;
  const { pageCount } = layout;
  const pages = await Promise.all(
    keysByPage(coldKeys, pageCount).map(async (own, number) => {
      const rowSeed = (seed - SEED) * pageCount + number;
      const bytes = writePage(layout, number, own, randomRows(own.length / 2, rowSeed));
      return { digest: await pageDigest(bytes), bytes };
    }),
  );
  const { bias, layers, outputWeights } = seed === SEED ? drawn : drawModel(0, pageCount, seed);
  const model: ModelBlob = {
    ...drawn,
    ...{ bias, layers, outputWeights },
    spec: { ...SPEC, name },
    sides: Uint8Array.from(FIELDS, ({ side }) => (side === "item" ? c.SIDE_ITEM : c.SIDE_CONTEXT)),
    keys: hotKeys,
    filter: filterOf(coldKeys),
    pageDigests: Uint8Array.from(pages.flatMap(({ digest }) => [...digest])),
  };
  const random = seeded(1);
  const golden = Array.from({ length: GOLDEN }, () => record(random));
  const { version, blob } = await sealExport({ model, pages }, {}, golden);
  const scorer = new Scorer(placeBlob(kernelModule(), blob));
  const opened = new Map<number, Page>();
  for (const [number, { bytes, digest }] of pages.entries())
    opened.set(number, await openPage(bytes, layout, number, digest));
  return {
    ...{ name, version, blob, pages, scorer, opened, record, hot, cold },
    tolerance: scorer.manifest.golden.tolerance,
    score: (records) => scorer.score(scorer.locate(scorer.encode(records)), opened).scores,
  };
}

function drawModel(hotRows: number, pages: number, seed: number): ModelBlob {
  const shape = { fields: FIELDS.length, embeddingDim: DIM, hidden: HIDDEN, rowType: c.TYPE_I8 };
  return randomModel({ ...shape, hotRows, pages, seed });
}

/** The value with a number: values are dealt out to the fields in turn. */
function valueNumbered(number: number): { field: string; text: string } {
  return { field: NAMED[number % NAMED.length], text: `v${number}` };
}

/** The keys of the values, two words each, from the encoder that the Worker uses. */
function keysOfValues(count: number): Uint32Array {
  const encoder = new RecordEncoder(SPEC);
  const encoded = new EncodedRecords(count);
  for (let number = 0; number < count; number++) {
    const { field, text } = valueNumbered(number);
    encoder.encodeValue(
      FIELDS.findIndex(({ name }) => name === field),
      text,
      encoded,
      "value",
    );
  }
  return encoded.keys;
}

/** The keys from one value to another, ascending. */
function sortedKeys(keys: Uint32Array, from: number, to: number): Uint32Array {
  const order = Array.from({ length: to - from }, (_, i) => from + i);
  order.sort((a, b) => compareKeys(keys[2 * a], keys[2 * a + 1], keys[2 * b], keys[2 * b + 1]));
  const sorted = new Uint32Array(2 * order.length);
  order.forEach((value, i) => {
    sorted[2 * i] = keys[2 * value];
    sorted[2 * i + 1] = keys[2 * value + 1];
  });
  return sorted;
}

function keysByPage(keys: Uint32Array, pageCount: number): Uint32Array[] {
  const words = Array.from({ length: pageCount }, (): number[] => []);
  for (let i = 0; i < keys.length; i += 2) words[pageOfKey(keys[i + 1], pageCount)].push(keys[i], keys[i + 1]);
  return words.map((own) => Uint32Array.from(own));
}

function filterOf(keys: Uint32Array): Uint32Array {
  const filter = newFilter(keys.length / 2, FILTER_BITS);
  for (let i = 0; i < keys.length; i += 2) addToFilter(filter, keys[i], keys[i + 1]);
  return filter;
}

function coldValue(random: () => number, field: number, hot: number, values: number): string {
  const turn = integer(random, Math.ceil(hot / NAMED.length), Math.floor(values / NAMED.length) - 1);
  return `v${turn * NAMED.length + field}`;
}

function randomRows(count: number, seed: number): Uint8Array {
  const random = seeded(seed);
  const stride = rowStride(c.TYPE_I8, DIM);
  const rows = new Uint8Array(count * stride);
  const view = new DataView(rows.buffer);
  const row = new Float32Array(DIM + 1);
  for (let i = 0; i < count; i++) {
    for (let j = 0; j <= DIM; j++) row[j] = 0.6 * random() - 0.3;
    writeRow(c.TYPE_I8, DIM, row, 0, view, i * stride);
  }
  return rows;
}

function recordsOf(hot: number, values: number): AttackValues["record"] {
  return (random, unseen = 20) => {
    /** A value of the field: mostly a hot one. */
    const value = (field: number): string => {
      if (integer(random, 1, unseen) === 1) return `unseen${integer(random, 0, 2 ** 31)}`;
      const below = random() < 0.98 ? hot : values;
      const turn = integer(random, 0, Math.floor(below / NAMED.length) - 1);
      return `v${turn * NAMED.length + field}`;
    };
    return {
      user: value(0),
      site: value(1),
      tags: Array.from({ length: integer(random, 0, 4) }, () => value(2)),
      item: value(3),
      brand: value(4),
      price: integer(random, 0, 4000) / 100,
    };
  };
}
