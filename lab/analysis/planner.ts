import { FormatError } from "../../format/errors.ts";
import { normalQuantile } from "./distributions/normal.ts";

/** What an experiment of two arms is planned by. */
export interface Plan {
  /** Variance of the metric over units (of a ratio, of its linearized values; with CUPED, of what it leaves). */
  variance: number;
  /** That of the treatment's units, where it is another. */
  treatmentVariance?: number;
  /** The least effect worth finding, in the metric's own unit: of a lift, the lift times the level. */
  effect: number;
  /** The probability of finding an effect where there is none, on either side. */
  alpha: number;
  /** The probability of finding the effect where there is one. */
  power: number;
  /** The treatment's share of the units. */
  share: number;
}

/**
 * N*, the units that both arms need together: (z_{1−α/2} + z_power)² · σ² · (1/s + 1/(1 − s))/δ² (Kohavi, Tang and Xu
 * 2020, "Trustworthy Online Controlled Experiments", chapter 17, for equal shares).
 */
export function plannedUnits(plan: Plan): number {
  checkPlan(plan);
  const reach = normalQuantile(plan.power) - normalQuantile(plan.alpha / 2);
  return Math.ceil((reach / plan.effect) ** 2 * spreadOf(plan));
}

/** N times the variance of the difference of the arms' means. */
function spreadOf({ variance, treatmentVariance = variance, share }: Plan): number {
  return treatmentVariance / share + variance / (1 - share);
}

/** What a lift is planned by: of the control's units. */
export interface LiftPlan extends Pick<Plan, "alpha" | "power" | "share"> {
  /** The least lift worth finding. */
  lift: number;
  /** What it is relative to. */
  level: number;
  /** Variance of the values as they are, and the share of it that CUPED leaves: 1 without. */
  variance: number;
  varianceLeft: number;
}

/**
 * N* of a lift, which needs more units than the difference that it is where it is above 0: its error has that of the
 * control's level, too (`lift` of comparison.ts), and the variance of counts grows as their level does. A lift below 0
 * needs fewer for the same reasons, which are not counted on: ratios of few events are skewed.
 */
export function plannedUnitsOfLift({ lift, level, variance, varianceLeft, ...plan }: LiftPlan): number {
  const growth = Math.max(0, lift * Math.sign(level));
  const left = variance * varianceLeft;
  // θ leaves as much of the covariance with the values as of the variance.
  const ofControl = left * (1 + 2 * growth) + growth ** 2 * variance;
  return plannedUnits({
    ...plan,
    variance: ofControl,
    treatmentVariance: left * (1 + growth),
    effect: lift * level,
  });
}

function checkPlan({ variance, treatmentVariance = variance, effect, ...shares }: Plan): void {
  for (const [name, value] of Object.entries({ variance, treatmentVariance }))
    if (!(value > 0 && Number.isFinite(value))) throw new FormatError(name, `got ${value}, expected more than 0`);
  if (!(Math.abs(effect) > 0 && Number.isFinite(effect)))
    throw new FormatError("effect", `got ${effect}, expected another than 0`);
  for (const [name, value] of Object.entries(shares))
    if (!(value > 0 && value < 1)) throw new FormatError(name, `got ${value}, expected a number between 0 and 1`);
}
