// Limits of an axis that a few bad values do not flatten, such as the loss of a first epoch.

/** Of so many values, one may be cut. */
const VALUES_PER_CUT = 3;

/** A value is cut where the others would then have at least so many times the room. */
const GAIN = 3;

/** Room at each end of an axis, as a share of it. */
const MARGIN = 0.08;

export interface Limits {
  low: number;
  high: number;
  /** Whether values lie outside. */
  cut: boolean;
}

/**
 * Limits for values of which `worst` are bad: "high" ones of a loss, "low" ones of an AUC. The worst values, a third of
 * all at most, are left outside where the rest is then three times as large. Values that are not finite count as
 * outside. Null where there is no finite one.
 */
export function robustLimits(values: readonly number[], worst: "high" | "low"): Limits | null {
  const sign = worst === "high" ? 1 : -1;
  const sorted = values.filter(Number.isFinite).sort((a, b) => sign * (a - b));
  const [best] = sorted;
  if (best === undefined) return null;
  let kept = sorted.length;
  for (let cuts = 1; cuts <= Math.floor(sorted.length / VALUES_PER_CUT); cuts++) {
    const rest = sorted.length - cuts;
    if (Math.abs(sorted[rest - 1] - best) * GAIN <= Math.abs(sorted[kept - 1] - best)) kept = rest;
  }
  const last = sorted[kept - 1];
  const [low, high] = worst === "high" ? [best, last] : [last, best];
  // Equal values, too, need an axis: one that shows their size.
  const margin = high > low ? MARGIN * (high - low) : Math.abs(high) * MARGIN || MARGIN;
  return { low: low - margin, high: high + margin, cut: kept < sorted.length };
}
