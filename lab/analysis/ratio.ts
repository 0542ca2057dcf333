import { FormatError } from "../../format/errors.ts";
import { levelOf, type Moments, sumOf } from "./moments.ts";

/**
 * A ratio metric by unit, such as clicks per list, as values of units whose mean is the ratio R = Σn/Σd and whose
 * sample variance is n times that of R by the delta method: R + (n_i − R·d_i)/d̄ (Deng, Knoblich and Lu 2018, "Applying
 * the Delta Method in Metric Analytics"; Budylin et al. 2018, "Consistent Transformation of Ratio Metrics").
 * From there a ratio is compared, adjusted and watched as any mean is. Throws FormatError where the arrays differ in
 * length, or the denominators sum to nothing.
 */
export function linearized(numerators: Float64Array, denominators: Float64Array): Float64Array {
  const units = numerators.length;
  if (denominators.length !== units)
    throw new FormatError("denominators", `got ${denominators.length}, expected one for each of ${units} numerators`);
  const total = sumOf(denominators);
  if (!(total > 0)) throw new FormatError("denominators", `got a sum of ${total}, expected more than 0`);
  const ratio = sumOf(numerators) / total;
  return numerators.map((numerator, i) => ratio + (numerator - ratio * denominators[i]) / (total / units));
}

/** Sums over units of a ratio's numerators n, denominators d, and their products. */
export interface RatioSums {
  units: number;
  n: number;
  d: number;
  nn: number;
  nd: number;
  dd: number;
}

/** What is left of squares by a smaller part than this is of rounding: sums of squares lose half of the digits. */
const ROUNDING = 1e-11;

/** The moments of a ratio metric, as of `linearized` values, from sums, which a query or a stream of units has. */
export function momentsOfRatioSums({ units, n, d, nn, nd, dd }: RatioSums): Moments {
  const ratio = n / d;
  const squares = nn - ratio * (2 * nd - ratio * dd);
  const variance = (squares > ROUNDING * nn ? squares : 0) / (units - 1) / (d / units) ** 2;
  const level = levelOf(ratio, nn / units / (d / units) ** 2);
  return { units, mean: ratio, variance, level, levelVariance: variance, covariance: variance };
}
