import type { Random } from "../random.ts";
import type { Dataset } from "./dataset.ts";

/** Where training gets its batches from. */
export interface TrainingSource {
  /** Records of an epoch. */
  count: number;
  /** An epoch's batches from number `skip` on, each record once, in an order that `random` alone decides. */
  epoch(random: Random, skip: number): AsyncIterable<TrainingBatch>;
}

export interface TrainingBatch {
  dataset: Dataset;
  /** The batch: places in the dataset. */
  records: Uint32Array;
}

/** A log that is held in memory. */
export function inMemory(dataset: Dataset, batchSize: number): TrainingSource {
  return {
    count: dataset.count,
    async *epoch(random, skip) {
      const order = Uint32Array.from({ length: dataset.count }, (_, i) => i);
      random.shuffle(order);
      for (let start = skip * batchSize; start < order.length; start += batchSize) {
        yield { dataset, records: order.subarray(start, start + batchSize) };
      }
    },
  };
}
