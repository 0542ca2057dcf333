import { open } from "node:fs/promises";
import { readFault } from "../io/system-fault.ts";
import { concatenate, type Dataset } from "./dataset.ts";
import type { LabelCounts } from "./label-counts.ts";
import { readShard, type ShardPlace, shardToDataset } from "./shard.ts";
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
  const parts: Dataset[] = [];
  for (const place of places) parts.push(shardToDataset(await readShard(file, path, place, layout, 1), layout));
  return concatenate(parts, layout.fields);
}
