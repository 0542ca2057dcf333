import { MAX_HOT_PAGES } from "../../format/constants.ts";
import { pageOfKey } from "../../format/keys.ts";
import type { Vocabulary } from "../data/vocabulary.ts";

/**
 * The numbers of the pages whose rows training touched most, the hottest first, at most MAX_HOT_PAGES of `pageCount`.
 * Pages of which it touched as much are in ascending order.
 */
export function hottestPages(cold: readonly number[], vocabulary: Vocabulary, pageCount: number): number[] {
  const touched = new Float64Array(pageCount);
  for (const row of cold) touched[pageOfKey(vocabulary.keys[2 * row + 1], pageCount)] += vocabulary.counts[row];
  const order = Uint32Array.from(touched.keys()).sort((a, b) => touched[b] - touched[a] || a - b);
  return Array.from(order.subarray(0, MAX_HOT_PAGES)).filter((page) => touched[page] > 0);
}
