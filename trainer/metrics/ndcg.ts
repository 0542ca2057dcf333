import { endOfTie, type Floats, type GroupedOrder } from "./order.ts";

/**
 * NDCG@k, the mean over groups of DCG@k / ideal DCG@k, with DCG@k = Σ_{r ≤ k} label_r / log2(r + 1) in descending order
 * of score (Järvelin and Kekäläinen 2002). Records of equal score share the mean of their ranks' discounts, so that
 * their order does not matter (McSherry and Najork 2008). A group without a click has no ideal and is left out. Sample
 * weights have no meaning inside a ranking. NaN where no group is left.
 */
export function ndcg({ order, starts }: GroupedOrder, scores: Floats, labels: Uint8Array, k: number): number {
  let most = 0; // ranks that count, of which no group has more than it has records
  for (let g = 0; g + 1 < starts.length; g++) most = Math.max(most, Math.min(k, starts[g + 1] - starts[g]));
  const discounts = discountSums(most);
  const upTo = (rank: number): number => discounts[Math.min(rank, most)];
  let sum = 0;
  let groups = 0;
  for (let g = 0; g + 1 < starts.length; g++) {
    const [start, end] = [starts[g], starts[g + 1]];
    let clicks = 0;
    let gain = 0;
    for (let i = start; i < end; ) {
      const next = endOfTie(scores, order, i, end);
      let tied = 0;
      for (let j = i; j < next; j++) tied += labels[order[j]];
      // The order ascends: the records i … next − 1 have the ranks end − next + 1 … end − i.
      gain += (tied / (next - i)) * (upTo(end - i) - upTo(end - next));
      clicks += tied;
      i = next;
    }
    if (clicks === 0) continue;
    sum += gain / upTo(clicks);
    groups++;
  }
  return sum / groups;
}

/** Σ_{r ≤ n} 1 / log2(r + 1) for n = 0 … k. */
function discountSums(k: number): Float64Array {
  const sums = new Float64Array(k + 1);
  for (let rank = 1; rank <= k; rank++) sums[rank] = sums[rank - 1] + 1 / Math.log2(rank + 1);
  return sums;
}
