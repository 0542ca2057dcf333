import { open } from "node:fs/promises";
import { concatenate, type Dataset, pick } from "./dataset.ts";
import { Random } from "./random.ts";
import { readShard, SHARD_RECORDS, type Shape, type ShardPlace, toDataset } from "./shard.ts";

/** One step's records: indices into a part of the log that is in memory. */
export interface TrainingBatch {
  dataset: Dataset;
  records: Uint32Array;
}

/** A training log on disk, in batches. */
export interface TrainingSource {
  /** Records of an epoch, N. */
  count: number;
  /** F */
  fields: number;
  /** Batches of an epoch. */
  batches: number;
  /**
   * One pass in random order, which depends on the log, the batch size, the buffer and one number drawn from `random` alone.
   * Every batch but the last has just `batchSize` records. Leaves out the first `skip` batches, without reading them.
   */
  epoch(random: Random, skip?: number): AsyncGenerator<TrainingBatch>;
}

/** A log on disk, in its own order, a part at a time. */
export interface HeldOutSource {
  /** N */
  count: number;
  /** F */
  fields: number;
  chunks(): AsyncGenerator<Dataset>;
}

/** Shards of one log in one file. */
export interface ShardFile {
  path: string;
  shape: Shape;
  places: readonly ShardPlace[];
  count: number;
}

/** `buffer`: records in memory, rounded down to whole shards, at least one. */
export function trainingSource(file: ShardFile, batchSize: number, buffer: number): TrainingSource {
  const { shape, places, count } = file;
  const batches = Math.ceil(count / batchSize);
  const group = Math.max(1, Math.floor(buffer / SHARD_RECORDS));

  async function* epoch(random: Random, skip = 0): AsyncGenerator<TrainingBatch> {
    // Shards in random order; as many as the buffer holds at a time, their records in random order.
    const seed = random.bits();
    const order = Uint32Array.from(places, (_, i) => i);
    new Random(seed).shuffle(order);
    let before = 0; // records of the groups before this one
    let start = skip * batchSize; // where the next batch begins in the epoch
    let rest: Dataset | null = null; // records of the group before that make no whole batch
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
      const dataset: Dataset = rest ? concatenate([rest, fresh], shape.fields) : fresh;
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
      rest = at < records.length ? pick(dataset, records.subarray(at), shape.fields) : null;
      start = before;
    }
  }

  return { count, fields: shape.fields, batches, epoch };
}

export function heldOutSource(file: ShardFile, buffer: number): HeldOutSource {
  const { shape, places, count } = file;
  const group = Math.max(1, Math.floor(buffer / SHARD_RECORDS));

  async function* chunks(): AsyncGenerator<Dataset> {
    for (let at = 0; at < places.length; at += group) yield await load(file, places.slice(at, at + group));
  }

  return { count, fields: shape.fields, chunks };
}

async function load({ path, shape }: ShardFile, places: readonly ShardPlace[]): Promise<Dataset> {
  const file = await open(path);
  try {
    const parts: Dataset[] = [];
    for (const place of places) parts.push(toDataset(await readShard(file, path, place, shape, 1), shape));
    return concatenate(parts, shape.fields);
  } finally {
    await file.close();
  }
}

export interface Predictions {
  /** N */
  logits: Float32Array;
  /** N */
  labels: Uint8Array;
  /** N, where the log has sample weights. */
  weights?: Float32Array;
}

/** Logits of a whole log, of which one chunk is in memory at a time. */
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
