import { counted } from "../../format/counted.ts";
import { decisiveLift } from "../analysis/experiment/metric-results.ts";
import type { Analysis, PhaseAnalysis } from "../analysis/experiment/result.ts";
import type { Comparison } from "../analysis/experiment/result-metrics.ts";
import { MIN_SEQUENTIAL_UNITS } from "../analysis/sequential.ts";
import { funnelFigure, liftFigure, liftOverTime, ratioOverTime, unitsOverTime } from "./experiment-figures.ts";
import {
  armsTable,
  funnelTable,
  guardRailsTable,
  interleavingTable,
  intervalText,
  leftOutText,
  metricsTable,
  mismatchTable,
  offPolicyTable,
  percentText,
  plannerTable,
  pText,
  segmentsTable,
  type TextTable,
  versionsTable,
} from "./experiment-tables.ts";
import {
  escapeHtml,
  type Figure,
  facts,
  figures,
  htmlTable,
  longTable,
  note,
  page,
  type Section,
  tiles,
} from "./page.ts";

/** Parts of the lists where a mismatch is looked for. */
const MOST_MISMATCHES = 100;

/** An analyzed experiment as one HTML file, which needs no script to be read. */
export async function experimentReport(analysis: Analysis): Promise<string> {
  const { experiment, phases, leftOut, log } = analysis;
  const sections: Section[] = [];
  // The last phase is what one has come for.
  for (const phase of phases.toReversed()) sections.push(...(await phaseSections(phase, analysis)));
  if (leftOut.length > 0)
    sections.push({ title: "Phases that are left out", html: listHtml(leftOut.map(leftOutText)) });
  if (log.badLines.length > 0)
    sections.push({
      title: "Bad lines",
      html: `${note(`The first of ${log.bad}.`)}${facts(
        log.badLines.map(({ place, problem }) => [place, problem] as const),
        "Bad lines",
      )}`,
    });
  const count = phases.length === 1 ? "one phase" : `${phases.length} phases, whose numbers are never added up`;
  // A phase may end after the next one began.
  const last = phases.map(({ to }) => Date.parse(to)).reduce((a, b) => Math.max(a, b), 0);
  const from = phases[0]?.from.slice(0, 10);
  const to = new Date(last).toISOString().slice(0, 10);
  return page(
    "experiment analyze",
    `${experiment}: an experiment`,
    `${from} to ${to}, ${count}, α ${analysis.alpha}.`,
    sections,
  );
}

async function phaseSections(phase: PhaseAnalysis, analysis: Analysis): Promise<Section[]> {
  const several = analysis.phases.length > 1;
  const title = (text: string): string => (several ? `${text}, phase ${phase.phase}` : text);
  const { metrics, replay } = phase;
  const funnel = funnelTable(analysis.log, phase);
  const sections: (Section | null)[] = [
    { title: title("Result"), html: headline(phase) + listHtml(phase.warnings) },
    { title: title("Can it be believed?"), html: await soundnessHtml(phase) },
    metrics === null ? null : { title: title("Which arm is better?"), html: await metricsHtml(phase, analysis.alpha) },
    tableSection(title("Versions of floating models"), versionsTable(phase), [0, 1], VERSIONS),
    tableSection(title("Segments"), segmentsTable(phase), [0, 1, 2], SEGMENTS, await segmentFigures(phase)),
    tableSection(title("Guard-rails"), guardRailsTable(phase), [0, 1, 6], GUARDS),
    tableSection(title("Interleaving"), interleavingTable(phase, analysis.alpha), [0, 1], INTERLEAVED),
    tableSection(title("What another policy would have earned"), offPolicyTable(phase), [0, 1, 2, 3], OFF_POLICY),
    tableSection(title("Units for an effect"), plannerTable(phase), [1], PLANNED),
    {
      title: title("What was left out"),
      html:
        figures([await funnelFigure(analysis.log, phase.funnel)]) +
        longTable(funnel.head, funnel.rows, "What was left out"),
    },
    {
      title: title("Replay"),
      html: facts(
        [
          ["lines drawn again from seed, ids and logits", String(replay.replayed)],
          ["with another order than logged", String(replay.orders)],
          ["with other probabilities", String(replay.propensities)],
          ["that could not be drawn again", String(replay.skipped)],
          ...(replay.examples.length > 0 ? [["that differ", replay.examples.join(", ")] as const] : []),
        ],
        "Replay",
      ),
    },
  ];
  return sections.filter((section) => section !== null);
}

const VERSIONS = "While each version served, against the control's lists of the same times.";
const SEGMENTS = "The primary metric in parts of the lists. p-values are adjusted for the number of parts.";
const GUARDS = "What must not get worse, tested on one side.";
const INTERLEAVED = "Both models drafted the lists. A unit prefers the model whose items it clicks more often.";
const OFF_POLICY =
  "By importance weights on the lists that the arm's policy drew: clicks in the slots that chance decides. A small " +
  "ESS means that few lists decide.";
const PLANNED = "For the primary metric, by this log's variance.";

