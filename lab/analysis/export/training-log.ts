import { FormatError, show } from "../../../format/errors.ts";
import type { FeatureSpec } from "../../../format/spec.ts";
import { checkNotRead } from "../../../trainer/data/files.ts";
import { wholeText } from "../../../trainer/data/sql.ts";
import { UserError } from "../../../trainer/errors.ts";
import { WholeFile } from "../../../trainer/io/files.ts";
import { checkResultPlace, type ResultKind } from "../../../trainer/io/result-file.ts";
import { makeWholeCohort } from "../experiment/cohort.ts";
import { ExperimentLog } from "../log/experiment-log.ts";
import { exposuresOf } from "../log/exposure-lines.ts";
import { foldOf } from "./folds.ts";
import { RecordColumns, readCatalogue } from "./record-columns.ts";
import { type Labels, trainingRecords } from "./training-records.ts";

// A click log out of exposures and events: a record for each item of a list that may have been seen, with the columns
// of a feature spec.

export interface TrainingLogOptions {
  logs: readonly string[];
  spec: FeatureSpec;
  /** Where the log is written, as JSON lines. */
  out: string;
  /** The catalogue that has the columns of items, by the spec's item field. */
  items?: readonly string[] | undefined;
  labels: Labels;
  /** Whether records have a column of weights. */
  weights: boolean;
  /** The first slots of a list that may have been seen. */
  slots: number;
  /** Only this experiment; all of them by default. */
  experiment?: string | undefined;
  /** Only these arms; all of them by default. */
  arms?: readonly string[] | undefined;
  /** Leaves out the units of one of so many folds, counted from 0, for a model that is to judge these. */
  withoutFold?: { fold: number; folds: number } | undefined;
  temporary?: string | undefined;
}

/** What an arm gave. */
export interface ArmRecords {
  arm: string;
  lists: number;
  records: number;
  clicks: number;
}

export interface TrainingLogSummary {
  arms: ArmRecords[];
  /** Lines that the schema of exposures refuses, or whose items the catalogue lacks, are none of the log. */
  refusedLines: number;
  unknownItems: number;
  warnings: string[];
}

/** Writes the log. Throws FormatError where there is no list to learn from, and UserError where the spec cannot be. */
export async function exportTrainingLog(options: TrainingLogOptions): Promise<TrainingLogSummary> {
  const { logs, spec, out, experiment, arms, weights, withoutFold } = options;
  if (Object.keys(spec.data.select).length > 0)
    throw new UserError("got a spec with data.select, expected one whose fields read columns as they are logged");
  checkResultPlace(out, recordsOf(spec));
  const columns = new RecordColumns(spec, weights);
  await using log = await ExperimentLog.open(logs, options.temporary ? { temporary: options.temporary } : {});
  checkNotRead(out, [...log.lines.files, ...(options.items ?? [])]);
  await makeWholeCohort(log.lines, experiment);
  await checkAsked(log, options);
  const catalogue = options.items ? await readCatalogue(spec, options.items) : null;
  const clicks = await clickedSlots(log);
  const byArm = new Map<string, ArmRecords>();
  const summary: TrainingLogSummary = { arms: [], refusedLines: 0, unknownItems: 0, warnings: [] };
  /** An item that the catalogue lacks. */
  let unknown: string | undefined;
  using file = new WholeFile(out);
  for await (const exposure of exposuresOf(log.lines, "SELECT row FROM list")) {
    if (exposure === null) {
      summary.refusedLines++;
      continue;
    }
    if (arms && !arms.includes(exposure.arm)) continue;
    if (withoutFold && foldOf(exposure.u, withoutFold.folds) === withoutFold.fold) continue;
    const own = byArm.get(exposure.arm) ?? { arm: exposure.arm, lists: 0, records: 0, clicks: 0 };
    byArm.set(exposure.arm, own);
    own.lists++;
    for (const record of trainingRecords(exposure, clicks.get(exposure.id) ?? NOTHING, options)) {
      const item = catalogue ? catalogue.get(exposure.cand[record.item]) : {};
      if (item === undefined) {
        summary.unknownItems++;
        unknown ??= exposure.cand[record.item];
        continue;
      }
      file.write(`${JSON.stringify(columns.record(exposure, record, item))}\n`);
      own.records++;
      own.clicks += record.label;
    }
  }
  summary.arms = [...byArm.values()].sort((a, b) => (a.arm < b.arm ? -1 : 1));
  if (!summary.arms.some(({ records }) => records > 0)) {
    const items = `items that the catalogue does not have, such as ${show(unknown)}, expected some that it has`;
    throw new FormatError(
      logs.join(", "),
      unknown === undefined ? "got no list to learn from" : `got lists of ${items}`,
    );
  }
  log.lines.checkUnchanged();
  file.finish();
  summary.warnings = columns.absent.map((name) => `no list has the column ${show(name)}: it is missing in all records`);
  if (weights && spec.data.weight === undefined)
    summary.warnings.push(
      'the spec has no data.weight: what is trained by it takes no weights, unless it says "weight": "weight" there',
    );
  const [bad] = await log.badLines(1);
  const lines = log.counts.bad === 1 ? "1 bad line is" : `${log.counts.bad} bad lines are`;
  if (bad) summary.warnings.push(`${lines} left out; the first: ${bad.place}: ${bad.problem}`);
  return summary;
}

/** Throws FormatError where the experiment or an arm that is asked for has no list. */
async function checkAsked(
  { lines }: ExperimentLog,
  { logs, experiment, arms = [] }: TrainingLogOptions,
): Promise<void> {
  const check = async (what: string, asked: readonly string[], column: string, from: string): Promise<void> => {
    if (asked.length === 0) return;
    const rows = await lines.rows<{ name: string }>(
      `SELECT DISTINCT ${wholeText(column)} AS name FROM ${from} ORDER BY name`,
    );
    const names = rows.map(({ name }) => name);
    const missing = asked.find((name) => !names.includes(name));
    if (missing === undefined) return;
    const known = names.map(show).join(", ") || "none";
    throw new FormatError(logs.join(", "), `got no list of the ${what} ${show(missing)}, expected one of ${known}`);
  };
  await check("experiment", experiment === undefined ? [] : [experiment], "x", "exposure");
  await check("arm", arms, "arm", "list");
}

/** What is written: records of lists begin with their label, and say further on what their list was. */
function recordsOf({ label }: FeatureSpec): ResultKind {
  const isOne = (begin: string): boolean =>
    begin.startsWith(`{${JSON.stringify(label)}:`) && ['"arm":', '"slot":'].every((key) => begin.includes(key));
  return { what: "log of logs export", isOne };
}

const NOTHING: ReadonlySet<number> = new Set();

async function clickedSlots({ lines }: ExperimentLog): Promise<Map<string, Set<number>>> {
  const rows = await lines.rows<{ id: string; slot: number }>("SELECT id, slot FROM outcome WHERE type = 'click'");
  const slots = new Map<string, Set<number>>();
  for (const { id, slot } of rows) slots.set(id, (slots.get(id) ?? new Set()).add(slot));
  return slots;
}
