import type { Predictions } from "../metrics/predictions.ts";
import { type Dataset, pickRecords } from "./dataset.ts";
import type { LabelCounts } from "./label-counts.ts";
import type { Random } from "./random.ts";
import { type Batches, readAhead } from "./read-ahead.ts";
import { SHARD_RECORDS, type ShardPlace } from "./shard.ts";
import { loadShards, type ShardFile } from "./shard-file.ts";

/** A training log on disk, in batches. */
export interface TrainingSource {
  /** Records of an epoch, N. */
  count: number;
  labels: LabelCounts;
  /** F */
  fields: number;
  /** Batches of an epoch. */
  batches: number;
  /**
   * One pass over the log in random order. The order depends on nothing but the log, the batch size, the buffer and one
   * number drawn from `random`. Every batch but the last has `batchSize` records. Leaves out the first `skip` batches
   * without reading them. The reading begins with the call, beside whatever else is done.
   */
  epoch(random: Random, skip?: number): Batches;
}

/** The encoded records of a held-out log on disk, in the log's order. Nothing is open between readings. */
export interface HeldOutSource {
  /** N */
  count: number;
  labels: LabelCounts;
  /** F */
  fields: number;
  /** All records, a part at a time. */
  chunks(): AsyncGenerator<Dataset>;
  /** The first `most` records, all of them where there are fewer, in memory at once. */
  head(most: number): Promise<Dataset>;
}

/** A source whose epochs hold `buffer` records in memory at once, rounded down to whole shards, at least one shard. */
export function trainingSource(file: ShardFile, batchSize: number, buffer: number): TrainingSource {
  const { layout, count, labels } = file;
  const batches = Math.ceil(count / batchSize);
  const epoch = (random: Random, skip = 0): Batches =>
    readAhead({ file, batchSize, buffer, seed: random.bits(), skip });
  return { count, labels, fields: layout.fields, batches, epoch };
}

/** A source whose chunks have `buffer` records, rounded down to whole shards, at least one shard. */
export function heldOutSource(file: ShardFile, buffer: number): HeldOutSource {
  const { layout, places, count, labels } = file;
  const group = Math.max(1, Math.floor(buffer / SHARD_RECORDS));

  async function* chunks(): AsyncGenerator<Dataset> {
    for (let at = 0; at < places.length; at += group) yield await loadShards(file, places.slice(at, at + group));
  }

  async function head(most: number): Promise<Dataset> {
    const needed: ShardPlace[] = [];
    let records = 0;
    for (const place of places) {
      if (records >= most) break;
      needed.push(place);
      records += place.records;
    }
    const dataset = await loadShards(file, needed);
    return records <= most
      ? dataset
      : pickRecords(
          dataset,
          Uint32Array.from({ length: most }, (_, i) => i),
          layout.fields,
        );
  }

  return { count, labels, fields: layout.fields, chunks, head };
}

/** Logits of a whole log. One chunk of it is in memory at a time. */
export async function predictLog(
  source: HeldOutSource,
  predict: (dataset: Dataset) => Float32Array,
): Promise<Predictions> {
  const logits = new Float32Array(source.count);
  const labels = new Uint8Array(source.count);
  let weights: Float32Array | undefined;
  let at = 0;
  for await (const dataset of source.chunks()) {
    logits.set(predict(dataset), at);
    labels.set(dataset.labels, at);
    if (dataset.weights) {
      weights ??= new Float32Array(source.count);
      weights.set(dataset.weights, at);
    }
    at += dataset.count;
  }
  return { logits, labels, ...(weights && { weights }) };
}
