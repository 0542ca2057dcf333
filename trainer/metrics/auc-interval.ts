import { meansByClass, placements } from "./delong.ts";
import { type Interval, Z95 } from "./interval.ts";
import type { Floats } from "./order.ts";

/** The least records of a class that have a variance. */
const LEAST_RECORDS = 2;

/**
 * The 95 % interval of the AUC of one set of predictions: DeLong's variance (delong.ts) on the logit scale, so that it
 * stays within [0, 1] (Pepe 2003, section 5.2.5). With sample weights, a record's placement value counts by its weight.
 * Where every pair is in the right order, or none, that variance is 0 and says too much; the interval is then the exact
 * one of Clopper and Pearson 1934 for as many pairs as the smaller class has records, since so many pairs share no
 * record. Null where a class has fewer than two records, or a score is NaN.
 */
export function aucInterval(scores: Floats, labels: Uint8Array, weights?: Floats): Interval | null {
  if (scores.some(Number.isNaN)) return null;
  const shares = placements(scores, labels, weights);
  const { negatives, positives } = meansByClass((i) => shares[i], labels, weights);
  const smaller = Math.min(negatives.records, positives.records);
  if (smaller < LEAST_RECORDS) return null;
  const auc = positives.mean;
  // The weighted sums of one perfect order may miss 0 or 1 by a rounding.
  const rounding = Number.EPSILON * scores.length;
  const exact = 0.025 ** (1 / smaller);
  if (auc > 1 - rounding) return { low: exact, high: 1 };
  if (auc < rounding) return { low: 0, high: 1 - exact };
  const half = (Z95 * Math.sqrt(negatives.variance + positives.variance)) / (auc * (1 - auc));
  const at = Math.log(auc / (1 - auc));
  return { low: 1 / (1 + Math.exp(half - at)), high: 1 / (1 + Math.exp(-half - at)) };
}
