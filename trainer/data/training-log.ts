import { createHash } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { FormatError } from "../../format/errors.ts";
import { type FittedSpec, FittedSpecSchema } from "../../format/fitted-spec.ts";
import { parseWith } from "../../format/parse.ts";
import type { FeatureSpec } from "../../format/spec.ts";
import { readSafetensors, writeSafetensors } from "../io/safetensors.ts";
import { startTask, type Task } from "../terminal/progress.ts";
import { type CacheEntry, type CacheMeta, cached, inputsOf, temporaryOf } from "./cache.ts";
import { KeyCounter } from "./counter.ts";
import { encodeLog } from "./encode.ts";
import { fitSpec } from "./fit.ts";
import type { LogPart } from "./logs.ts";
import { type ClickLog, openLog } from "./read.ts";
import { readShard, type ShardPlace, ShardWriter, shapeOf, withRows } from "./shard.ts";
import { ShardBuilder } from "./shard-builder.ts";
import { type HeldOutSource, heldOutSource, type ShardFile, type TrainingSource, trainingSource } from "./source.ts";
import { Variation } from "./variation.ts";
import { Vocabulary } from "./vocabulary.ts";

/** A log that a model learns from: what was learnt about its fields, and its records. */
export interface TrainingLog {
  fitted: FittedSpec;
  vocabulary: Vocabulary;
  source: TrainingSource;
}

/** Where encoded logs are kept unless the user says otherwise: one folder for all runs of a project. */
export const DEFAULT_CACHE = join("runs", "cache");

const RECORDS = "records.bin";
const KEYS = "keys.bin";
const VOCABULARY = "vocabulary.safetensors";

/** Opens a log to train on. `cache`: the folder of all cache entries. The first time it is read, counted and encoded into the cache; then it starts at once. */
export async function openTrainingLog(
  spec: FeatureSpec,
  { paths, part }: LogPart,
  cache: string,
): Promise<TrainingLog> {
  const { fields, label, data } = spec;
  const options = { data, label, training: true, ...(part && { part }) };
  const log = await openLog(paths, { ...options, temporary: join(cache, "duckdb") });
  const { shuffle: _, ...read } = data;
  const entry = await cached(cache, ["train", fields, label, read, part], inputsOf(log.files), async (folder) => {
    const task = startTask("read", null, "records");
    const fitted = await fitSpec(spec, log);
    const written = await writeTrainingLog(log, spec, fitted, folder, task);
    task.done(`${written.vocabulary.size} rows in ${fields.length} fields`);
    saveVocabulary(join(folder, VOCABULARY), written.vocabulary);
    return { ...written.meta, fitted };
  }).finally(log.close);
  warn(entry);
  const fitted = { ...parseWith(FittedSpecSchema, entry.meta.fitted, entry.folder), name: spec.name };
  const file = shardFile(entry, fitted, data.weight !== undefined);
  return {
    fitted,
    vocabulary: loadVocabulary(join(entry.folder, VOCABULARY), fields.length),
    source: trainingSource(file, Math.min(spec.training.batchSize, file.count), data.shuffle),
  };
}

/** Opens a log to predict on, with rows that are already known; values that they lack become OOV rows. */
export async function openHeldOutLog(
  spec: Pick<FeatureSpec, "data" | "label">,
  { fitted, vocabulary }: Pick<TrainingLog, "fitted" | "vocabulary">,
  { paths, part }: LogPart,
  cache: string,
): Promise<HeldOutSource> {
  const { data, label } = spec;
  const log = await openLog(paths, { data, label, temporary: join(cache, "duckdb"), ...(part && { part }) });
  const { shuffle: _, negatives: __, ...read } = data;
  const rows = createHash("sha256").update(vocabulary.keys).digest("hex");
  const { name: ___, ...encoding } = fitted;
  const entry = await cached(cache, ["held out", encoding, rows, read, part], inputsOf(log.files), async (folder) => {
    const task = startTask("read", null, "records");
    const meta = await writeHeldOutLog(log, fitted, vocabulary, folder, task);
    task.done();
    return meta;
  }).finally(log.close);
  return heldOutSource(shardFile(entry, fitted, data.weight !== undefined), data.shuffle);
}

function shardFile({ folder, meta }: CacheEntry, fitted: FittedSpec, weighted: boolean): ShardFile {
  return {
    path: join(folder, RECORDS),
    shape: shapeOf(fitted.fields, weighted),
    places: meta.shards,
    count: meta.records,
  };
}

function warn({ meta }: CacheEntry): void {
  for (const warning of meta.warnings) process.stderr.write(`warning: ${warning}\n`);
}

type Written = Omit<CacheMeta, "inputs">;

