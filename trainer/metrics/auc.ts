import { endOfTie, type Floats, orderByScore } from "./order.ts";

/**
 * Area under the ROC curve: the share of (positive, negative) pairs in the right order, where a tie counts half (Mann
 * and Whitney 1947; Hanley and McNeil 1982). Exact. With sample weights a pair counts as the product of its two
 * weights. NaN where a class is empty or a score is NaN.
 */
export function auc(scores: Floats, labels: Uint8Array, weights?: Floats): number {
  if (scores.some(Number.isNaN)) return Number.NaN; // NaN has no rank and is not equal to itself
  return aucOfOrdered(orderByScore(scores), 0, scores.length, scores, labels, weights);
}

/** AUC of the records `order[start … end)`, which are in ascending order of score. */
export function aucOfOrdered(
  order: Uint32Array,
  start: number,
  end: number,
  scores: Floats,
  labels: Uint8Array,
  weights?: Floats,
): number {
  let positives = 0;
  let negatives = 0;
  let won = 0;
  for (let i = start; i < end; ) {
    const next = endOfTie(scores, order, i, end);
    let tiedPositives = 0;
    let tiedNegatives = 0;
    for (; i < next; i++) {
      const record = order[i];
      const weight = weights ? weights[record] : 1;
      if (labels[record] === 1) tiedPositives += weight;
      else tiedNegatives += weight;
    }
    won += tiedPositives * (negatives + tiedNegatives / 2);
    positives += tiedPositives;
    negatives += tiedNegatives;
  }
  return won / (positives * negatives);
}
