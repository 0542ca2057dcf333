import * as v from "valibot";
import {
  type GuardRailResult,
  GuardRailResultSchema,
  type MetricResult,
  MetricResultSchema,
  type PlannedEffect,
  PlannedEffectSchema,
  type SegmentResult,
  SegmentResultSchema,
  type Timeline,
  TimelineSchema,
  type VersionResult,
  VersionResultSchema,
} from "./result-metrics.ts";
import {
  ArmSchema,
  about,
  count,
  type EventLossSchema,
  FunnelSchema,
  InterleavingSchema,
  number,
  OffPolicySchema,
  ReplaySchema,
  SoundnessSchema,
  share,
  text,
  time,
} from "./result-parts.ts";

// What `experiment analyze --json` prints. `analysis.schema.json` is generated from these schemas.

export const ANALYSIS_VERSION = 1;

export const LogSchema = v.strictObject({
  files: v.pipe(count, about("Files that were read.")),
  copied: v.pipe(v.array(text), about("Files with lines that are no text, or that are damaged: read without those.")),
  lines: v.pipe(count, about("Lines that are not blank.")),
  exposures: v.pipe(count, about("Good lines of exposures, with those that come twice.")),
  events: v.pipe(count, about("Good lines of events, with those that come twice.")),
  bad: v.pipe(count, about("Lines that count for nothing, as they are broken.")),
  badLines: v.pipe(
    v.array(v.strictObject({ place: text, problem: text })),
    about("The first of them, with file and line, and what is wrong."),
  ),
  duplicateExposures: v.pipe(
    count,
    about("Lines of exposures whose id another line has: the one that was shown first counts."),
  ),
  duplicateEvents: v.pipe(
    count,
    about("Lines of events that another line tells of: the one that was received first counts."),
  ),
  contradictions: v.pipe(count, about("Repeated exposures that say another experiment, arm or unit than the first.")),
  orphanEvents: v.pipe(count, about("Events of which no line says that the list was shown.")),
  lostShare: v.pipe(
    v.nullable(share),
    about("The share of events whose exposure is not there: about that of lost exposures. Null where keep is below 1."),
  ),
});

const PhaseSchema = v.strictObject({
  phase: v.pipe(text, about("The first 8 hex digits of a hash of all that assigns units, and of the arms.")),
  from: v.pipe(time, about("When its first list was shown.")),
  to: v.pipe(time, about("When its last list was shown.")),
  control: v.pipe(text, about("The arm that others are compared with.")),
  plannedUnits: v.pipe(v.nullable(count), about("Units of all arms at which the experiment ends; null: no plan.")),
  warnings: v.pipe(v.array(text), about("What to know before one reads on.")),
  funnel: part<Funnel>(FunnelSchema),
  arms: v.array(part<ArmSummary>(ArmSchema)),
  soundness: part<Soundness>(SoundnessSchema),
  metrics: v.pipe(
    v.nullable(v.array(part<MetricResult>(MetricResultSchema))),
    about("Null where the experiment is not sound."),
  ),
  versions: v.pipe(
    v.array(part<VersionResult>(VersionResultSchema)),
    about("Of arms that more than one version of a model served."),
  ),
  segments: v.pipe(v.array(part<SegmentResult>(SegmentResultSchema)), about("The primary metric by segments.")),
  guardRails: v.array(part<GuardRailResult>(GuardRailResultSchema)),
  timeline: v.pipe(v.array(part<Timeline>(TimelineSchema)), about("The primary metric, and units, from look to look.")),
  planner: v.pipe(
    v.array(part<PlannedEffect>(PlannedEffectSchema)),
    about("Units that effects need, by this log's variance."),
  ),
  interleaving: v.array(part<InterleavingResult>(InterleavingSchema)),
  offPolicy: v.array(part<OffPolicyResult>(OffPolicySchema)),
  replay: part<ReplayCheck>(ReplaySchema),
});

const LeftOutPhaseSchema = v.strictObject({ phase: text, funnel: part<Funnel>(FunnelSchema) });

export const AnalysisSchema = v.strictObject({
  version: v.pipe(v.literal(ANALYSIS_VERSION), about("The version of this schema.")),
  experiment: text,
  alpha: v.pipe(number, about("Intervals hold what they are of with a probability of 1 − α.")),
  log: part<LogSummary>(LogSchema),
  otherExperiments: v.pipe(v.array(text), about("Experiments in the log that this is not about.")),
  phases: v.pipe(
    v.array(part<PhaseAnalysis>(PhaseSchema)),
    about("From the first to the last. Their numbers are never added up."),
  ),
  leftOut: v.pipe(v.array(LeftOutPhaseSchema), about("Phases of which no list counts.")),
});

export interface Analysis extends v.InferOutput<typeof AnalysisSchema> {}
export interface PhaseAnalysis extends v.InferOutput<typeof PhaseSchema> {}
export interface LeftOutPhase extends v.InferOutput<typeof LeftOutPhaseSchema> {}
export interface LogSummary extends v.InferOutput<typeof LogSchema> {}
export interface Funnel extends v.InferOutput<typeof FunnelSchema> {}
export interface EventLoss extends v.InferOutput<typeof EventLossSchema> {}
export interface Soundness extends v.InferOutput<typeof SoundnessSchema> {}
export interface ArmSummary extends v.InferOutput<typeof ArmSchema> {}
export interface ReplayCheck extends v.InferOutput<typeof ReplaySchema> {}
export interface InterleavingResult extends v.InferOutput<typeof InterleavingSchema> {}
export interface OffPolicyResult extends v.InferOutput<typeof OffPolicySchema> {}

/** A schema whose type has a name: written out, that of the whole result would be too deep for the compiler. */
function part<Output>(schema: v.GenericSchema<Output>): v.GenericSchema<Output> {
  return schema;
}
