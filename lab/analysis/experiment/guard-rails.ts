import { difference, harmP } from "../comparison.ts";
import { momentsOf, sumOf } from "../moments.ts";
import { linearized } from "../ratio.ts";
import { finite } from "./compare.ts";
import type { GuardRail } from "./plan.ts";
import type { GuardRailResult } from "./result-metrics.ts";
import type { UnitValues } from "./unit-values.ts";

/**
 * Whether a treatment harms what must not get worse: one-sided, of the mean over lists, by unit. `column` holds the
 * sums of a unit's lists, the one behind it the number of its lists that say something.
 */
export function guardRailResult(
  { name, field, worse, margin }: GuardRail,
  column: number,
  { names, units }: { names: readonly string[]; units: readonly UnitValues[] },
  alpha: number,
): GuardRailResult[] {
  const arms = units.map(({ sums, weights }) => {
    const told = sums[column + 1];
    const weighted = (values: Float64Array): Float64Array => values.map((value, i) => value * weights[i]);
    const moments = sumOf(told) > 0 ? momentsOf(linearized(weighted(sums[column]), weighted(told))) : null;
    return { lists: sumOf(told), moments };
  });
  const [control, ...treatments] = arms;
  return treatments.map((treatment, i) => {
    const both = { guardRail: name, field, arm: names[i + 1], lists: control.lists + treatment.lists };
    const values = {
      control: finite(control.moments?.mean ?? Number.NaN),
      treatment: finite(treatment.moments?.mean ?? Number.NaN),
    };
    if (!control.moments || !treatment.moments)
      return { ...both, ...values, effect: null, error: null, p: null, harmed: false };
    const found = difference(control.moments, treatment.moments);
    const sign = worse === "more" ? 1 : -1;
    const beyond = { ...found, effect: found.effect - sign * margin };
    // Where no list of either arm differs from another there is nothing to test: it is as it is.
    const p = found.error > 0 ? harmP(beyond, sign) : null;
    const harmed = p === null ? sign * beyond.effect > 0 : p < alpha;
    return { ...both, ...values, effect: finite(found.effect), error: finite(found.error), p, harmed };
  });
}