function headline(phase: PhaseAnalysis): string {
  const { arms, soundness, metrics } = phase;
  const sum = (of: "units" | "lists"): string => arms.reduce((total, arm) => total + arm[of], 0).toLocaleString("en");
  const primary = metrics?.find((metric) => metric.primary);
  const lifts = (primary?.comparisons ?? []).map((comparison) => {
    const lift = decisiveLift(comparison);
    const interval = lift.fixed ?? lift.sequential;
    const kind = lift.fixed ? "at the planned end" : "at any time";
    const known = interval?.low == null ? `p ${pText(interval?.p)}` : intervalText(interval);
    const detail = interval ? `${known} ${kind}` : untestedText(comparison, phase);
    return [`${primary?.metric}: lift of ${comparison.arm}`, percentText(lift.effect), detail] as const;
  });
  return tiles([
    ["can it be believed?", soundness.sound ? "yes" : "no", soundness.sound ? "no unit is missing" : "see below"],
    ...lifts,
    ["units", sum("units"), phase.plannedUnits === null ? "no number is planned" : `of ${phase.plannedUnits} planned`],
    ["lists", sum("lists"), `${counted(arms.length, "arm")}, the control is ${phase.control}`],
  ]);
}

/** Why a lift has no test. */
function untestedText(comparison: Comparison, { arms, control }: PhaseAnalysis): string {
  const both = arms.filter(({ arm }) => arm === control || arm === comparison.arm);
  if (both.some(({ units }) => units < MIN_SEQUENTIAL_UNITS)) return `below ${MIN_SEQUENTIAL_UNITS} units an arm`;
  return decisiveLift(comparison).effect === null ? `${control} has none` : "no unit differs from another";
}

function listHtml(list: readonly string[]): string {
  return list.length === 0
    ? ""
    : `<ul class="note">${list.map((text) => `<li>${escapeHtml(text)}</li>`).join("")}</ul>`;
}

async function soundnessHtml(phase: PhaseAnalysis): Promise<string> {
  const { soundness } = phase;
  const { ratio, sequentialP, twoArmsShare, bucketsInTwoArms, movedUnits, listsPerUnit, reasons } = soundness;
  const lists = listsPerUnit
    .filter(({ p }) => p !== null)
    .map(({ arm, ratio: times, p }): [string, string] => [
      `lists a unit of ${arm}`,
      `${times.toFixed(4)} times the control's, p ${pText(p)}`,
    ]);
  const found = [await ratioOverTime(phase), await unitsOverTime(phase)].filter((figure) => figure !== null);
  const arms = armsTable(phase);
  const mismatches = mismatchTable(phase, MOST_MISMATCHES);
  return [
    ...reasons.map((reason) => `<p><strong>${escapeHtml(reason)}</strong></p>`),
    figures(found),
    htmlTable(arms.head, arms.rows, "Arms", [7]),
    facts(
      [
        ["sample ratio, χ²", ratio ? `p ${pText(ratio.p)}` : "one arm"],
        ["sample ratio, at any look", `p ${pText(sequentialP)}`],
        ...lists,
        ["units in two arms", percentText(twoArmsShare)],
        ...(bucketsInTwoArms > 0 ? [["buckets in two arms", String(bucketsInTwoArms)] as const] : []),
        ...(movedUnits > 0 ? [["units that were in another arm before", String(movedUnits)] as const] : []),
      ],
      "Whether units or lines are missing",
    ),
    ...(mismatches.rows.length > 0
      ? [
          note("Where units or lists of an arm are missing, if any are: the least p-values first."),
          longTable(mismatches.head, mismatches.rows, "Sample ratio by segment", [0, 1]),
        ]
      : []),
  ].join("");
}

async function metricsHtml(phase: PhaseAnalysis, alpha: number): Promise<string> {
  const { head, rows } = metricsTable(phase, alpha);
  const metrics = phase.metrics ?? [];
  const list: (Figure | null)[] = [];
  for (const { metric, comparisons } of metrics) {
    const lifts = comparisons.map((comparison) => ({ name: comparison.arm, lift: decisiveLift(comparison) }));
    list.push(await liftFigure(`Lift of ${metric}`, lifts));
  }
  for (const { arm } of metrics[0]?.comparisons ?? []) list.push(await liftOverTime(phase, arm));
  const shown = list.filter((figure) => figure !== null);
  return (shown.length > 0 ? figures(shown) : "") + longTable(head, rows, "Metrics by arm", [0, 1]);
}

async function segmentFigures(phase: PhaseAnalysis): Promise<Figure[]> {
  const groups = Map.groupBy(phase.segments, ({ segment, arm }) => `Lift of ${arm} by ${segment}`);
  const list: (Figure | null)[] = [];
  for (const [title, own] of groups)
    list.push(
      await liftFigure(
        title,
        own.map(({ value, lift }) => ({ name: value, lift })),
      ),
    );
  return list.filter((figure) => figure !== null);
}

/** A section of a table; null where it has no row. */
function tableSection(
  title: string,
  { head, rows }: TextTable,
  text: readonly number[],
  about: string,
  drawn: readonly Figure[] = [],
): Section | null {
  if (rows.length === 0) return null;
  return { title, html: (drawn.length > 0 ? figures(drawn) : "") + note(about) + longTable(head, rows, title, text) };
}
