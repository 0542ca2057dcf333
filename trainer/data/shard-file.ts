import { open } from "node:fs/promises";
import { readFault } from "../io/system-fault.ts";
import type { Dataset } from "./dataset.ts";
import type { LabelCounts } from "./label-counts.ts";
import { readShard, type Shard, type ShardPlace, shardsToDataset } from "./shard.ts";
import type { ShardLayout } from "./shard-layout.ts";

/** Shards of one log in one file. */
export interface ShardFile {
  path: string;
  layout: ShardLayout;
  places: readonly ShardPlace[];
  count: number;
  labels: LabelCounts;
}

/** The records of some shards, in memory at once. */
export async function loadShards({ path, layout }: ShardFile, places: readonly ShardPlace[]): Promise<Dataset> {
  await using file = await open(path).catch((error) => {
    throw readFault(path, error);
  });
  const shards: Shard[] = [];
  for (const place of places) shards.push(await readShard(file, path, place, layout, 1));
  return shardsToDataset(shards, layout);
}
