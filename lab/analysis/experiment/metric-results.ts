import { cuped } from "../cuped.ts";
import { covariance, type Moments, momentsOf, sumOf } from "../moments.ts";
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
  const adjusted = before ? adjustedBy(before, plain, column) : null;
  const comparisons = judgements.map((judgement, i): Comparison => {
    const pair = (control: Moments, treatment: Moments) => compared(control, treatment, judgement);
    const treated = adjusted?.arms[i + 1];
    return {
      arm: names[i + 1],
      raw: pair(raw[0], raw[i + 1]),
      winsorized: cappedMoments ? pair(cappedMoments[0], cappedMoments[i + 1]) : null,
      cuped: adjusted && treated ? pair(adjusted.control, treated) : null,
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
    varianceLeft: adjusted ? finite(adjusted.control.variance / raw[0].variance) : null,
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

interface Adjusted {
  theta: number;
  control: Moments;
  /** The control first; null of an arm whose time before says nothing. */
  arms: (Moments | null)[];
}

/**
 * CUPED over the arms whose units differed before; null where the control is none of them. An arm without a list before
 * has no mean that could be compared with the others', and of one whose units were all alike, as of a single one that
 * was there, nobody knows how far its mean is off. Where no arm's units differed, nothing is adjusted.
 */
function adjustedBy(before: readonly UnitValues[], after: readonly Float64Array[], column: number): Adjusted | null {
  const covariates = before.map((arm) => (sumOf(arm.lists) > 0 ? ratioOf(arm, column) : null));
  const differ = covariates.map((values) => values !== null && covariance(values, values) > 0);
  const known = after.flatMap((values, i) => {
    const covariate = covariates[i];
    return covariate && (differ[i] || !differ.includes(true)) ? [{ i, before: covariate, after: values }] : [];
  });
  if (known[0]?.i !== 0) return null;
  const { theta, arms } = cuped(known);
  const [control] = arms;
  return { theta, control, arms: after.map((_, i) => arms[known.findIndex((one) => one.i === i)] ?? null) };
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
