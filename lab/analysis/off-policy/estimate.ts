import { Random } from "../../../trainer/data/random.ts";
import { percentile } from "../../../trainer/metrics/percentile.ts";
import { normalQuantile } from "../distributions/normal.ts";
import { meanOf, momentsOf } from "../moments.ts";
import { linearized } from "../ratio.ts";
import type { Contributions } from "./contributions.ts";
import { effectiveSampleSize } from "./weights.ts";

/** Below this ESS no value is given: the normal interval of so few is too narrow, and a few rows decide. */
export const MIN_EFFECTIVE_SIZE = 100;

export interface OffPolicyEstimate {
  value: number;
  /** Standard error by unit: the delta method's. */
  error: number;
  /** The normal interval, and the bootstrap's percentiles over units. */
  normal: [low: number, high: number];
  bootstrap: [low: number, high: number];
  /** The least of the sets of weights. */
  effectiveSize: number;
  largestWeight: number;
  /** Near 1 where the log has support for all that the policy does, and nothing is clipped. */
  meanWeight: number;
}

/** In place of a number that nobody should believe. */
export interface Refusal {
  refused: string;
}

export interface EstimateOptions {
  alpha: number;
  /** How often the units are drawn anew. */
  resamples: number;
  seed: number;
  /** The least ESS; MIN_EFFECTIVE_SIZE by default. */
  minEffectiveSize?: number;
}

/**
 * The estimate of contributions, with intervals by unit. `units`: of each row, which unit it is of, from 0 on.
 * `logged`: ln of the propensities in the log. Refuses where these have no chance in them, as then nothing is known of
 * what was not shown, and where ESS is too small.
 */
export function estimate(
  contributions: Contributions,
  units: Uint32Array,
  logged: Float64Array,
  options: EstimateOptions,
): OffPolicyEstimate | Refusal {
  const { alpha, resamples, seed, minEffectiveSize = MIN_EFFECTIVE_SIZE } = options;
  if (logged.every((log) => log === 0))
    return {
      refused: "the logging policy was greedy: it never shows what another policy would have shown in its place",
    };
  const sizes = contributions.weights.map(effectiveSampleSize);
  const effectiveSize = sizes.reduce((a, b) => Math.min(a, b));
  if (!(effectiveSize >= minEffectiveSize))
    return {
      refused: `the policies differ too much: an ESS of ${effectiveSize.toFixed(1)}, expected ${minEffectiveSize} or more`,
    };
  const [numerators, denominators] = [contributions.numerators, contributions.denominators].map((values) =>
    sumsByUnit(values, units),
  );
  const { mean: value, variance } = momentsOf(linearized(numerators, denominators));
  const error = Math.sqrt(variance / numerators.length);
  const reach = normalQuantile(1 - alpha / 2) * error;
  const all = Float64Array.from(contributions.weights.flatMap((weights) => [...weights]));
  const draws = resampledRatios(numerators, denominators, resamples, new Random(seed)).sort();
  return {
    value,
    error,
    normal: [value - reach, value + reach],
    bootstrap: [percentile(draws, alpha / 2), percentile(draws, 1 - alpha / 2)],
    effectiveSize,
    largestWeight: all.reduce((most, weight) => Math.max(most, weight), 0),
    meanWeight: meanOf(all),
  };
}

function sumsByUnit(values: Float64Array, units: Uint32Array): Float64Array {
  const sums = new Float64Array(units.reduce((a, b) => Math.max(a, b), 0) + 1);
  for (const [i, value] of values.entries()) sums[units[i]] += value;
  return sums;
}

/** Σn/Σd of as many units, drawn with replacement (Efron 1979): once for each resample. */
function resampledRatios(
  numerators: Float64Array,
  denominators: Float64Array,
  resamples: number,
  random: Random,
): Float64Array {
  return new Float64Array(resamples).map(() => {
    let [numerator, denominator] = [0, 0];
    for (let i = 0; i < numerators.length; i++) {
      const unit = random.integer(numerators.length);
      numerator += numerators[unit];
      denominator += denominators[unit];
    }
    return denominator > 0 ? numerator / denominator : 0;
  });
}
