import { createHash } from "node:crypto";
import { join } from "node:path";
import type { FittedSpec } from "../../format/fitted-spec.ts";
import type { FeatureSpec } from "../../format/spec.ts";
import { partsOf } from "../io/parts.ts";
import { startTask } from "../terminal/progress.ts";
import { warn } from "../terminal/warning.ts";
import { type BuiltMeta, cached, inputsOf } from "./cache.ts";
import { ClickLog } from "./click-log.ts";
import { findFiles } from "./files.ts";
import type { LogPart } from "./logs.ts";
import { samplingOf } from "./negatives.ts";
import { RECORDS_FILE, recordFile, writeRecords } from "./record-file.ts";
import { ShardWriter } from "./shard-writer.ts";
import { type HeldOutSource, heldOutSource } from "./source.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** How a model encodes records. */
export interface Encoding {
  fitted: FittedSpec;
  vocabulary: Vocabulary;
}

/** A held-out log, and how well a vocabulary knows its values. */
export interface HeldOutLog extends HeldOutSource {
  /** [F] The values of each field, and those among them that have no row. */
  uses: readonly number[];
  unseen: readonly number[];
}

/**
 * The records of a log to predict on, encoded as a model does; a value that has no row gets its field's OOV row.
 * `cache`: the folder of all cache entries. The first time, the log is read and encoded into it; later only the entry
 * is read.
 */
export async function openHeldOutLog(
  { data, label, fields }: Pick<FeatureSpec, "data" | "label" | "fields">,
  { fitted, vocabulary }: Encoding,
  { paths, part }: LogPart,
  cache: string,
): Promise<HeldOutLog> {
  const { shuffle: _, negatives, ...read } = data;
  const sampling = samplingOf({ fields: fitted.fields, data });
  const hash = createHash("sha256");
  for (const part of partsOf(vocabulary.keys)) hash.update(part); // it takes at most 2 GiB at once
  const rows = hash.digest("hex");
  const { name: __, ...encoding } = fitted;
  const { files, warnings } = findFiles(paths, data.format);
  warnings.forEach(warn);
  const build = async (folder: string): Promise<BuiltMeta> => {
    const options = { data, label, fields, sampling, temporary: folder, ...(part && { part }) };
    await using log = await ClickLog.open(paths, options);
    return await writeHeldOutLog(log, { fitted, vocabulary }, folder);
  };
  return await cached(
    cache,
    ["held out", encoding, rows, read, part, ...(sampling ? [negatives] : [])],
    inputsOf(files),
    build,
    (entry) => {
      entry.meta.warnings.forEach(warn);
      const { uses = [], unseen = [] } = entry.meta;
      return { ...heldOutSource(recordFile(entry, fitted, data.weight !== undefined), data.shuffle), uses, unseen };
    },
  );
}

async function writeHeldOutLog(log: ClickLog, { fitted, vocabulary }: Encoding, folder: string): Promise<BuiltMeta> {
  using task = startTask("read", null, "record");
  await using writer = await ShardWriter.create(join(folder, RECORDS_FILE));
  const uses = fitted.fields.map(() => 0);
  const unseen = fitted.fields.map(() => 0);
  const labels = await writeRecords(log, fitted, writer, task, {
    row(field, lo, hi) {
      const row = vocabulary.row(field, lo, hi);
      uses[field]++;
      // The key 0 is no value's: a missing one has it, where the spec says so.
      if (row === field && (lo | hi) !== 0) unseen[field]++;
      return row;
    },
  });
  await writer.finish();
  task.done();
  const records = writer.places.reduce((sum, place) => sum + place.records, 0);
  return { records, labels, shards: writer.places, warnings: [...log.warnings], uses, unseen };
}
