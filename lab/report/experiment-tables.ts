import type { LeftOutPhase, LogSummary, PhaseAnalysis } from "../analysis/experiment/result.ts";
import type { Interval, Verdict } from "../analysis/experiment/result-metrics.ts";

// The tables of an analyzed experiment, as a terminal and a page show them.

export interface TextTable {
  head: string[];
  rows: string[][];
}

const NONE = "–";

export function percentText(share: number | null, decimals = 2): string {
  return share === null ? NONE : `${(100 * share).toFixed(decimals)} %`;
}

/** A p-value. */
export function pText(p: number | null | undefined): string {
  if (p == null) return NONE;
  return p < 0.0001 ? "< 0.0001" : p.toFixed(4);
}

export function intervalText(verdict: Pick<Verdict, "low" | "high"> | null, decimals = 2): string {
  if (verdict?.low == null || verdict.high == null) return NONE;
  return `${(100 * verdict.low).toFixed(decimals)} to ${(100 * verdict.high).toFixed(decimals)} %`;
}

/** What intervals hold what they are of with. */
function levelText(alpha: number): string {
  const level = Number((100 * (1 - alpha)).toPrecision(10));
  return level < 100 ? `${level} %` : `1 − ${alpha}`;
}

export function numberText(value: number | null): string {
  return value === null ? NONE : value.toPrecision(4);
}

function countText(value: number): string {
  return value.toLocaleString("en");
}

export function armsTable({ arms, soundness }: PhaseAnalysis): TextTable {
  return {
    head: ["arm", "weight", "units", "lists", "lists a unit", "failed open", "versions", "policy"],
    rows: arms.map(({ arm, weight, units, lists, fromOrigin, models, policies }) => [
      arm,
      percentText(weight, 1),
      countText(units),
      countText(lists),
      numberText(soundness.listsPerUnit.find((one) => one.arm === arm)?.mean ?? null),
      percentText(fromOrigin),
      String(models.length),
      policies.length > 0 ? policies.map(policyText).join(", ") : "the origin's order",
    ]),
  };
}

/** A policy's JSON, shorter: its name and its parameters. */
function policyText(json: string): string {
  const { policy, ...parameters } = JSON.parse(json) as Record<string, unknown>;
  const named = Object.entries(parameters).map(([name, value]) => `${name} ${JSON.stringify(value)}`);
  return [String(policy), ...named].join(" ");
}

/** Each metric by arm: the control first, then the others with what they change, adjusted values below the raw ones. */
export function metricsTable({ metrics, control }: PhaseAnalysis, alpha: number): TextTable {
  const level = levelText(alpha);
  const head = ["metric", "arm", "per list", "lift", `${level} at the end`, `${level} at any time`, "p, adjusted"];
  const rows = (metrics ?? []).flatMap(({ metric, primary, arms, comparisons, cap, theta }) => {
    const name = primary ? `${metric} (primary)` : metric;
    const value = (arm: string): string => numberText(arms.find((one) => one.arm === arm)?.value ?? null);
    const line = (label: string, arm: string, per: string, lift: Interval, p: string): string[] => [
      label,
      arm,
      per,
      percentText(lift.effect),
      intervalText(lift.fixed),
      intervalText(lift.sequential),
      p,
    ];
    const treated = comparisons.flatMap(({ arm, raw, winsorized, cuped, adjusted }) => {
      const p = pText(adjusted.fixed ?? adjusted.sequential);
      return [
        line(name, arm, value(arm), raw.lift, cuped ? "" : p),
        ...(winsorized ? [line(`  capped at ${numberText(cap)} a unit`, arm, "", winsorized.lift, "")] : []),
        ...(cuped ? [line(`  CUPED, θ ${numberText(theta)}`, arm, "", cuped.lift, p)] : []),
      ];
    });
    const alone = arms.filter(({ arm }) => arm !== control && !comparisons.some((one) => one.arm === arm));
    return [
      [name, control, value(control), "", "", "", ""],
      ...treated,
      ...alone.map(({ arm }) => [name, arm, value(arm), NONE, NONE, NONE, NONE]),
    ];
  });
  return { head, rows };
}

export function guardRailsTable({ guardRails }: PhaseAnalysis): TextTable {
  return {
    head: ["guard-rail", "arm", "control", "treatment", "difference", "p, one-sided", ""],
    rows: guardRails.map(({ guardRail, arm, control, treatment, effect, p, harmed }) => [
      guardRail,
      arm,
      numberText(control),
      numberText(treatment),
      numberText(effect),
      pText(p),
      harmed ? "harmed" : "",
    ]),
  };
}

export function segmentsTable({ segments }: PhaseAnalysis): TextTable {
  return {
    head: ["segment", "value", "arm", "units", "lift", "at the end", "at any time", "p, adjusted"],
    rows: segments.map(({ segment, value, arm, units, lift, adjusted }) => [
      segment,
      value,
      arm,
      countText(units),
      percentText(lift.effect),
      intervalText(lift.fixed),
      intervalText(lift.sequential),
      pText(adjusted.fixed ?? adjusted.sequential),
    ]),
  };
}

