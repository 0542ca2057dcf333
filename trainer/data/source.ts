import { open } from "node:fs/promises";
import { readFault } from "../io/system-fault.ts";
import type { Predictions } from "../metrics/predictions.ts";
import { concatenate, type Dataset, pickRecords } from "./dataset.ts";
import type { LabelCounts } from "./label-counts.ts";
import { Random } from "./random.ts";
import { readShard, SHARD_RECORDS, type ShardPlace, shardToDataset } from "./shard.ts";
import type { ShardLayout } from "./shard-layout.ts";

/** The records of one training step. */
export interface TrainingBatch {
  /** The part of the log that is in memory. */
  dataset: Dataset;
  /** The batch's records: their numbers in `dataset`. */
  records: Uint32Array;
}

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
   * without reading them.
   */
  epoch(random: Random, skip?: number): AsyncGenerator<TrainingBatch>;
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

/** Shards of one log in one file. */
export interface ShardFile {
  path: string;
  layout: ShardLayout;
  places: readonly ShardPlace[];
  count: number;
  labels: LabelCounts;
}

/** A source whose epochs hold `buffer` records in memory at once, rounded down to whole shards, at least one shard. */
export function trainingSource(file: ShardFile, batchSize: number, buffer: number): TrainingSource {
  const { layout, places, count, labels } = file;
  const batches = Math.ceil(count / batchSize);
  const group = Math.max(1, Math.floor(buffer / SHARD_RECORDS));

  async function* epoch(random: Random, skip = 0): AsyncGenerator<TrainingBatch> {
    // The shards in random order, in groups that the buffer holds; the records of each group in random order.
    const seed = random.bits();
    const order = Uint32Array.from(places, (_, i) => i);
    new Random(seed).shuffle(order);
    let before = 0; // records of the groups before this one
    let start = skip * batchSize; // where the next batch begins in the epoch
    let rest: Dataset | null = null; // records left from the group before, too few for a batch
    for (let g = 0; g * group < order.length; g++) {
      const chosen = Array.from(order.subarray(g * group, (g + 1) * group), (i) => places[i]);
      const size = chosen.reduce((sum, { records }) => sum + records, 0);
      const first = before;
      before += size;
      if (start >= before) continue;
      const fresh = await load(file, chosen);
      const shuffled = Uint32Array.from({ length: size }, (_, i) => i);
      new Random((seed + g + 1) | 0).shuffle(shuffled);

      const kept: number = rest?.count ?? 0;
      const dataset: Dataset = rest ? concatenate([rest, fresh], layout.fields) : fresh;
      const records = new Uint32Array(kept + size - Math.max(0, start - first));
      for (let i = 0; i < kept; i++) records[i] = i;
      records.set(
        shuffled.subarray(Math.max(0, start - first)).map((record) => record + kept),
        kept,
      );
      const last = before === count;
      let at = 0;
      for (; at + batchSize <= records.length || (last && at < records.length); at += batchSize)
        yield { dataset, records: records.subarray(at, at + batchSize) };
      rest = at < records.length ? pickRecords(dataset, records.subarray(at), layout.fields) : null;
      start = before;
    }
  }

  return { count, labels, fields: layout.fields, batches, epoch };
}

/** A source whose chunks have `buffer` records, rounded down to whole shards, at least one shard. */
export function heldOutSource(file: ShardFile, buffer: number): HeldOutSource {
  const { layout, places, count, labels } = file;
  const group = Math.max(1, Math.floor(buffer / SHARD_RECORDS));

  async function* chunks(): AsyncGenerator<Dataset> {
    for (let at = 0; at < places.length; at += group) yield await load(file, places.slice(at, at + group));
  }

  async function head(most: number): Promise<Dataset> {
    const needed: ShardPlace[] = [];
    let records = 0;
    for (const place of places) {
      if (records >= most) break;
      needed.push(place);
      records += place.records;
    }
    const dataset = await load(file, needed);
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

async function load({ path, layout }: ShardFile, places: readonly ShardPlace[]): Promise<Dataset> {
  await using file = await open(path).catch((error) => {
    throw readFault(path, error);
  });
  const parts: Dataset[] = [];
  for (const place of places) parts.push(shardToDataset(await readShard(file, path, place, layout, 1), layout));
  return concatenate(parts, layout.fields);
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
