import { type Interval, wilsonInterval } from "./interval.ts";
import { sigmoid } from "./metrics.ts";
import { endOfTie, orderByScore } from "./order.ts";
import type { Predictions } from "./predictions.ts";

/** A tenth of the records, in descending order of prediction. */
export interface Decile {
  records: number;
  /** The sum of the records' weights; their number without weights. */
  weight: number;
  /** Clicks, weighted. No integer where records of equal predictions are parted, which share their clicks evenly. */
  clicks: number;
  /** The mean predicted probability. */
  predicted: number;
  /** The lowest logit. */
  lowest: number;
  clickRate: number;
  /** Of the click rate, by Wilson. */
  interval: Interval;
  /** Its click rate divided by that of the whole log; NaN for a log without clicks. */
  lift: number;
  /** The share of all clicks that are in this decile and those before it; NaN for a log without clicks. */
  gain: number;
}

/**
 * The deciles of a log, the highest predictions first: the lift and gain table of direct marketing (Ling and Li 1998).
 * Each has a tenth of the weight, up to one record; records of equal predictions are in no order, so that those of one
 * decile get their share of the clicks of all of them. `count`: into how many parts, 10 for deciles; those that stay
 * empty are left out.
 */
export function deciles({ logits, labels, weights }: Predictions, count = 10): Decile[] {
  const weightOf = (record: number): number => (weights ? weights[record] : 1);
  let total = 0;
  let allClicks = 0;
  for (let i = 0; i < labels.length; i++) {
    total += weightOf(i);
    allClicks += weightOf(i) * labels[i];
  }
  const sums = Array.from({ length: count }, () => ({
    records: 0,
    weight: 0,
    squares: 0,
    clicks: 0,
    predicted: 0,
    lowest: 0,
  }));
  const order = orderByScore(logits).reverse();
  let before = 0;
  for (let i = 0; i < order.length; ) {
    const next = endOfTie(logits, order, i, order.length);
    let tied = 0;
    let tiedClicks = 0;
    for (let j = i; j < next; j++) {
      const weight = weightOf(order[j]);
      tied += weight;
      tiedClicks += weight * labels[order[j]];
    }
    const rate = tied > 0 ? tiedClicks / tied : 0;
    const predicted = sigmoid(logits[order[i]]);
    for (; i < next; i++) {
      const weight = weightOf(order[i]);
      if (weight === 0) continue;
      const sum = sums[Math.min(count - 1, Math.floor(((before + weight / 2) / total) * count))];
      sum.records++;
      sum.weight += weight;
      sum.squares += weight ** 2;
      sum.clicks += weight * rate;
      sum.predicted += weight * predicted;
      sum.lowest = logits[order[i]];
      before += weight;
    }
  }
  let clicksSoFar = 0;
  return sums
    .filter(({ records }) => records > 0)
    .map(({ records, weight, squares, clicks, predicted, lowest }) => {
      clicksSoFar += clicks;
      const clickRate = clicks / weight;
      return {
        records,
        weight,
        clicks,
        predicted: predicted / weight,
        lowest,
        clickRate,
        // As many records of equal weight as say as much (Kish 1965).
        interval: wilsonInterval(clickRate, weight ** 2 / squares),
        lift: clickRate / (allClicks / total),
        gain: Math.min(1, clicksSoFar / allClicks),
      };
    });
}
