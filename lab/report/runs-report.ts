import { fixed, intervalText, precise } from "../../trainer/metrics/evaluation.ts";
import { chart } from "./chart.ts";
import { type Difference, differences } from "./differences.ts";
import { shortened } from "./label.ts";
import { type Curve, curveFigure } from "./learning-curves.ts";
import {
  ACCENT,
  escapeHtml,
  type Figure,
  figures,
  htmlTable,
  longTable,
  note,
  page,
  SERIES,
  type Section,
} from "./page.ts";
import { rateText } from "./probability-axis.ts";
import { quantizationHtml } from "./quantization-report.ts";
import { LOGS, type ReadRun, type SavedEpoch, type SavedEvaluation } from "./saved-run.ts";

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
  const described = runs.map(({ run: { spec, backend, device, threads, versions } }) => {
    const { $schema, ...settings } = spec;
    return { ...settings, ...{ backend, device, threads, versions } };
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
      `${run.name} has ${records.toLocaleString("en")} records with a click rate of ${rateText(clickRate)}`;
    return [`The ${log} logs differ, so the metrics on them cannot be compared: ${text(first)}, ${text(other)}.`];
  });
}

/** The report of existing runs, side by side. */
export async function runsReport(runs: readonly ReadRun[]): Promise<string> {
  const metrics = metricsTable(runs);
  const settings = settingsTable(runs);
  const warnings = unlikeLogs(runs).map(note).join("");
  const list = [...(await Promise.all(LOGS.map((log) => aucFigure(runs, log)))), ...(await curves(runs))];
  const sections: Section[] = [
    { title: "Metrics", html: warnings + htmlTable(metrics.head, metrics.rows, "Metrics of each run") },
    { title: "Figures", html: figures(list.filter((figure) => figure !== null)) },
  ];
  if (runs.length > 1) {
    const none = note("All settings are equal, and so are the software and the machine.");
    const table = longTable(settings.head, settings.rows, "Settings that differ");
    sections.push({ title: "Settings that differ", html: settings.rows.length > 0 ? table : none });
  }
  const losses = await exportsHtml(runs);
  if (losses !== "") sections.push({ title: "What quantization loses", html: losses });
  const models = new Set(runs.map(({ run }) => run.spec.name));
  const title = runs.length === 1 ? `The run ${runs[0].name}` : `${runs.length} runs side by side`;
  return page(title, `Of ${models.size === 1 ? "the model" : "the models"} ${[...models].join(", ")}.`, sections);
}

/** What quantization loses in each run that was exported; an empty text where none was. */
async function exportsHtml(runs: readonly ReadRun[]): Promise<string> {
  const parts: string[] = [];
  for (const { name, quantization } of runs) {
    if (!quantization) continue;
    parts.push(runs.length > 1 ? `<h3 class="part">${escapeHtml(name)}</h3>` : "");
    parts.push(await quantizationHtml(name, quantization));
  }
  return parts.join("");
}

/** How many runs are drawn: as many as there are colors to tell them by. */
const MOST_CURVES = SERIES.length;

/** Curves of the runs over each other; of many runs, those of the best. */
async function curves(runs: readonly ReadRun[]): Promise<(Figure | null)[]> {
  const trained = runs.filter(({ epochs }) => epochs.length > 0);
  const best = ({ epochs }: ReadRun): number => Math.min(...epochs.map(({ logloss }) => logloss));
  const drawn =
    trained.length <= MOST_CURVES ? trained : trained.toSorted((a, b) => best(a) - best(b)).slice(0, MOST_CURVES);
  const which = drawn.length < trained.length ? `The ${drawn.length} runs of the lowest logloss. ` : "";
  const curvesOf = (of: (epoch: SavedEpoch) => number, marked: boolean): Curve[] =>
    drawn.map(({ name, run, epochs }) => ({
      name,
      points: epochs.map((epoch) => ({ epoch: epoch.epoch, value: of(epoch) })),
      ...(marked && { kept: run.valid?.epoch }),
    }));
  const keptNote = `${which}${drawn.length > 1 ? "Ringed" : "Dashes"}: the epoch whose weights were kept.`;
  return [
    await curveFigure(
      curvesOf(({ auc }) => auc, true),
      { title: "Validation AUC", note: keptNote, worst: "low" },
    ),
    await curveFigure(
      curvesOf(({ logloss }) => logloss, true),
      { title: "Validation logloss", note: keptNote, worst: "high" },
    ),
    await curveFigure(
      curvesOf(({ loss }) => loss, false),
      { title: "Training loss", note: which, worst: "high" },
    ),
  ];
}

/** AUC of each run on a log, with its interval; null where fewer than two runs have one. */
async function aucFigure(runs: readonly ReadRun[], log: (typeof LOGS)[number]): Promise<Figure | null> {
  const values = runs.flatMap((run, rank) => {
    const saved = run.evaluation?.[log];
    return saved?.aucInterval ? [{ rank, label: shortened(run.name), auc: saved.auc, ...saved.aucInterval }] : [];
  });
  if (values.length < 2) return null;
  const y = { field: "rank", type: "ordinal", sort: null, axis: null } as const;
  const axis = { grid: true, tickCount: 5 };
  const x = { type: "quantitative", title: null, scale: { zero: false, padding: 10 }, axis } as const;
  const svg = await chart(
    [
      {
        data: { values },
        mark: { type: "text", align: "right", baseline: "middle", fontSize: 11, fill: "var(--muted)" },
        encoding: { y, x: { value: -8 }, text: { field: "label" } },
      },
      {
        data: { values },
        mark: { type: "rule", stroke: ACCENT, strokeWidth: 2, strokeOpacity: 0.5 },
        encoding: { y, x: { field: "low", ...x }, x2: { field: "high" } },
      },
      {
        data: { values },
        mark: { type: "circle", fill: ACCENT, size: 70, opacity: 1 },
        encoding: { y, x: { field: "auc", ...x } },
      },
    ],
    {
      description: `AUC on ${log}: ${values.map(({ label, auc }) => `${label} ${auc.toFixed(4)}`).join("; ")}.`,
      height: 24 * values.length,
      left: 112,
    },
  );
  const title = `AUC on ${log}`;
  const reading =
    "Lines: 95 % intervals (DeLong) of each run alone. Runs on the same records differ by less than these say.";
  return { title, note: reading, svg };
}
