import { concatenate, type Dataset, pickRecords } from "./dataset.ts";
import { Random } from "./random.ts";
import { SHARD_RECORDS } from "./shard.ts";
import { loadShards, type ShardFile } from "./shard-file.ts";

/** One pass over a training log in random order, which depends on these alone. */
export interface EpochPlan {
  file: ShardFile;
  batchSize: number;
  /** Records that are in memory at once, rounded down to whole shards, at least one shard. */
  buffer: number;
  seed: number;
  /** Batches at the beginning that are left out, and not read. */
  skip: number;
}

/** The records of one training step. */
export interface TrainingBatch {
  /** The part of the log that is in memory. */
  dataset: Dataset;
  /** The batch's records: their numbers in `dataset`. */
  records: Uint32Array;
}

/** The batches of an epoch, of `batchSize` records each but for the last one. */
export async function* readEpoch({ file, batchSize, buffer, seed, skip }: EpochPlan): AsyncGenerator<TrainingBatch> {
  const { layout, places, count } = file;
  const group = Math.max(1, Math.floor(buffer / SHARD_RECORDS));
  // The shards in random order, in groups that the buffer holds; the records of each group in random order.
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
    const fresh = await loadShards(file, chosen);
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
