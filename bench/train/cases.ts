// What is trained: nets, batches and tables; their records are random, and ids follow Zipf's law.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseWith } from "../../format/parse.ts";
import { FeatureSpecSchema, type ResolvedSpec } from "../../format/spec.ts";
import { withFixedDefaults } from "../../trainer/data/default-settings.ts";
import { countLabel, noLabels } from "../../trainer/data/label-counts.ts";
import { Random } from "../../trainer/data/random.ts";
import { SHARD_RECORDS } from "../../trainer/data/shard.ts";
import type { ShardFile } from "../../trainer/data/shard-file.ts";
import { ShardWriter } from "../../trainer/data/shard-writer.ts";
import { Vocabulary } from "../../trainer/data/vocabulary.ts";
import { Zipf } from "../../trainer/data/zipf.ts";

/** A DeepFM, its table and its batch. */
export interface Case {
  name: string;
  /** F */
  fields: number;
  /** V, rows of all fields together. */
  rows: number;
  batch: number;
  k: number;
  hidden: readonly number[];
  dropout: number;
  learningRate: number;
  batchNorm?: boolean;
  /** Settings that the peers lack; then they sit the case out. */
  training?: object;
}

const DEEP = [400, 400, 400];

/** Criteo's 39 fields, for each k, batch and size of the tables. */
const GRID = [10, 16].flatMap((k) =>
  [2048, 4096].flatMap((batch) =>
    [5, 6, 7].map(
      (power): Case => ({
        name: `deep-k${k}-b${batch}-1e${power}`,
        ...{ fields: 39, rows: 10 ** power, batch, k, hidden: DEEP, dropout: 0.5, learningRate: 1e-3 },
      }),
    ),
  ),
);

export const CASES: readonly Case[] = [
  ...GRID,
  // The net of examples/generated.json.
  {
    name: "small",
    ...{ fields: 9, rows: 20_000, batch: 2048, k: 8, hidden: [128, 64], dropout: 0.1, learningRate: 1e-3 },
  },
  // Frappe's by the settings of BARS.
  {
    name: "frappe",
    ...{ fields: 10, rows: 5_400, batch: 4096, k: 10, hidden: DEEP, dropout: 0.2, learningRate: 1e-3, batchNorm: true },
    training: { l2: 0.05, l2Scope: "table", clipNorm: 10 },
  },
];

/** The case that is looked at first. */
export const MAIN_CASE = "deep-k10-b2048-1e6";

/** The main case with tables of all sizes, the smallest first. */
export const SIZES = GRID.filter(({ k, batch }) => k === 10 && batch === 2048);

/**
 * A small form of a case in which everyone must learn the same: without dropout, whose masks differ, on one batch again
 * and again.
 */
export function checked(of: Case): Case {
  return { ...of, rows: 20 * of.fields, batch: 256, dropout: 0 };
}

export function specOf({ fields, batch, k, hidden, dropout, learningRate, batchNorm, training }: Case): ResolvedSpec {
  const spec = {
    name: "bench",
    fields: Array.from({ length: fields }, (_, f) => ({ name: `f${f}`, type: "categorical" })),
    model: { embeddingDim: k, hidden, dropout, ...(batchNorm && { batchNorm }) },
    // Without L2, which DeepCTR-Torch and FuxiCTR have over all rows in each step, and SparseAdam has not.
    training: { batchSize: batch, learningRate, l2: 0, l2Scope: "batch", ...training },
  };
  return withFixedDefaults(parseWith(FeatureSpecSchema, spec, "bench"));
}

/** Rows of all fields, every F-th of one field, under distinct keys. */
export function vocabularyOf({ fields, rows }: Case): Vocabulary {
  const keys = new Uint32Array(2 * rows);
  const fieldOf = new Uint16Array(rows);
  for (let row = 0; row < rows; row++) {
    fieldOf[row] = row % fields;
    if (row >= fields) keys.set([Math.imul(row, 0x9e3779b1), row], 2 * row); // spread by the golden ratio
  }
  return new Vocabulary(fields, keys, fieldOf, new Uint32Array(rows).fill(1));
}

/** Shards of an epoch, and of those that are shuffled together. */
const SHARDS = 8;
const BUFFER_SHARDS = 2;
export const BUFFER = BUFFER_SHARDS * SHARD_RECORDS;

/** Where `writeRecords` put a case's records. */
export type RecordsFile = ShardFile;

/**
 * Writes records with one id a field: as the trainer's shards, and as rows.i32 [N, F] and labels.u8 [N], which a peer
 * reads.
 */
export async function writeRecords({ fields, rows }: Case, folder: string): Promise<RecordsFile> {
  const random = new Random(1);
  const zipf = new Zipf(Math.floor(rows / fields) - 1, 1);
  const layout = {
    fields,
    single: new Array<boolean>(fields).fill(true),
    values: new Array<"one">(fields).fill("one"),
    weighted: false,
  };
  const count = SHARDS * SHARD_RECORDS;
  const all = new Uint32Array(count * fields);
  for (let i = 0; i < all.length; i++) all[i] = (i % fields) + fields * (1 + zipf.draw(random));
  const labels = Uint8Array.from({ length: count }, () => random.integer(2));
  writeFileSync(join(folder, "rows.i32"), all);
  writeFileSync(join(folder, "labels.u8"), labels);
  const path = join(folder, "records.shards");
  await using writer = await ShardWriter.create(path);
  for (let start = 0; start < count; start += SHARD_RECORDS) {
    const words = all.subarray(start * fields, (start + SHARD_RECORDS) * fields);
    const none = { weights: null, counts: new Uint16Array(0), values: new Float32Array(0) };
    const own = labels.subarray(start, start + SHARD_RECORDS);
    await writer.write({ records: SHARD_RECORDS, labels: own, words, ...none }, words.length);
  }
  await writer.finish();
  const counts = noLabels();
  for (const label of labels) countLabel(counts, label, 1);
  return { path, layout, places: writer.places, count, labels: counts };
}
