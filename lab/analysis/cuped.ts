import { FormatError } from "../../format/errors.ts";
import { covariance, type Moments, meanOf, momentsOf } from "./moments.ts";

/** An arm's units: the metric in the experiment, and the same or another one before it, which the arm cannot change. */
export interface BeforeAndAfter {
  before: Float64Array;
  after: Float64Array;
}

export interface Cuped {
  /** Of all arms' units together: cov(before, after)/var(before). 0 where nothing differed before. */
  theta: number;
  /** By arm. What is compared of a unit is after − θ(before − the mean before of all). */
  arms: Moments[];
}

/**
 * CUPED (Deng, Xu, Kohavi and Walker 2013, "Improving the Sensitivity of Online Controlled Experiments by Utilizing
 * Pre-Experiment Data"): what units did before explains a part of what they do now, and is taken out of
 * it, which leaves 1 − ρ² of the variance. One θ for all arms, so that none is adjusted otherwise than another. Ratio
 * metrics come as `linearized` has them, before and after.
 */
export function cuped(arms: readonly BeforeAndAfter[]): Cuped {
  for (const [i, { before, after }] of arms.entries())
    if (before.length !== after.length)
      throw new FormatError(
        `arms[${i}].before`,
        `got ${before.length}, expected one for each of ${after.length} units`,
      );
  const before = joined(arms.map((arm) => arm.before));
  const after = joined(arms.map((arm) => arm.after));
  const variance = covariance(before, before);
  const theta = variance > 0 ? covariance(before, after) / variance : 0;
  const center = meanOf(before);
  const adjusted = (arm: BeforeAndAfter): Float64Array =>
    arm.after.map((value, i) => value - theta * (arm.before[i] - center));
  return { theta, arms: arms.map((arm) => momentsOf(arm.after, adjusted(arm))) };
}

function joined(parts: readonly Float64Array[]): Float64Array {
  return Float64Array.from(parts.flatMap((part) => [...part]));
}
