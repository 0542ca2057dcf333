import { FormatError } from "../../../format/errors.ts";
import { Random } from "../../../trainer/data/random.ts";
import { percentile } from "../../../trainer/metrics/percentile.ts";
import { normalQuantile } from "../distributions/normal.ts";
import { meanOf, momentsOf } from "../moments.ts";
import { linearized } from "../ratio.ts";
import type { Contributions, RowRatio } from "./contributions.ts";
import { effectiveSampleSize } from "./weights.ts";

/** Below this ESS no value is given: the normal interval of so few is too narrow, and a few rows decide. */
const MIN_EFFECTIVE_SIZE = 100;

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
  /** How many each row stands for, by which ESS counts it; 1 by default. Ratios have that in them already. */
  counts?: Float64Array;
}

/**
 * The estimate of contributions, with intervals by unit. `units`: of each row, which unit it is of, from 0 on.
 * `logged`: ln of the propensities in the log. Refuses where these have no chance in them, as then nothing is known of
 * what was not shown, and where ESS is too small. Throws FormatError where `units` has another length than the rows.
 */
export function estimate(
  contributions: Contributions,
  units: Uint32Array,
  logged: Float64Array,
  options: EstimateOptions,
): OffPolicyEstimate | Refusal {
  const { alpha, resamples, seed, minEffectiveSize = MIN_EFFECTIVE_SIZE, counts } = options;
  const rows = contributions.ratios[0]?.numerators.length ?? 0;
  if (units.length !== rows)
    throw new FormatError("units", `got ${units.length}, expected one for each of ${rows} rows`);
  if (rows === 0) return { refused: "the log is empty" };
  if (logged.every((log) => log === 0))
    return { refused: "the logging policy was greedy: nothing is known of what it did not show" };
  const counted = (weights: Float64Array) => (counts ? weights.map((weight, i) => weight * counts[i]) : weights);
  const sizes = contributions.weights.map((weights) => effectiveSampleSize(counted(weights)));
  const effectiveSize = sizes.reduce((a, b) => Math.min(a, b));
  if (!(effectiveSize >= minEffectiveSize))
    return {
      refused: `the policies differ too much: an ESS of ${effectiveSize.toFixed(1)}, expected ${minEffectiveSize} or more`,
    };
  const ratios = contributions.ratios.map(({ numerators, denominators }) => ({
    numerators: sumsByUnit(numerators, units),
    denominators: sumsByUnit(denominators, units),
  }));
  const { mean: value, variance, units: count } = momentsOf(linearizedSum(ratios));
  const error = Math.sqrt(variance / count);
  const reach = -normalQuantile(alpha / 2) * error;
  const all = Float64Array.from(contributions.weights.flatMap((weights) => [...weights]));
  const draws = resampledSums(ratios, count, resamples, new Random(seed)).sort();
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

/** A sum of ratios by unit, as values whose mean it is and whose variance is that of the delta method. */
function linearizedSum(ratios: readonly RowRatio[]): Float64Array {
  const [first, ...others] = ratios.map(({ numerators, denominators }) => linearized(numerators, denominators));
  for (const other of others) for (const [i, value] of other.entries()) first[i] += value;
  return first;
}

/** The sum of ratios of as many units, drawn with replacement (Efron 1979): once for each resample. */
function resampledSums(ratios: readonly RowRatio[], units: number, resamples: number, random: Random): Float64Array {
  const times = new Uint32Array(units);
  return new Float64Array(resamples).map(() => {
    times.fill(0);
    for (let i = 0; i < units; i++) times[random.integer(units)]++;
    return ratios.reduce((sum, { numerators, denominators }) => {
      const total = weightedSum(denominators, times);
      return total > 0 ? sum + weightedSum(numerators, times) / total : sum;
    }, 0);
  });
}

function weightedSum(values: Float64Array, times: Uint32Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += times[i] * values[i];
  return sum;
}
