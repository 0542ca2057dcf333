import { endOfTie, type Floats, orderByScore } from "./order.ts";

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
 * The interval of auc(after) − auc(before), by the variance of DeLong, DeLong and Clarke-Pearson (1988), "Comparing the
 * Areas under Two or More Correlated ROC Curves", from ranks (Sun and Xu 2014). Weights as in the metric. Null where
 * fewer than two records of a class count.
 */
export function aucDifferenceInterval(
  before: Floats,
  after: Floats,
  labels: Uint8Array,
  weights?: Floats,
): Interval | null {
  const [first, second] = [placements(before, labels, weights), placements(after, labels, weights)];
  const means = [new MeanError(), new MeanError()];
  for (let i = 0; i < labels.length; i++) means[labels[i]].add(second[i] - first[i], weights ? weights[i] : 1);
  const [negatives, positives] = means;
  return intervalOf(positives.mean, negatives.variance + positives.variance);
}

/**
 * [N]: for each record the weighted share of the records of the other class that it is in the right order with, a tie
 * counting half. The mean over the records of either class is the AUC.
 */
function placements(scores: Floats, labels: Uint8Array, weights?: Floats): Float64Array {
  const order = orderByScore(scores);
  const totals = [0, 0];
  for (let i = 0; i < labels.length; i++) totals[labels[i]] += weights ? weights[i] : 1;
  const shares = new Float64Array(labels.length);
  const below = [0, 0];
  for (let start = 0; start < order.length; ) {
    const end = endOfTie(scores, order, start, order.length);
    const tied = [0, 0];
    for (let j = start; j < end; j++) tied[labels[order[j]]] += weights ? weights[order[j]] : 1;
    const won = below[0] + tied[0] / 2;
    const lost = below[1] + tied[1] / 2;
    for (; start < end; start++) {
      const i = order[start];
      shares[i] = labels[i] === 1 ? won / totals[0] : 1 - lost / totals[1];
    }
    below[0] += tied[0];
    below[1] += tied[1];
  }
  return shares;
}

/** A weighted mean, and its variance by chance of which records there are. */
class MeanError {
  weight = 0;
  mean = 0;
  /** Σ w², Σ w²·x and Σ w²·x². */
  #squares = 0;
  #squaresX = 0;
  #squaresXX = 0;

  add(x: number, weight: number): void {
    if (weight === 0) return;
    this.weight += weight;
    this.mean += (weight / this.weight) * (x - this.mean);
    const square = weight * weight;
    this.#squares += square;
    this.#squaresX += square * x;
    this.#squaresXX += square * x * x;
  }

  /** Σ w²·(x − mean)² / (Σ w)², times n / (n − 1); infinite for one record. */
  get variance(): number {
    const count = (this.weight * this.weight) / this.#squares; // of records of equal weight (Kish 1965)
    const sum = this.#squaresXX - 2 * this.mean * this.#squaresX + this.mean * this.mean * this.#squares;
    return count > 1 ? ((Math.max(0, sum) / this.weight ** 2) * count) / (count - 1) : Number.POSITIVE_INFINITY;
  }
}

function intervalOf(difference: number, variance: number): Interval | null {
  const reach = QUANTILE * Math.sqrt(variance);
  return Number.isFinite(difference) && Number.isFinite(reach) ? [difference - reach, difference + reach] : null;
}
