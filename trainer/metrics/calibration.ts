import { endOfTie, type Floats, orderByScore } from "./order.ts";

/** Bins of a calibration error: as many as Guo et al. 2017, section 4, use. */
export const CALIBRATION_BINS = 15;

/** Records whose predictions are close to each other. */
export interface CalibrationBin {
  /** Sum of sample weights; the number of records without them. */
  weight: number;
  /** Mean prediction. */
  predicted: number;
  /** Share of clicks. */
  observed: number;
}

/**
 * Predicted clicks by those that there were, Σ p / Σ label; 1 is perfect (He et al. 2014, section 2). NaN without
 * clicks.
 */
export function calibrationRatio(probabilities: Floats, labels: Uint8Array, weights?: Floats): number {
  let predicted = 0;
  let observed = 0;
  for (let i = 0; i < labels.length; i++) {
    const weight = weights ? weights[i] : 1;
    predicted += weight * probabilities[i];
    observed += weight * labels[i];
  }
  return observed > 0 ? predicted / observed : Number.NaN;
}

/**
 * Bins of equal width over [0, 1] without the empty ones: bin m of M holds predictions in ((m − 1)/M, m/M], the first
 * one also 0 (Guo et al. 2017).
 */
export function binsOfEqualWidth(
  probabilities: Floats,
  labels: Uint8Array,
  weights?: Floats,
  bins = CALIBRATION_BINS,
): CalibrationBin[] {
  const sums = emptySums(bins);
  for (let i = 0; i < labels.length; i++) {
    const bin = Math.max(0, Math.ceil(probabilities[i] * bins) - 1);
    add(sums[bin], probabilities, labels, weights, i);
  }
  return toBins(sums);
}

/**
 * Bins of equal weight, in ascending order of prediction, since click probabilities crowd near 0 (Nguyen and O'Connor
 * 2015). Equal predictions are never parted: all of them go to the bin of the one in their middle.
 */
export function binsOfEqualFrequency(
  probabilities: Floats,
  labels: Uint8Array,
  weights?: Floats,
  bins = CALIBRATION_BINS,
): CalibrationBin[] {
  const sums = emptySums(bins);
  const order = orderByScore(probabilities);
  const weightOf = (i: number): number => (weights ? weights[order[i]] : 1);
  let total = 0;
  for (let i = 0; i < order.length; i++) total += weightOf(i);
  let before = 0;
  for (let i = 0; i < order.length; ) {
    const next = endOfTie(probabilities, order, i, order.length);
    let tied = 0;
    for (let j = i; j < next; j++) tied += weightOf(j);
    const bin = Math.min(bins - 1, Math.floor(((before + tied / 2) / total) * bins));
    for (; i < next; i++) add(sums[bin], probabilities, labels, weights, order[i]);
    before += tied;
  }
  return toBins(sums);
}

/**
 * Expected calibration error: Σ_m weight_m/Σ weight · |observed_m − predicted_m| (Naeini et al. 2015; Guo et al. 2017,
 * equation 3).
 */
export function expectedCalibrationError(bins: readonly CalibrationBin[]): number {
  let total = 0;
  let sum = 0;
  for (const { weight, predicted, observed } of bins) {
    total += weight;
    sum += weight * Math.abs(observed - predicted);
  }
  return sum / total;
}

interface Sums {
  weight: number;
  predicted: number;
  observed: number;
}

function emptySums(bins: number): Sums[] {
  return Array.from({ length: bins }, () => ({ weight: 0, predicted: 0, observed: 0 }));
}

function add(
  sums: Sums | undefined,
  probabilities: Floats,
  labels: Uint8Array,
  weights: Floats | undefined,
  i: number,
): void {
  if (!sums) throw new Error(`got the prediction ${probabilities[i]}, expected a probability`);
  const weight = weights ? weights[i] : 1;
  sums.weight += weight;
  sums.predicted += weight * probabilities[i];
  sums.observed += weight * labels[i];
}

function toBins(sums: readonly Sums[]): CalibrationBin[] {
  return sums
    .filter(({ weight }) => weight > 0)
    .map(({ weight, predicted, observed }) => ({
      weight,
      predicted: predicted / weight,
      observed: observed / weight,
    }));
}
