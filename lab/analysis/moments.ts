/** What an arm's units say of a metric: all that its comparison with another arm needs. */
export interface Moments {
  units: number;
  /** Mean of what is compared: the values, or what CUPED leaves of them. */
  mean: number;
  /** Its sample variance over units. */
  variance: number;
  /** Mean and sample variance of the values as they are, which a lift is relative to. */
  level: number;
  levelVariance: number;
  /** Sample covariance of a unit's value with what is compared of it. */
  covariance: number;
}

/** Moments of values by unit. `compared`: what is left of each when it is adjusted; the values by default. */
export function momentsOf(values: Float64Array, compared: Float64Array = values): Moments {
  const units = values.length;
  return {
    units,
    mean: meanOf(compared),
    variance: covariance(compared, compared),
    level: levelOf(meanOf(values), meanOf(values.map((value) => value * value))),
    levelVariance: covariance(values, values),
    covariance: covariance(values, compared),
  };
}

/** Moments of values of which the number, the sum and the sum of squares are known. */
export function momentsOfSums(units: number, sum: number, sumSquares: number): Moments {
  const mean = sum / units;
  const variance = (sumSquares - sum * mean) / (units - 1);
  return { units, mean, variance, level: mean, levelVariance: variance, covariance: variance };
}

/**
 * What lifts are relative to: a mean, but 0 where it is of rounding, as of gains and losses that come to nothing.
 * `meanSquare`: the mean of the values' squares.
 */
export function levelOf(mean: number, meanSquare: number): number {
  return Math.abs(mean) > LEVEL_ROUNDING * Math.sqrt(meanSquare) ? mean : 0;
}

/** Of the values' root mean square. Sums of a million numbers are off by some 1e−13 of it in the mean. */
const LEVEL_ROUNDING = 1e-12;

export function meanOf(values: Float64Array): number {
  return sumOf(values) / values.length;
}

export function sumOf(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}

/**
 * Deviations of so small a part of the largest value are of rounding: the values are alike. Sums of a million numbers
 * are off by some 1e−11 of themselves.
 */
const ROUNDING = 1e-9;

/** The sample covariance, over n − 1, by deviations from the means; 0 where values are alike, NaN of fewer than two. */
export function covariance(a: Float64Array, b: Float64Array): number {
  if (a.length > 1 && (areAlike(a) || areAlike(b))) return 0;
  const [meanA, meanB] = [meanOf(a), meanOf(b)];
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] - meanA) * (b[i] - meanB);
  return sum / (a.length - 1);
}

/** Whether values differ by no more than rounding: of such there is no variance, however exactly it is computed. */
function areAlike(values: Float64Array): boolean {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  return most - least <= ROUNDING * Math.max(Math.abs(least), Math.abs(most));
}
