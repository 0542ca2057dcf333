import { newArena } from "../../runtime/orders/arena.ts";
import { best } from "../../runtime/orders/ranking.ts";

/** A name of a candidate, as the request has it. */
export type CandidateId = string | number;

/** What a list of n candidates is ordered by. */
export interface Ranking {
  /** [n]: what the answer calls the candidates; null: their positions in the request. */
  ids: readonly CandidateId[] | null;
  /** [n]: what a click on each is worth; null where the order is by the score alone. */
  bids: Float64Array | null;
  /** How many of the first are answered. */
  k: number;
}

/** A candidate at its place in the order. */
export interface RankedItem {
  id: CandidateId;
  /** The probability of a click. */
  score: number;
  /** score × bid, by which the list is ordered where there are bids. */
  value?: number;
  /** From 1 on. */
  rank: number;
}

/** The first k of n candidates in the order of the request, where nothing has scored them. */
export function itemsInOrder(n: number, { ids, k }: Ranking): Pick<RankedItem, "id" | "rank">[] {
  return Array.from({ length: Math.min(n, k) }, (_, i) => ({ id: ids ? (ids[i] as CandidateId) : i, rank: i + 1 }));
}

/** The first k of n candidates in descending order of the score, or of score × bid. Ties keep the request's order. */
export function rankedItems(scores: Float32Array, { ids, bids, k }: Ranking): RankedItem[] {
  const values = bids ? bids.map((bid, i) => bid * (scores[i] as number)) : new Float64Array(scores);
  newArena();
  const order = best(values, Math.min(k, values.length));
  const items: RankedItem[] = [];
  for (let place = 0; place < order.length; place++) {
    const i = order[place] as number;
    const [id, score, rank] = [ids ? (ids[i] as CandidateId) : i, scores[i] as number, place + 1];
    items.push(bids ? { id, score, value: values[i] as number, rank } : { id, score, rank });
  }
  return items;
}
