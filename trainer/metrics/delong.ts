import { endOfTie, type Floats, orderByScore } from "./order.ts";

// The variance of an AUC by DeLong, DeLong and Clarke-Pearson (1988), "Comparing the Areas under Two or More Correlated
// ROC Curves", equation 5, from ranks (Sun and Xu 2014): the AUC is the mean of the placements of either class, and its
// variance the sum of the variances of these two means.

/**
 * [N]: for each record the weighted share of the records of the other class that it is in the right order with, a tie
 * counting half. The mean over the records of either class is the AUC.
 */
export function placements(scores: Floats, labels: Uint8Array, weights?: Floats): Float64Array {
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

/** The means of a number that each record has, over the negative records and over the positive ones. */
export function meansByClass(
  numberOf: (record: number) => number,
  labels: Uint8Array,
  weights?: Floats,
): { negatives: MeanError; positives: MeanError } {
  const [negatives, positives] = [new MeanError(), new MeanError()];
  for (let i = 0; i < labels.length; i++)
    (labels[i] === 1 ? positives : negatives).add(numberOf(i), weights ? weights[i] : 1);
  return { negatives, positives };
}

/** A weighted mean, and its variance by chance of which records there are. */
export class MeanError {
  weight = 0;
  mean = 0;
  /** Records of a weight above 0. */
  records = 0;
  /** Σ w², Σ w²·x and Σ w²·x². */
  #squares = 0;
  #squaresX = 0;
  #squaresXX = 0;

  add(x: number, weight: number): void {
    if (weight === 0) return;
    this.records++;
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
