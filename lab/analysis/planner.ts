import { FormatError } from "../../format/errors.ts";
import { normalQuantile } from "./distributions/normal.ts";

/** What an experiment of two arms is planned by. */
export interface Plan {
  /** Variance of the metric over units (of a ratio, of its linearized values; with CUPED, of what it leaves). */
  variance: number;
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
function spreadOf({ variance, share }: Pick<Plan, "variance" | "share">): number {
  return variance * (1 / share + 1 / (1 - share));
}

function checkPlan({ variance, effect, ...shares }: Plan): void {
  if (!(variance > 0 && Number.isFinite(variance)))
    throw new FormatError("variance", `got ${variance}, expected more than 0`);
  if (!(Math.abs(effect) > 0 && Number.isFinite(effect)))
    throw new FormatError("effect", `got ${effect}, expected another than 0`);
  for (const [name, value] of Object.entries(shares))
    if (!(value > 0 && value < 1)) throw new FormatError(name, `got ${value}, expected a number between 0 and 1`);
}
