import { rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { columnsOf } from "../../format/columns.ts";
import { counted } from "../../format/counted.ts";
import type { EncodedRecords } from "../../format/encoded-records.ts";
import { type FittedSpec, FittedSpecSchema } from "../../format/fitted-spec.ts";
import { parseWith } from "../../format/parse.ts";
import type { RawValue } from "../../format/raw-value.ts";
import { rowKeyHash } from "../../format/row-key.ts";
import type { FeatureSpec, ResolvedSpec } from "../../format/spec.ts";
import { knotKeys } from "../../format/spline.ts";
import { type FieldValues, FieldValuesSchema, PROFILE_RECORDS, profileFields } from "../profile/field-profile.ts";
import { profileWarnings } from "../profile/profile-table.ts";
import { Reservoir } from "../profile/reservoir.ts";
import { startTask, type Task } from "../terminal/progress.ts";
import { warn } from "../terminal/warning.ts";
import { type BuiltMeta, cached, inputsOf } from "./cache.ts";
import { ClickLog } from "./click-log.ts";
import { KeyCounter } from "./counter.ts";
import { resolveSpec } from "./default-settings.ts";
import { findFiles } from "./files.ts";
import { fitSpec } from "./fit.ts";
import { cacheHashKey } from "./hash-key.ts";
import type { LogPart } from "./logs.ts";
import { samplingOf } from "./negatives.ts";
import { RECORDS_FILE, recordFile, writeRecords } from "./record-file.ts";
import { readShard, type ShardPlace, withRows } from "./shard.ts";
import { type ShardLayout, shardLayout } from "./shard-layout.ts";
import { ShardWriter } from "./shard-writer.ts";
import { nameSharedKey, SharedKeyError } from "./shared-key.ts";
import { type TrainingSource, trainingSource } from "./source.ts";
import { unscaledWarnings } from "./unscaled.ts";
import { Variation } from "./variation.ts";
import type { Vocabulary } from "./vocabulary.ts";
import { loadVocabulary, saveVocabulary } from "./vocabulary-file.ts";

/** A log that a model learns from: what was fitted to it, and its records. */
export interface TrainingLog {
  /** The spec, with the defaults that follow from the log. */
  spec: ResolvedSpec;
  /** What is in its fields. */
  values: FieldValues[];
  fitted: FittedSpec;
  vocabulary: Vocabulary;
  source: TrainingSource;
}

/** Where encoded logs are kept unless the user says otherwise: one folder for all runs of a project. */
export const DEFAULT_CACHE = join("runs", "cache");

/** The file of the records with their keys, until it is known which keys have rows. */
const KEYS = "keys.bin";
const VOCABULARY = "vocabulary.safetensors";

/**
 * A log to train on. `cache`: the folder of all cache entries. The first time, the log is read, its keys are counted,
 * and its records are encoded into the cache; later only the entry is read. `hashKey`: what row keys are hashed with;
 * the cache's own where none is given. Throws FormatError where the log is wrong, or two fields share a row key.
 */
export async function openTrainingLog(
  spec: FeatureSpec,
  part: LogPart,
  cache: string,
  hashKey: string = cacheHashKey(cache),
): Promise<TrainingLog> {
  const { fields, label, data } = spec;
  const { shuffle: _, ...read } = data;
  const { files, warnings } = findFiles(part.paths, data.format);
  warnings.forEach(warn);
  const inputs = inputsOf(files);
  const key = ["train", fields, label, read, part.part, hashKey];
  const build = (folder: string): Promise<BuiltMeta> => buildTrainingLog(spec, part, folder, hashKey);
  return await cached(cache, key, inputs, build, (entry) => {
    entry.meta.warnings.forEach(warn);
    const fitted = { ...parseWith(FittedSpecSchema, entry.meta.fitted, entry.folder), name: spec.name };
    const file = recordFile(entry, fitted, data.weight !== undefined);
    const vocabulary = loadVocabulary(join(entry.folder, VOCABULARY), fields.length);
    const size = { records: file.count, clicks: file.labels.positives.records, rows: vocabulary.size };
    const resolved = resolveSpec(spec, size);
    return {
      spec: resolved,
      values: parseWith(v.array(FieldValuesSchema), entry.meta.values, entry.folder),
      fitted,
      vocabulary,
      source: trainingSource(file, Math.min(resolved.training.batchSize, file.count), data.shuffle),
    };
  });
}

async function buildTrainingLog(
  spec: FeatureSpec,
  { paths, part }: LogPart,
  folder: string,
  hashKey: string,
): Promise<BuiltMeta> {
  const { data, label, fields } = spec;
  const sampling = samplingOf(spec);
  const options = { data, label, fields, sampling, training: true, temporary: folder, ...(part && { part }) };
  await using log = await ClickLog.open(paths, options);
  using task = startTask("read", null, "record");
  const fitted = await fitSpec(spec, log, hashKey);
  try {
    return await encodeWithRows(spec, log, fitted, folder, task);
  } catch (error) {
    throw error instanceof SharedKeyError ? await nameSharedKey(log, fitted, error) : error;
  }
}

async function encodeWithRows(
  spec: FeatureSpec,
  log: ClickLog,
  fitted: FittedSpec,
  folder: string,
  task: Task,
): Promise<BuiltMeta> {
  const layout = shardLayout(fitted.fields, spec.data.weight !== undefined);
  const variation = new Variation(layout.fields);

  // 1. The records with their keys, which are counted.
  await using counter = await KeyCounter.create(layout.fields, folder);
  await using keys = await ShardWriter.create(join(folder, KEYS));
  const own = columnsOf(spec.fields);
  const sample = new Reservoir<RawValue[]>(PROFILE_RECORDS, 1);
  const labels = await writeRecords(log, fitted, keys, task, null, async ({ encoded, columns }) => {
    sample.add(encoded.count, (row) => own.map((_, c) => columns[c]?.[row]));
    countKeys(counter, encoded, layout.fields);
    variation.look(encoded);
    if (counter.full) await counter.spill();
  });
  await keys.finish();

  // 2. Which keys have rows, and the records with those.
  const minCounts = spec.fields.map(({ encoding }) => ("minCount" in encoding ? encoding.minCount : 1));
  for (const [f, { name, encoding }] of fitted.fields.entries())
    if (encoding.kind === "spline")
      await counter.require(f, knotKeys(encoding.knots.length, rowKeyHash(fitted.hashKey, name)));
  const vocabulary = await counter.vocabulary(minCounts);
  const shards = await replaceKeys(folder, keys.places, layout, vocabulary);
  const records = shards.reduce((sum, place) => sum + place.records, 0);
  task.done(`${counted(vocabulary.size, "row")} in ${counted(layout.fields, "field")}`);
  saveVocabulary(join(folder, VOCABULARY), vocabulary);
  const constant = variation.constant.map(
    (f) => `${log.path}: column ${fitted.fields[f]?.name} is the same in all ${records} records, so it says nothing`,
  );
  const values = profileFields(spec.fields, sample.elements(), records);
  const doubtful = profileWarnings(values).map((warning) => `${log.path}: column ${warning}`);
  const warnings = [...log.warnings, ...(await unscaledWarnings(spec, log)), ...constant, ...doubtful];
  return { records, labels, shards, warnings, fitted, values };
}

function countKeys(counter: KeyCounter, { count, offsets, keys }: EncodedRecords, fields: number): void {
  for (let cell = 0; cell < count * fields; cell++) {
    const last = offsets[cell + 1];
    for (let entry = offsets[cell]; entry < last; entry++)
      counter.count(cell % fields, keys[2 * entry], keys[2 * entry + 1]);
  }
}

/** Writes the records anew, with rows in place of keys, and removes the file of the keys. */
async function replaceKeys(
  folder: string,
  places: readonly ShardPlace[],
  layout: ShardLayout,
  vocabulary: Vocabulary,
): Promise<ShardPlace[]> {
  const path = join(folder, KEYS);
  const row = (f: number, lo: number, hi: number): number => vocabulary.row(f, lo, hi);
  await using writer = await ShardWriter.create(join(folder, RECORDS_FILE));
  {
    await using file = await open(path);
    for (const place of places) {
      const shard = withRows(await readShard(file, path, place, layout, 2), layout, row);
      await writer.write(shard, shard.words.length);
    }
  }
  await writer.finish();
  rmSync(path);
  return writer.places;
}
