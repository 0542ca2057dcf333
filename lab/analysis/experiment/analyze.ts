import { FormatError, show } from "../../../format/errors.ts";
import { literal, wholeText } from "../../../trainer/data/sql.ts";
import { ExperimentLog } from "../log/experiment-log.ts";
import type { AnalysisOptions } from "./analyze-options.ts";
import { analyzePhase } from "./phase.ts";
import { contextFieldsOf } from "./plan.ts";
import { ANALYSIS_VERSION, type Analysis, type LogSummary } from "./result.ts";

/** Bad lines that are named. */
const NAMED_LINES = 10;

/**
 * Judges an experiment by its log. Throws FormatError where the log has no exposure, has several experiments and the
 * plan names none, or has not the one that it names.
 */
export async function analyzeExperiment(options: AnalysisOptions): Promise<Analysis> {
  const { logs, plan, temporary } = options;
  await using log = await ExperimentLog.open(logs, {
    contextFields: contextFieldsOf(plan),
    ...(temporary !== undefined && { temporary }),
  });
  const name = logs.join(", ");
  const { experiment, others } = await chosenExperiment(log, plan.experiment, name);
  const rows = await log.lines.rows<{ phase: string }>(
    `SELECT phase, min(t) AS first FROM exposure WHERE x = ${literal(experiment)} GROUP BY phase ORDER BY first, phase`,
  );
  const known = rows.map(({ phase }) => phase);
  if (options.phase !== undefined && !known.includes(options.phase))
    throw new FormatError(name, `got no line of phase ${show(options.phase)}, expected one of ${known.join(", ")}`);
  const phases: Analysis["phases"] = [];
  const leftOut: Analysis["leftOut"] = [];
  const asked = options.phase === undefined ? known : [options.phase];
  for (const phase of asked) {
    const analysis = await analyzePhase(log.lines, { ...options, experiment, phase, isOnly: asked.length === 1 });
    if ("soundness" in analysis) phases.push(analysis);
    else leftOut.push(analysis);
  }
  if (phases.length === 0)
    throw new FormatError(name, `got no list of ${experiment} that counts: all are flagged, or of units in two arms`);
  const summary = await logSummary(log);
  log.lines.checkUnchanged();
  return {
    version: ANALYSIS_VERSION,
    experiment,
    alpha: plan.alpha,
    log: summary,
    otherExperiments: others,
    phases,
    leftOut,
  };
}

/** The experiment that a log is to be read for, and those that it has besides. */
async function chosenExperiment(
  log: ExperimentLog,
  asked: string | undefined,
  name: string,
): Promise<{ experiment: string; others: string[] }> {
  const rows = await log.lines.rows<{ x: string }>(`SELECT DISTINCT ${wholeText("x")} AS x FROM exposure ORDER BY x`);
  const names = rows.map(({ x }) => x);
  if (names.length === 0) {
    const [bad] = await log.badLines(1);
    throw new FormatError(
      bad?.place ?? name,
      bad ? `no line of the log is a good exposure; the first: ${bad.problem}` : "got no exposure, expected some",
    );
  }
  const [first, ...more] = names;
  if (asked === undefined && more.length > 0)
    throw new FormatError(name, `got the experiments ${names.map(show).join(", ")}, expected to be told which`);
  const experiment = asked ?? first;
  if (!names.includes(experiment))
    throw new FormatError(name, `got no line of ${show(experiment)}, expected one of ${names.map(show).join(", ")}`);
  return { experiment, others: names.filter((other) => other !== experiment) };
}

async function logSummary(log: ExperimentLog): Promise<LogSummary> {
  const { lines, counts } = log;
  const { orphans, keep } = await lines.row<{ orphans: number; keep: number }>(
    `SELECT (SELECT count(*) FROM event ANTI JOIN exposure USING (id)) AS orphans,
       (SELECT min(keep) FROM exposure) AS keep`,
  );
  const events = counts.events - counts.duplicateEvents;
  return {
    files: lines.files.length,
    copied: [...lines.copied],
    ...counts,
    badLines: counts.bad > 0 ? await log.badLines(NAMED_LINES) : [],
    orphanEvents: orphans,
    // Where units are sampled, events of those that are not kept have no exposure either.
    lostShare: keep === 1 && events > 0 ? orphans / events : null,
  };
}