/** Encodes a log once, counting its keys; then, when it is known which keys have rows, writes the records with them. */
async function writeTrainingLog(
  log: ClickLog,
  spec: FeatureSpec,
  fitted: FittedSpec,
  folder: string,
  task: Task,
): Promise<{ meta: Written; vocabulary: Vocabulary }> {
  const shape = shapeOf(fitted.fields, log.options.data.weight !== undefined);
  const counter = await KeyCounter.create(shape.fields, temporaryOf(folder));
  const variation = new Variation(shape.fields);
  const keys = await ShardWriter.create(join(folder, KEYS));
  try {
    await writeRecords(log, fitted, keys, task, null, async (encoded) => {
      for (let cell = 0; cell < encoded.count * shape.fields; cell++) {
        const field = cell % shape.fields;
        const last = encoded.offsets[cell + 1];
        for (let entry = encoded.offsets[cell]; entry < last; entry++)
          counter.count(field, encoded.keys[2 * entry], encoded.keys[2 * entry + 1]);
      }
      variation.look(encoded);
      if (counter.full) await counter.spill();
    });
    await keys.close();
  } catch (error) {
    await keys.abandon();
    throw error;
  }
  const minCounts = spec.fields.map(({ encoding }) => ("minCount" in encoding ? encoding.minCount : 1));
  const vocabulary = await counter.vocabulary(minCounts);
  const places = await replaceKeys(folder, keys.places, shape, vocabulary);
  const records = places.reduce((sum, place) => sum + place.records, 0);
  const warnings = variation.constant.map(
    (f) => `${log.path}: column ${fitted.fields[f]?.name} is the same in all ${records} records, so it says nothing`,
  );
  return { meta: { records, shards: places, warnings }, vocabulary };
}

async function replaceKeys(
  folder: string,
  places: readonly ShardPlace[],
  shape: ReturnType<typeof shapeOf>,
  vocabulary: Vocabulary,
): Promise<ShardPlace[]> {
  const path = join(folder, KEYS);
  const file = await open(path);
  const writer = await ShardWriter.create(join(folder, RECORDS));
  try {
    for (const place of places) {
      const shard = withRows(await readShard(file, path, place, shape, 2), shape, (f, lo, hi) =>
        vocabulary.row(f, lo, hi),
      );
      await writer.write(shard, shard.words.length);
    }
    await writer.close();
  } catch (error) {
    await writer.abandon();
    throw error;
  } finally {
    await file.close();
  }
  rmSync(path);
  return writer.places;
}

async function writeHeldOutLog(
  log: ClickLog,
  fitted: FittedSpec,
  vocabulary: Vocabulary,
  folder: string,
  task: Task,
): Promise<Written> {
  const writer = await ShardWriter.create(join(folder, RECORDS));
  try {
    await writeRecords(log, fitted, writer, task, vocabulary, async () => {});
    await writer.close();
  } catch (error) {
    await writer.abandon();
    throw error;
  }
  const records = writer.places.reduce((sum, place) => sum + place.records, 0);
  return { records, shards: writer.places, warnings: [] };
}

type Encoded = Parameters<ShardBuilder["add"]>[0];

/** Writes a log's records: with rows where the vocabulary is known, otherwise with keys. */
async function writeRecords(
  log: ClickLog,
  fitted: FittedSpec,
  writer: ShardWriter,
  task: Task,
  vocabulary: Vocabulary | null,
  look: (encoded: Encoded) => Promise<void>,
): Promise<void> {
  const shape = shapeOf(fitted.fields, log.options.data.weight !== undefined);
  const builder = new ShardBuilder(shape);
  const row = vocabulary ? (f: number, lo: number, hi: number): number => vocabulary.row(f, lo, hi) : undefined;
  const flush = async (): Promise<void> => {
    const shard = builder.take();
    await writer.write(shard, shard.words.length / (vocabulary ? 1 : 2));
  };
  for await (const { encoded, labels, weights } of encodeLog(log, fitted)) {
    for (let record = 0; record < encoded.count; record++) {
      builder.add(encoded, record, labels[record], weights?.[record] ?? 1, row);
      if (builder.full) await flush();
    }
    await look(encoded);
    task.advance(encoded.count);
  }
  if (builder.records > 0) await flush();
  if (writer.places.length === 0) throw new FormatError(log.path, "got no rows, expected at least one");
}

function saveVocabulary(path: string, { keys, fieldOf, counts, size }: Vocabulary): void {
  const tensors = {
    keys: { shape: [size, 2], data: keys },
    fields: { shape: [size], data: fieldOf },
    counts: { shape: [size], data: counts },
  };
  writeFileSync(path, writeSafetensors(tensors, {}), { flush: true });
}

function loadVocabulary(path: string, fields: number): Vocabulary {
  const { keys, fields: fieldOf, counts } = readSafetensors(readFileSync(path), path).tensors;
  if (keys?.data instanceof Uint32Array && fieldOf?.data instanceof Uint16Array && counts?.data instanceof Uint32Array)
    return new Vocabulary(fields, keys.data, fieldOf.data, counts.data);
  throw new FormatError(path, "got other tensors, expected keys, fields and counts");
}
