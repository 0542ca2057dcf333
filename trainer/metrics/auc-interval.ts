import { type Interval, Z95 } from "./interval.ts";
import { endOfTie, type Floats, orderByScore } from "./order.ts";

/** The least records of a class that have a variance. */
const LEAST_RECORDS = 2;

/**
 * The 95 % interval of the AUC of one set of predictions: DeLong's variance (DeLong, DeLong and Clarke-Pearson 1988,
 * equation 5, by midranks as in Sun and Xu 2014) on the logit scale, so that it stays within [0, 1] (Pepe 2003, section
 * 5.2.5). With sample weights, a record's placement value counts by its weight. Where every pair is in the right order,
 * or none, that variance is 0 and says too much; the interval is then the exact one of Clopper and Pearson 1934 for as
 * many pairs as the smaller class has records, since so many pairs share no record. Null where a class has fewer than
 * two records, or a score is NaN.
 */
export function aucInterval(scores: Floats, labels: Uint8Array, weights?: Floats): Interval | null {
  if (scores.some(Number.isNaN)) return null;
  const sides = placements(scores, labels, weights);
  const [negatives, positives] = sides;
  const smaller = Math.min(negatives.records, positives.records);
  if (smaller < LEAST_RECORDS) return null;
  const auc = positives.sum / positives.weight;
  // The weighted sums of one perfect order may miss 0 or 1 by a rounding.
  const rounding = Number.EPSILON * scores.length;
  const exact = 0.025 ** (1 / smaller);
  if (auc > 1 - rounding) return { low: exact, high: 1 };
  if (auc < rounding) return { low: 0, high: 1 - exact };
  let variance = 0;
  for (const { records, weight, squares, first, second } of sides) {
    const deviations = second - 2 * auc * first + auc ** 2 * squares; // Σ w²(V − AUC)²
    variance += ((deviations / weight ** 2) * records) / (records - 1);
  }
  const half = (Z95 * Math.sqrt(Math.max(0, variance))) / (auc * (1 - auc));
  const at = Math.log(auc / (1 - auc));
  return { low: 1 / (1 + Math.exp(half - at)), high: 1 / (1 + Math.exp(-half - at)) };
}

/** Sums over the records of one class; V is a record's placement value: the share of the other class that it beats. */
interface Placements {
  /** Records of a weight above 0. */
  records: number;
  /** Σ w */
  weight: number;
  /** Σ w² */
  squares: number;
  /** Σ w·V */
  sum: number;
  /** Σ w²·V */
  first: number;
  /** Σ w²·V² */
  second: number;
}

/** The placements of the negative records, and those of the positive ones. A tie beats half. */
function placements(scores: Floats, labels: Uint8Array, weights: Floats | undefined): [Placements, Placements] {
  const empty = (): Placements => ({ records: 0, weight: 0, squares: 0, sum: 0, first: 0, second: 0 });
  const sides: [Placements, Placements] = [empty(), empty()];
  const weightOf = (record: number): number => (weights ? weights[record] : 1);
  for (let i = 0; i < labels.length; i++) {
    const weight = weightOf(i);
    const side = sides[labels[i] === 1 ? 1 : 0];
    if (weight > 0) side.records++;
    side.weight += weight;
    side.squares += weight ** 2;
  }
  const order = orderByScore(scores);
  const below: [number, number] = [0, 0];
  for (let i = 0; i < order.length; ) {
    const next = endOfTie(scores, order, i, order.length);
    const tied: [number, number] = [0, 0];
    for (let j = i; j < next; j++) {
      const label = labels[order[j]] === 1 ? 1 : 0;
      tied[label] += weightOf(order[j]);
    }
    const ofPositive = (below[0] + tied[0] / 2) / sides[0].weight;
    const ofNegative = 1 - (below[1] + tied[1] / 2) / sides[1].weight;
    for (; i < next; i++) {
      const weight = weightOf(order[i]);
      const positive = labels[order[i]] === 1;
      const placement = positive ? ofPositive : ofNegative;
      const side = sides[positive ? 1 : 0];
      side.sum += weight * placement;
      side.first += weight ** 2 * placement;
      side.second += (weight * placement) ** 2;
    }
    below[0] += tied[0];
    below[1] += tied[1];
  }
  return sides;
}
