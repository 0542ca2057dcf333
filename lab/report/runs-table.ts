import { counted } from "../../format/counted.ts";
import { fixed, intervalText, precise } from "../../trainer/metrics/evaluation.ts";
import { type Difference, differences } from "./differences.ts";
import { rateText } from "./probability-axis.ts";
import { LOGS, type ReadRun, type SavedEvaluation } from "./saved-run.ts";

/** A table of runs side by side: a column for each run. */
export interface RunsTable {
  head: string[];
  rows: string[][];
}

/** Metrics of each log, and how the training went. */
export function metricsTable(runs: readonly ReadRun[]): RunsTable {
  const row = (name: string, of: (run: ReadRun) => string): string[] => [name, ...runs.map(of)];
  const kept = ({ run: { valid }, epochs }: ReadRun): string =>
    valid ? `${valid.epoch} of ${epochs.length}` : `${epochs.length}, not finished`;
  const rows = [
    row("model", ({ run }) => run.spec.model.type),
    ...LOGS.flatMap((log) => logRows(runs, log)),
    row("epoch kept", kept),
    row("training time, s", ({ epochs }) =>
      fixed(
        epochs.reduce((sum, { seconds }) => sum + seconds, 0),
        1,
      ),
    ),
  ];
  return { head: ["", ...runs.map(({ name }) => name)], rows };
}

/** The metrics of one log; none where no run has been evaluated on it. */
function logRows(runs: readonly ReadRun[], log: (typeof LOGS)[number]): string[][] {
  const row = (name: string, text: (evaluation: SavedEvaluation) => string): string[] => [
    `${log}: ${name}`,
    ...runs.map((run) => {
      const evaluation = evaluationOf(run, log);
      return evaluation ? text(evaluation) : "–";
    }),
  ];
  const all = [
    row("AUC", ({ auc }) => fixed(auc, 5)),
    row("AUC, 95 % interval", ({ aucInterval }) => intervalText(aucInterval, 5)),
    row("logloss", ({ logloss }) => precise(logloss, 5)),
    row("relative information gain", ({ relativeInformationGain }) => fixed(relativeInformationGain, 5)),
    row("calibration (predicted / observed)", ({ calibrationRatio }) => fixed(calibrationRatio, 4)),
    row("ECE", ({ eceEqualFrequency }) => precise(eceEqualFrequency, 5)),
    row("records", ({ records }) => (Number.isFinite(records) ? records.toLocaleString("en") : "–")),
    row("click rate", ({ clickRate }) => rateText(clickRate)),
    row("log", ({ log: name }) => name),
  ];
  return all.filter(([, ...cells]) => cells.some((cell) => cell !== "–" && cell !== ""));
}

/** A run's metrics on a log; of a run that was not evaluated, those of the epoch that was kept. */
function evaluationOf({ run, evaluation }: ReadRun, log: (typeof LOGS)[number]): SavedEvaluation | null {
  const saved = evaluation?.[log];
  if (saved || log === "test" || evaluation || !run.valid) return saved ?? null;
  const unknown = Number.NaN;
  return {
    ...{ log: "", records: unknown, clickRate: unknown, aucInterval: null, relativeInformationGain: unknown },
    ...{ calibrationRatio: unknown, eceEqualFrequency: unknown },
    ...{ auc: run.valid.auc, logloss: run.valid.logloss },
  };
}

/** The settings that differ, and what else may explain a difference: the software and the machine. */
export function settingsTable(runs: readonly ReadRun[]): RunsTable {
  const described = runs.map(({ run: { spec, engine, backend, device, threads, versions, variables } }) => {
    const { $schema, ...settings } = spec;
    return { ...settings, ...{ engine, backend, device, threads, versions }, ...(variables && { variables }) };
  });
  const rows = differences(described).map(({ path, values }: Difference) => [path, ...values]);
  return { head: ["setting", ...runs.map(({ name }) => name)], rows };
}

/** Says where runs were evaluated on logs that differ, so that their metrics are not of one thing. */
export function unlikeLogs(runs: readonly ReadRun[]): string[] {
  return LOGS.flatMap((log) => {
    const evaluated = runs.flatMap((run) => {
      const saved = run.evaluation?.[log];
      return saved ? [{ run, records: saved.records, clickRate: saved.clickRate }] : [];
    });
    const [first, ...others] = evaluated;
    const other = others.find(({ records, clickRate }) => records !== first?.records || clickRate !== first.clickRate);
    if (!first || !other) return [];
    const text = ({ run, records, clickRate }: typeof first): string =>
      `${run.name} has ${counted(records, "record")} with a click rate of ${rateText(clickRate)}`;
    return [`The ${log} logs differ, so the metrics on them cannot be compared: ${text(first)}, ${text(other)}.`];
  });
}
