import { FormatError, show } from "../../../format/errors.ts";
import type { LineDatabase } from "../log/line-database.ts";
import { levelOf } from "../moments.ts";
import { plannedUnitsOfLift } from "../planner.ts";
import { absences } from "./absences.ts";
import type { AnalysisOptions } from "./analyze-options.ts";
import { armModels, armSummaries, type PlannedArms, plannedArms } from "./arms.ts";
import { makeCohort, makeCohortBefore } from "./cohort.ts";
import type { Judgement } from "./compare.ts";
import { guardRailResult } from "./guard-rails.ts";
import { interleavedArms } from "./interleaved.ts";
import { adjustAll, metricResult } from "./metric-results.ts";
import { makeScored, metricsOf } from "./metric-sql.ts";
import type { AnalysisPlan, Metric } from "./plan.ts";
import { replayCheck } from "./replay.ts";
import type { ArmSummary, LeftOutPhase, PhaseAnalysis } from "./result.ts";
import type { GuardRailResult, MetricResult, PlannedEffect, VersionResult } from "./result-metrics.ts";
import { segmentResults } from "./segments.ts";
import { soundnessOf } from "./soundness.ts";
import { timelineOf } from "./timeline.ts";
import { unitValues, valuesBefore } from "./unit-values.ts";
import { MOST_VERSIONS, versionResults } from "./versions.ts";
import { targetsOf, whatIf } from "./what-if.ts";

/**
 * N* where no plan says it. The sequential test is right with any number that is chosen before one looks, and so not
 * with that of the units there happen to be.
 */
const UNPLANNED_UNITS = 10_000;

/** The power that units are planned for. */
const POWER = 0.8;

export interface PhaseOptions extends AnalysisOptions {
  experiment: string;
  phase: string;
  /** Whether no other phase is judged. */
  isOnly: boolean;
}

/** The place of the metric that decides. Throws FormatError where the plan's is not among those that are compared. */
function primaryOf(metrics: readonly Metric[], { primary }: AnalysisPlan): number {
  if (primary === undefined) return 0;
  const names = metrics.map(({ name }) => name);
  if (names.includes(primary)) return names.indexOf(primary);
  throw new FormatError("primary", `got ${show(primary)}, expected one of ${names.map(show).join(", ")}`);
}

