import { percentile } from "../../trainer/metrics/percentile.ts";

/** The share of units that stay as they are. */
const WINSORIZED_FROM = 0.999;

export interface Winsorized {
  /** What values above it are taken to be: the quantile of all arms' units together. */
  cap: number;
  arms: Float64Array[];
}

/**
 * Caps the values of heavy tails, such as revenue, at a quantile (nearest rank) of all arms together: at one of each
 * arm, what differs in the tail would set its own cap.
 */
export function winsorized(arms: readonly Float64Array[], share = WINSORIZED_FROM): Winsorized {
  const all = new Float64Array(arms.reduce((count, arm) => count + arm.length, 0));
  let end = 0;
  for (const arm of arms) {
    all.set(arm, end);
    end += arm.length;
  }
  const cap = percentile(all.sort(), share);
  return { cap, arms: arms.map((arm) => arm.map((value) => Math.min(value, cap))) };
}
