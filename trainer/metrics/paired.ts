import { MeanError, meansByClass, placements } from "./delong.ts";
import type { Floats } from "./order.ts";

// How far the difference of two models' metrics may be from the one on a log, by chance of which records the log has.
// Both models scored the same records, so what they have in common cancels out: an interval is as narrow as the models
// are alike.

/** The share of logs of one kind whose intervals hold the true difference. */
export const CONFIDENCE = 0.999;

/** The quantile of the normal distribution at (1 + CONFIDENCE) / 2. */
const QUANTILE = 3.2905;

/** From the low end to the high one. */
export type Interval = [low: number, high: number];

/**
 * The interval of logloss(after) / logloss(before) − 1: that of a ratio of means, whose variance is taken to first
 * order (Cochran 1977, "Sampling Techniques", section 2.11). Weights as in the metric. Null where fewer than two
 * records count.
 */
export function loglossRatioInterval(
  before: Floats,
  after: Floats,
  labels: Uint8Array,
  weights?: Floats,
): Interval | null {
  const lossOf = (z: number, label: number): number => Math.max(z, 0) - z * label + Math.log1p(Math.exp(-Math.abs(z)));
  let total = 0;
  let difference = 0;
  for (let i = 0; i < labels.length; i++) {
    const weight = weights ? weights[i] : 1;
    const loss = lossOf(before[i], labels[i]);
    total += weight * loss;
    difference += weight * (lossOf(after[i], labels[i]) - loss);
  }
  const ratio = difference / total;
  const mean = new MeanError();
  for (let i = 0; i < labels.length; i++) {
    const loss = lossOf(before[i], labels[i]);
    mean.add(lossOf(after[i], labels[i]) - loss - ratio * loss, weights ? weights[i] : 1);
  }
  // The mean of the residuals is 0; its error, over the mean loss, is the ratio's.
  return intervalOf(ratio, mean.variance * (mean.weight / total) ** 2);
}

/**
 * The interval of auc(after) − auc(before), by DeLong's variance (delong.ts). Weights as in the metric. Null where
 * fewer than two records of a class count.
 */
export function aucDifferenceInterval(
  before: Floats,
  after: Floats,
  labels: Uint8Array,
  weights?: Floats,
): Interval | null {
  const [first, second] = [placements(before, labels, weights), placements(after, labels, weights)];
  const { negatives, positives } = meansByClass((i) => second[i] - first[i], labels, weights);
  return intervalOf(positives.mean, negatives.variance + positives.variance);
}

function intervalOf(difference: number, variance: number): Interval | null {
  const reach = QUANTILE * Math.sqrt(variance);
  return Number.isFinite(difference) && Number.isFinite(reach) ? [difference - reach, difference + reach] : null;
}
