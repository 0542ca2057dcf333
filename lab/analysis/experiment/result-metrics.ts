import * as v from "valibot";
import { about, count, maybe, number, share, text, time } from "./result-parts.ts";

// Parts of the result that compare arms.

export const VerdictSchema = v.pipe(
  v.strictObject({ low: maybe, high: maybe, p: maybe }),
  about("An interval with 1 − α, and the p-value of no effect."),
);

export const IntervalSchema = v.pipe(
  v.strictObject({
    effect: maybe,
    error: maybe,
    fixed: v.nullable(VerdictSchema),
    sequential: v.nullable(VerdictSchema),
  }),
  about(
    "An estimate with its standard error by unit. fixed: the test that is looked at once, at the planned end; null " +
      "before it, and without a plan. sequential: the one that may be looked at at any time; null below 500 units an arm.",
  ),
);

export const ComparedSchema = v.pipe(
  v.strictObject({ difference: IntervalSchema, lift: IntervalSchema }),
  about("difference: treatment − control. lift: the difference over the control's level, without the level's sign."),
);

/** p-values that count for the number of comparisons. */
const AdjustedSchema = v.pipe(
  v.strictObject({ fixed: maybe, sequential: maybe }),
  about(
    "p-values of the lift, adjusted for the number of comparisons: of the primary metric by Holm over the arms, of " +
      "other metrics and of segments by Benjamini and Hochberg. With CUPED, of the adjusted lift.",
  ),
);

const ComparisonSchema = v.pipe(
  v.strictObject({
    arm: text,
    raw: ComparedSchema,
    winsorized: v.nullable(ComparedSchema),
    cuped: v.nullable(ComparedSchema),
    adjusted: AdjustedSchema,
  }),
  about(
    "A treatment against the control. raw: the metric as it is. winsorized: with units' sums capped at the 99.9 % " +
      "quantile of all arms; null where nothing is above it. cuped: adjusted by the time before; null without one, or " +
      "where it tells the units of one of the two arms not apart.",
  ),
);

export const MetricResultSchema = v.strictObject({
  metric: text,
  primary: v.boolean(),
  event: text,
  of: text,
  cap: v.pipe(maybe, about("The cap of winsorized sums of units.")),
  theta: v.pipe(maybe, about("CUPED's θ.")),
  varianceLeft: v.pipe(maybe, about("The share of the control's variance that CUPED leaves.")),
  arms: v.array(v.strictObject({ arm: text, value: v.pipe(maybe, about("Per list.")), error: maybe })),
  comparisons: v.array(ComparisonSchema),
});

export const SegmentResultSchema = v.strictObject({
  segment: text,
  value: text,
  arm: text,
  units: v.pipe(count, about("Of both arms.")),
  lift: IntervalSchema,
  adjusted: AdjustedSchema,
});

export const GuardRailResultSchema = v.strictObject({
  guardRail: text,
  field: text,
  arm: text,
  control: v.pipe(maybe, about("The control's mean over lists.")),
  treatment: v.pipe(maybe, about("The treatment's.")),
  effect: maybe,
  error: maybe,
  p: v.pipe(maybe, about("One-sided: of the effect, if it were no worse than the margin.")),
  harmed: v.pipe(v.boolean(), about("p < α.")),
  lists: v.pipe(count, about("Lists that say something of it.")),
});

export const PlannedEffectSchema = v.strictObject({
  lift: v.pipe(number, about("Of the primary metric, as a share of the control's level.")),
  arm: v.pipe(text, about("The treatment, whose share of the units counts.")),
  power: v.pipe(number, about("The probability of finding it.")),
  units: v.pipe(count, about("Of both arms together.")),
});

export const VersionResultSchema = v.strictObject({
  arm: text,
  model: v.pipe(text, about("The version.")),
  units: v.pipe(count, about("Of both arms, while it served: the lift is over the control's lists of the same times.")),
  share: v.pipe(share, about("Of the arm's lists.")),
  lift: IntervalSchema,
});

export const TimelineSchema = v.strictObject({
  at: v.pipe(time, about("The end of the look.")),
  units: v.pipe(v.record(text, count), about("Units so far, by arm.")),
  ratioP: v.pipe(maybe, about("The sequential test of the sample ratio: its least p so far.")),
  lifts: v.pipe(
    v.array(v.strictObject({ arm: text, lift: IntervalSchema, fixedAtAnyLook: v.nullable(VerdictSchema) })),
    about("Empty where the experiment is not sound. fixedAtAnyLook is not to be decided by: it is what peeking shows."),
  ),
});

export interface Verdict extends v.InferOutput<typeof VerdictSchema> {}
export interface Interval extends v.InferOutput<typeof IntervalSchema> {}
export interface Compared extends v.InferOutput<typeof ComparedSchema> {}
export interface Comparison extends v.InferOutput<typeof ComparisonSchema> {}
export interface MetricResult extends v.InferOutput<typeof MetricResultSchema> {}
export interface SegmentResult extends v.InferOutput<typeof SegmentResultSchema> {}
export interface GuardRailResult extends v.InferOutput<typeof GuardRailResultSchema> {}
export interface VersionResult extends v.InferOutput<typeof VersionResultSchema> {}
export interface PlannedEffect extends v.InferOutput<typeof PlannedEffectSchema> {}
export interface Timeline extends v.InferOutput<typeof TimelineSchema> {}