/** Judges one phase. Where none of its lists counts, there is but the number of those that were left out. */
export async function analyzePhase(lines: LineDatabase, options: PhaseOptions): Promise<PhaseAnalysis | LeftOutPhase> {
  const { plan, experiment, phase } = options;
  const funnel = await makeCohort(lines, { experiment, phase });
  if (funnel.counted === 0) return { phase, funnel };
  const planned = await plannedArms(lines, plan, { experiment, phase, isOnly: options.isOnly });
  const summaries = await armSummaries(lines, planned);
  const { from, to } = await lines.row<{ from: number; to: number }>(
    'SELECT min(t) AS "from", max(t) AS "to" FROM list',
  );
  const metrics = await metricsOf(lines, plan);
  const primary = primaryOf(metrics, plan);
  const guardRails = plan.guardRails;
  await makeScored(lines, metrics, guardRails);

  // An arm that has lost all of its units is a mismatch too.
  const { names: arms, weights } = planned;
  const absent = await absences(lines, { experiment, phase, arms, metrics, plan });
  const warnings = [...planned.warnings, ...absent, ...warningsOf(summaries, options)];
  const names = arms.filter((_, i) => summaries[i].units > 0);
  const [control] = arms;
  // Of a control that has lost all of its units nothing can be compared.
  const treatments = names[0] === control ? names.slice(1) : [];
  const judged = new Map(treatments.map((arm) => [arm, judgementOf(arm, planned, summaries, options)]));
  const timeline = await timelineOf(lines, { arms, weights, column: `m${primary}`, from, to, judgements: judged });
  const judgements = [...judged.values()];
  const soundness = await soundnessOf(lines, {
    experiment,
    phase,
    ...{ arms, weights },
    twoArmsShare: funnel.units > 0 ? funnel.unitsInTwoArms / funnel.units : 0,
    sequentialP: timeline.at(-1)?.ratioP ?? null,
    segments: plan.segments,
  });
  const shown = soundness.sound || options.inSpiteOfMismatch === true;
  const results = shown ? await compareArms() : null;
  const planner = plannedEffects(results?.metrics[primary]);
  if (results && options.planEffects?.length && planner.length === 0)
    warnings.push("units for a lift cannot be planned: the control has no level, or there is no treatment");

  return {
    phase,
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    control,
    plannedUnits: plan.plannedUnits ?? null,
    warnings,
    funnel,
    arms: summaries,
    soundness,
    metrics: results?.metrics ?? null,
    versions: results?.versions ?? [],
    segments: results?.segments ?? [],
    guardRails: results?.guardRails ?? [],
    timeline: timeline.map((look) => (shown ? look : { ...look, lifts: [] })),
    planner,
    interleaving: shown ? await interleavedArms(lines, plan.alpha) : [],
    offPolicy: shown ? await offPolicy() : [],
    replay: await replayCheck(lines),
  };

  async function compareArms() {
    const columns = metrics.map((_, i) => `m${i}`);
    const guards = guardRails.flatMap((_, i) => [`g${i}`, `CAST(g${i} IS NOT NULL AS INTEGER)`]);
    const units = (await unitValues(lines, { columns: [...columns, ...guards], from: "scored" })).get("");
    const own = names.map((name) => units?.get(name)).filter((values) => values !== undefined);
    const before = await beforeOf(columns);
    const compared = { names, units: own, before, judgements };
    const metricResults: MetricResult[] = metrics.map((metric, i) => metricResult(metric, i, compared, i === primary));
    adjustAll(metricResults);
    const guarded: GuardRailResult[] = guardRails.flatMap((guard, j) =>
      treatments.map((arm, i) =>
        guardRailResult(guard, columns.length + 2 * j, [own[0], own[i + 1]], { arm, alpha: plan.alpha }),
      ),
    );
    const both = { control, treatments, column: `m${primary}`, judgements };
    const versions: VersionResult[] = [];
    for (const { arm, models } of summaries)
      if (models.length > 1 && names.includes(arm))
        versions.push(...(await versionResults(lines, { ...both, arm, models })));
    const total = own.reduce((sum, { lists }) => sum + lists.length, 0);
    const segments = await segmentResults(lines, { ...both, segments: plan.segments, units: total });
    return { metrics: metricResults, guardRails: guarded, versions, segments };
  }

  /** The units that lifts need, by the variance of the control's units. */
  function plannedEffects(metric: MetricResult | undefined): PlannedEffect[] {
    const [own] = metric?.arms ?? [];
    const units = summaries[0].units;
    if (own?.value == null || own.error === null || units < 2) return [];
    const variance = own.error ** 2 * units;
    const level = levelOf(own.value, variance + own.value ** 2);
    // Without a click there is no level that a lift could be of, and nothing to plan by.
    if (level === 0 || !(variance > 0)) return [];
    return (options.planEffects ?? []).flatMap((lift) =>
      treatments.flatMap((arm): PlannedEffect[] => {
        const weight = weights[arms.indexOf(arm)];
        const share = weight / (weights[0] + weight);
        // An arm that was not there before is compared as it is.
        const isAdjusted = metric?.comparisons.some((one) => one.arm === arm && one.cuped !== null) ?? false;
        const varianceLeft = isAdjusted ? (metric?.varianceLeft ?? 1) : 1;
        if (!(varianceLeft > 0)) return [];
        const both = { lift, level, variance, varianceLeft };
        const needed = plannedUnitsOfLift({ ...both, alpha: plan.alpha, power: POWER, share });
        return [{ lift, arm, power: POWER, units: needed }];
      }),
    );
  }

  /** What the units did in the time before; undefined without one. */
  async function beforeOf(columns: readonly string[]) {
    if (!plan.prePeriod) return undefined;
    const time = { from: Date.parse(plan.prePeriod.from), to: Date.parse(plan.prePeriod.to) };
    if (time.to > from) {
      warnings.push("the pre-period ends after the phase began, when arms differed already: there is no CUPED");
      return undefined;
    }
    await makeCohortBefore(lines, { experiment, phase }, time);
    await makeScored(lines, metrics, [], { name: "scored_before", lists: "list_before", outcomes: "outcome_before" });
    const values = await valuesBefore(lines, columns, "scored_before");
    const own = names.map((name) => values.get(name)).filter((found) => found !== undefined);
    const without = names.filter((_, i) => own[i].lists.every((count) => count === 0));
    if (without.length === names.length || without.includes(control))
      warnings.push(`no unit of ${without.join(", ")} has a list in the pre-period: there is no CUPED`);
    else if (without.length > 0)
      warnings.push(`no unit of ${without.join(", ")} has a list in the pre-period: there is no CUPED of it`);
    return own;
  }

  async function offPolicy() {
    const models = await armModels(lines);
    if (options.whatIf?.length && models.every((own) => own.models.length === 0))
      warnings.push("no arm has logits by which another policy could order its lists: none is judged");
    const found: PhaseAnalysis["offPolicy"] = [];
    for (const arm of models)
      for (const target of targetsOf(arm, models, options.whatIf ?? []))
        found.push(...(await whatIf(lines, arm.arm, target, { alpha: plan.alpha, models: options.rewardModels })));
    return found;
  }
}

/** A treatment's part of the planned units, with the control's, and whether all of the experiment's are there. */
function judgementOf(
  arm: string,
  { names, weights }: PlannedArms,
  summaries: readonly ArmSummary[],
  { plan }: PhaseOptions,
): Judgement {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const units = summaries.reduce((sum, one) => sum + one.units, 0);
  const { plannedUnits = UNPLANNED_UNITS } = plan;
  const share = (weights[0] + weights[names.indexOf(arm)]) / total;
  return { alpha: plan.alpha, plannedUnits: plannedUnits * share, atEnd: units >= (plan.plannedUnits ?? Infinity) };
}

function warningsOf(summaries: readonly ArmSummary[], { plan }: PhaseOptions): string[] {
  const warnings = summaries
    .filter(({ models }) => models.length > 1)
    .map(({ arm, models }) => {
      const shown = models.length > MOST_VERSIONS ? `the ${MOST_VERSIONS} with the most lists are` : "each is";
      return `${arm} names a floating model: ${models.length} versions served it, ${shown} shown alone`;
    });
  if (plan.plannedUnits === undefined)
    warnings.push(
      "no number of units is planned: there is no fixed test, and the sequential one takes " +
        UNPLANNED_UNITS.toLocaleString("en"),
    );
  return warnings;
}
