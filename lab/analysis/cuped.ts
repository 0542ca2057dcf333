import { FormatError } from "../../format/errors.ts";
import { covariance, type Moments, meanOf, momentsOf } from "./moments.ts";

/** An arm's units: the metric in the experiment, and the same or another one before it, which the arm cannot change. */
export interface BeforeAndAfter {
  before: Float64Array;
  after: Float64Array;
}

export interface Cuped {
  /** Σcov(before, after)/Σvar(before), each over the units of one arm. 0 where nothing differed before. */
  theta: number;
  /** By arm. What is compared of a unit is after − θ(before − the mean before of all). */
  arms: Moments[];
}

/**
 * CUPED (Deng, Xu, Kohavi and Walker 2013, "Improving the Sensitivity of Online Controlled Experiments by Utilizing
 * Pre-Experiment Data"): what units did before explains a part of what they do now, and is taken out of
 * it, which leaves 1 − ρ² of the variance. One θ for all arms, so that none is adjusted otherwise than another, and of
 * deviations within arms, so that what the treatment changes is no part of it. Ratio metrics come as `linearized` has
 * them, before and after: it is GrowthBook's θ of a ratio then (gbstats, compute_theta_regression_adjusted_ratio).
 */
export function cuped(arms: readonly BeforeAndAfter[]): Cuped {
  for (const [i, { before, after }] of arms.entries())
    if (before.length !== after.length)
      throw new FormatError(
        `arms[${i}].before`,
        `got ${before.length}, expected one for each of ${after.length} units`,
      );
  // Of a single unit there is no variance.
  const several = arms.filter(({ after }) => after.length > 1);
  const sum = (of: (arm: BeforeAndAfter) => number): number => several.reduce((total, arm) => total + of(arm), 0);
  const variance = sum(({ before }) => covariance(before, before));
  const theta = variance > 0 ? sum(({ before, after }) => covariance(before, after)) / variance : 0;
  const center = meanOf(joined(arms.map(({ before }) => before)));
  const adjusted = (arm: BeforeAndAfter): Float64Array =>
    arm.after.map((value, i) => value - theta * (arm.before[i] - center));
  return { theta, arms: arms.map((arm) => momentsOf(arm.after, adjusted(arm))) };
}

function joined(parts: readonly Float64Array[]): Float64Array {
  return Float64Array.from(parts.flatMap((part) => [...part]));
}