export function versionsTable({ versions }: PhaseAnalysis): TextTable {
  return {
    head: ["arm", "model", "of its lists", "units", "lift", "at the end", "at any time"],
    rows: versions.map(({ arm, model, share, units, lift }) => [
      arm,
      model,
      percentText(share, 1),
      countText(units),
      percentText(lift.effect),
      intervalText(lift.fixed),
      intervalText(lift.sequential),
    ]),
  };
}

/** Where lines, lists and events went. Each row is a part of the one before that is not indented. */
export function funnelTable(log: LogSummary, { funnel }: PhaseAnalysis): TextTable {
  const row = (name: string, count: number, of: number | null): string[] => [
    name,
    countText(count),
    of === null || of === 0 ? "" : percentText(count / of),
  ];
  const { flagged, events } = funnel;
  return {
    head: ["", "number", "share"],
    rows: [
      row("lines", log.lines, null),
      row("  bad", log.bad, log.lines),
      row("exposures", log.exposures, null),
      row("  again", log.duplicateExposures, log.exposures),
      row("events", log.events, null),
      row("  again", log.duplicateEvents, log.events),
      row("  whose exposure is lost", log.orphanEvents, log.events - log.duplicateEvents),
      row("lists of this phase", funnel.lists, null),
      ...Object.entries(flagged).map(([name, count]) => row(`  ${name}`, count, funnel.lists)),
      row("  of units in two arms", funnel.listsInTwoArms, funnel.lists),
      row("lists that count", funnel.counted, funnel.lists),
      row("their events", events.events, null),
      row("  late", events.late, events.events),
      row("  of items not shown", events.foreign, events.events),
    ],
  };
}

/** Why a phase has no result. */
export function leftOutText({ phase, funnel }: LeftOutPhase): string {
  const reasons = Object.entries({ ...funnel.flagged, "of units in two arms": funnel.listsInTwoArms });
  const named = reasons.filter(([, count]) => count > 0).map(([name, count]) => `${countText(count)} ${name}`);
  return `phase ${phase} is left out: none of its ${countText(funnel.lists)} lists counts (${named.join(", ")})`;
}

/** Parts of the lists where a mismatch would be, the most suspicious first. */
export function mismatchTable({ soundness, arms }: PhaseAnalysis, most: number): TextTable {
  const names = arms.map(({ arm }) => arm);
  return {
    head: ["segment", "value", ...names, "units, p", "lists a unit, p"],
    rows: soundness.segments
      .slice(0, most)
      .map(({ segment, value, units, p, listsP }) => [
        segment,
        value,
        ...names.map((arm) => countText(units[arm] ?? 0)),
        pText(p),
        pText(listsP),
      ]),
  };
}

export function interleavingTable({ interleaving }: PhaseAnalysis, alpha: number): TextTable {
  const level = levelText(alpha);
  return {
    head: ["arm", "rival", "units for its own", "for the rival", "ties", "p", "credit of the rival", level],
    rows: interleaving.map(({ arm, rival, own, forRival, ties, p, credit, low, high }) => [
      arm,
      rival,
      countText(own),
      countText(forRival),
      countText(ties),
      pText(p),
      percentText(credit),
      intervalText({ low, high }),
    ]),
  };
}

export function offPolicyTable({ offPolicy }: PhaseAnalysis): TextTable {
  return {
    head: ["traffic of", "ordered by", "of a", "estimator", "value", "interval", "ESS", "largest weight"],
    rows: offPolicy.flatMap(({ arm, target, slot, observed, estimates, refused }) => {
      if (refused !== null) return [[arm, target, "", refused, NONE, NONE, NONE, NONE]];
      const rows = estimates.map((found) => [
        ...[arm, target, slot, found.refused === null ? found.estimator : `${found.estimator}: ${found.refused}`],
        numberText(found.value),
        found.normal ? found.normal.map((end) => numberText(end)).join(" to ") : NONE,
        found.effectiveSize === null ? NONE : found.effectiveSize.toFixed(0),
        found.largestWeight === null ? NONE : found.largestWeight.toFixed(1),
      ]);
      return [[arm, "as it was", slot, "observed", numberText(observed), "", "", ""], ...rows];
    }),
  };
}

export function plannerTable({ planner, plannedUnits }: PhaseAnalysis): TextTable {
  return {
    head: ["lift to find", "arm", "power", "units of both arms"],
    rows: [
      ...planner.map(({ lift, arm, power, units }) => [
        percentText(lift),
        arm,
        percentText(power, 0),
        countText(units),
      ]),
      ...(plannedUnits === null ? [] : [["planned for all arms", "", "", countText(plannedUnits)]]),
    ],
  };
}
