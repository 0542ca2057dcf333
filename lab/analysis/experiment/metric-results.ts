import { cuped } from "../cuped.ts";
import { type Moments, momentsOf, sumOf } from "../moments.ts";
import { benjaminiHochberg, holm } from "../multiplicity.ts";
import { linearized } from "../ratio.ts";
import { winsorized } from "../winsorize.ts";
import { compared, finite, type Judgement } from "./compare.ts";
import type { Metric } from "./plan.ts";
import type { Comparison, Interval, MetricResult } from "./result-metrics.ts";
import type { UnitValues } from "./unit-values.ts";

/** The arms of a comparison: the control first. */
export interface MetricArms {
  names: readonly string[];
  units: readonly UnitValues[];
  /** Lists and sums before the experiment, of the same units in the same order; absent without a pre-period. */
  before?: readonly UnitValues[] | undefined;
  /** Of each arm but the control; none where there is nothing to compare with. */
  judgements: readonly Judgement[];
}

/** A metric by arm, and what each treatment changes of it. p-values are adjusted by `adjustAll`. */
export function metricResult(metric: Metric, column: number, arms: MetricArms, primary: boolean): MetricResult {
  const { names, units, before, judgements } = arms;
  const sums = units.map((arm) => arm.sums[column]);
  const plain = units.map((arm) => ratioOf(arm, column));
  const raw = plain.map((values) => momentsOf(values));
  const { cap, arms: capped } = winsorized(sums);
  // An NDCG has no heavy tail.
  const isCapped = metric.of !== "ndcg" && sums.some((own) => own.some((value) => value > cap));
  const cappedMoments = isCapped ? capped.map((own, i) => momentsOf(cappedRatioOf(units[i], column, own))) : null;
  const adjusted = before?.some((arm) => sumOf(arm.lists) > 0)
    ? cuped(plain.map((after, i) => ({ after, before: beforeOf(before[i], column) })))
    : null;
  const comparisons = judgements.map((judgement, i): Comparison => {
    const pair = (moments: readonly Moments[]) => compared(moments[0], moments[i + 1], judgement);
    return {
      arm: names[i + 1],
      raw: pair(raw),
      winsorized: cappedMoments ? pair(cappedMoments) : null,
      cuped: adjusted ? pair(adjusted.arms) : null,
      adjusted: { fixed: null, sequential: null },
    };
  });
  return {
    metric: metric.name,
    primary,
    event: metric.event,
    of: metric.of,
    cap: isCapped ? finite(cap) : null,
    theta: adjusted ? finite(adjusted.theta) : null,
    varianceLeft: adjusted ? finite(adjusted.arms[0].variance / raw[0].variance) : null,
    arms: raw.map(({ mean, variance, units: n }, i) => ({
      arm: names[i],
      value: finite(mean),
      error: finite(Math.sqrt(variance / n)),
    })),
    comparisons,
  };
}

/** A column per list, linearized by unit. A list counts as many as it stands for. */
export function ratioOf({ weighted, lists }: UnitValues, column: number): Float64Array {
  return linearized(weighted[column], lists);
}

/** Of sums that were capped: what is cut off counts as often as the unit's lists stand for others in the mean. */
function cappedRatioOf({ sums, weighted, weights, lists }: UnitValues, column: number, capped: Float64Array) {
  const cut = sums[column].map((sum, i) => (sum - capped[i]) * weights[i]);
  return linearized(
    weighted[column].map((sum, i) => sum - cut[i]),
    lists,
  );
}

/** Before the experiment; units that were not there are as the mean of those that were. */
function beforeOf(before: UnitValues, column: number): Float64Array {
  return sumOf(before.lists) > 0 ? ratioOf(before, column) : new Float64Array(before.lists.length);
}

/** The lift that a comparison is decided by. */
export function decisiveLift({ raw, cuped: adjusted }: Comparison): Interval {
  return (adjusted ?? raw).lift;
}

/** Adjusts p-values for their number: the primary metric's by Holm, all others' by Benjamini and Hochberg. */
export function adjustAll(results: readonly MetricResult[]): void {
  for (const primary of [true, false]) {
    const family = results.filter((result) => result.primary === primary).flatMap(({ comparisons }) => comparisons);
    adjustFamily(
      family.map((comparison) => ({ lift: decisiveLift(comparison), adjusted: comparison.adjusted })),
      primary ? holm : benjaminiHochberg,
    );
  }
}

/** Fills in adjusted p-values of one family. Comparisons without a p-value are none of it. */
export function adjustFamily(
  family: readonly { lift: Interval; adjusted: Comparison["adjusted"] }[],
  adjust: (p: readonly number[]) => number[],
): void {
  for (const test of ["fixed", "sequential"] as const) {
    const known = family.flatMap(({ lift, adjusted }) => {
      const p = lift[test]?.p;
      return p == null ? [] : [{ p, adjusted }];
    });
    for (const [i, p] of adjust(known.map((one) => one.p)).entries()) known[i].adjusted[test] = p;
  }
}
