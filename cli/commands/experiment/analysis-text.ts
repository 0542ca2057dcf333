import { counted } from "../../../format/counted.ts";
import type { Analysis, PhaseAnalysis } from "../../../lab/analysis/experiment/result.ts";
import {
  armsTable,
  funnelTable,
  guardRailsTable,
  interleavingTable,
  leftOutText,
  metricsTable,
  mismatchTable,
  offPolicyTable,
  plannerTable,
  pText,
  segmentsTable,
  type TextTable,
  versionsTable,
} from "../../../lab/report/experiment-tables.ts";
import { printable, table } from "../../../trainer/terminal/table.ts";

/** Parts of the lists that are shown where an experiment is not sound. */
const SHOWN_SEGMENTS = 8;

/** An analysis as a terminal shows it. */
export function analysisText(analysis: Analysis): string {
  const { experiment, log, phases, alpha } = analysis;
  const parts = phases.map((phase) => phaseText(phase, analysis, alpha));
  const bad = log.badLines.map(({ place, problem }) => `${place}: ${problem}`);
  const lines = [
    ...parts,
    ...analysis.leftOut.map((phase) => `note: ${leftOutText(phase)}`),
    ...(bad.length > 0 ? [`${log.bad} bad ${log.bad === 1 ? "line" : "lines"} of ${experiment}'s log:`, ...bad] : []),
    ...(log.copied.length > 0 ? [`read without their damaged lines: ${log.copied.join(", ")}`] : []),
  ];
  return printable(lines.join("\n"));
}

function phaseText(phase: PhaseAnalysis, { experiment, log }: Analysis, alpha: number): string {
  const { soundness, warnings, replay } = phase;
  const days = `${phase.from.slice(0, 10)} to ${phase.to.slice(0, 10)}`;
  return [
    `${experiment}, phase ${phase.phase}, ${days}`,
    ...warnings.map((warning) => `note: ${warning}`),
    text(armsTable(phase)),
    ratioText(phase),
    ...(soundness.sound ? [] : [text(mismatchTable(phase, SHOWN_SEGMENTS))]),
    ...(phase.metrics === null
      ? ["No metric is shown: the arms' units are not alike. --in-spite-of-srm shows them all the same."]
      : [text(metricsTable(phase, alpha)), endText(phase)]),
    ...[versionsTable, segmentsTable, guardRailsTable, interleavingTable, offPolicyTable, plannerTable]
      .map((make) => make(phase, alpha))
      .filter(({ rows }) => rows.length > 0)
      .map(text),
    text(funnelTable(log, phase)),
    replayText(replay),
  ].join("\n");
}

function ratioText({ soundness }: PhaseAnalysis): string {
  const { ratio, sequentialP, reasons, sound, bucketsInTwoArms, movedUnits } = soundness;
  const tests = ratio ? `sample ratio: χ² p = ${pText(ratio.p)}, at any look p = ${pText(sequentialP)}` : "one arm";
  return [
    sound ? `${tests}; sound` : `${tests}; NOT SOUND`,
    ...reasons,
    ...(bucketsInTwoArms > 0
      ? [`${counted(bucketsInTwoArms, "bucket")} in two arms: weights were changed in this phase`]
      : []),
    ...(movedUnits > 0 ? [`${counted(movedUnits, "unit")} from another arm: new weights need a new seed`] : []),
  ].join("\n  ");
}

function endText({ plannedUnits, arms }: PhaseAnalysis): string {
  const units = arms.reduce((sum, arm) => sum + arm.units, 0);
  if (plannedUnits === null) return "Without planned units only the test at any time may be looked at.";
  if (units >= plannedUnits)
    return `The planned ${plannedUnits} units are there: the fixed test may be looked at, once.`;
  return `${units} of ${plannedUnits} planned units are there: only the test at any time may be looked at.`;
}

function replayText({ replayed, orders, propensities, skipped, examples }: PhaseAnalysis["replay"]): string {
  if (replayed + skipped === 0) return "replay: no line was ordered by a policy";
  const wrong = orders + propensities;
  const left = skipped > 0 ? `, ${skipped} could not be` : "";
  if (wrong === 0)
    return `replay: ${counted(replayed, "line")} drawn again ${replayed === 1 ? "is" : "are"} as logged${left}`;
  return (
    `replay: of ${counted(replayed, "line")} drawn again, ${orders} have another order and ${propensities} other ` +
    `probabilities${left}: ${examples.join(", ")}`
  );
}

function text({ head, rows }: TextTable): string {
  return table(head, rows);
}
