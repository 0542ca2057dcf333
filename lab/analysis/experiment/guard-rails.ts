import { difference, harmP } from "../comparison.ts";
import { momentsOf, sumOf } from "../moments.ts";
import { linearized } from "../ratio.ts";
import { finite } from "./compare.ts";
import type { GuardRail } from "./plan.ts";
import type { GuardRailResult } from "./result-metrics.ts";
import type { UnitValues } from "./unit-values.ts";

/**
 * Whether a treatment harms what must not get worse: one-sided, of the mean over lists, by unit. `column` holds the
 * sums of a unit's lists, the one behind it the number of its lists that say something. `units`: the control's and the
 * treatment's.
 */
export function guardRailResult(
  { name, field, worse, margin }: GuardRail,
  column: number,
  units: readonly [UnitValues, UnitValues],
  { arm, alpha }: { arm: string; alpha: number },
): GuardRailResult {
  const [control, treatment] = units.map(({ sums, weighted }) => {
    const lists = sumOf(sums[column + 1]);
    return { lists, moments: lists > 0 ? momentsOf(linearized(weighted[column], weighted[column + 1])) : null };
  });
  const both = {
    ...{ guardRail: name, field, arm, lists: control.lists + treatment.lists },
    control: finite(control.moments?.mean ?? Number.NaN),
    treatment: finite(treatment.moments?.mean ?? Number.NaN),
  };
  if (!control.moments || !treatment.moments) return { ...both, effect: null, error: null, p: null, harmed: false };
  const found = difference(control.moments, treatment.moments);
  const sign = worse === "more" ? 1 : -1;
  const beyond = { ...found, effect: found.effect - sign * margin };
  // Where no list of either arm differs from another there is nothing to test: it is as it is. One unit says nothing.
  const p = found.error > 0 ? harmP(beyond, sign) : null;
  const harmed = found.error === 0 ? sign * beyond.effect > 0 : p !== null && p < alpha;
  return { ...both, effect: finite(found.effect), error: finite(found.error), p, harmed };
}
