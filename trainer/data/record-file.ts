import { statSync } from "node:fs";
import { join } from "node:path";
import { FormatError } from "../../format/errors.ts";
import type { FittedSpec } from "../../format/fitted-spec.ts";
import type { Task } from "../terminal/progress.ts";
import type { CacheEntry } from "./cache.ts";
import type { ClickLog } from "./click-log.ts";
import { type EncodedChunk, encodeLog } from "./encode.ts";
import { countLabel, type LabelCounts, noLabels } from "./label-counts.ts";
import { noRows } from "./logs.ts";
import { ShardBuilder } from "./shard-builder.ts";
import type { ShardFile } from "./shard-file.ts";
import { shardLayout } from "./shard-layout.ts";
import type { ShardWriter } from "./shard-writer.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** The file of a cache entry that holds the encoded records, as shards of rows. */
export const RECORDS_FILE = "records.bin";

/**
 * The records of a cache entry, as sources read them. Throws FormatError where the file has another length than it had;
 * its bytes are checked when they are read.
 */
export function recordFile({ folder, meta }: CacheEntry, fitted: FittedSpec, weighted: boolean): ShardFile {
  const path = join(folder, RECORDS_FILE);
  const expected = meta.shards.reduce((sum, { bytes }) => sum + bytes, 0);
  const got = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (got !== expected) throw new FormatError(path, `got ${got} bytes, expected ${expected}`);
  return {
    path,
    layout: shardLayout(fitted.fields, weighted),
    places: meta.shards,
    count: meta.records,
    labels: meta.labels,
  };
}

/**
 * Encodes a log's records into shards: of rows where the vocabulary is known, otherwise of keys. `look` sees each chunk
 * of them. Returns the counts of the labels. Throws FormatError where the log has no record.
 */
export async function writeRecords(
  log: ClickLog,
  fitted: FittedSpec,
  writer: ShardWriter,
  task: Task,
  vocabulary: Pick<Vocabulary, "row"> | null,
  look: (chunk: EncodedChunk) => Promise<void> = async () => {},
): Promise<LabelCounts> {
  const counts = noLabels();
  const builder = new ShardBuilder(shardLayout(fitted.fields, log.options.data.weight !== undefined));
  const row = vocabulary ? (f: number, lo: number, hi: number): number => vocabulary.row(f, lo, hi) : undefined;
  const wordsPerEntry = vocabulary ? 1 : 2;
  const flush = async (): Promise<void> => {
    const shard = builder.take();
    await writer.write(shard, shard.words.length / wordsPerEntry);
  };
  for await (const chunk of encodeLog(log, fitted)) {
    const { encoded, labels, weights } = chunk;
    for (let record = 0; record < encoded.count; record++) {
      const weight = weights?.[record] ?? 1;
      countLabel(counts, labels[record], weight);
      builder.add(encoded, record, labels[record], weight, row);
      if (builder.full) await flush();
    }
    await look(chunk);
    task.advance(encoded.count);
  }
  if (builder.records > 0) await flush();
  if (writer.places.length === 0) throw noRows(log.path, log.options.part);
  return counts;
}
