import { chart } from "./chart.ts";
import { LABEL_ROOM, shortened } from "./label.ts";
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
import { quantizationHtml } from "./quantization-report.ts";
import { metricsTable, settingsTable, unlikeLogs } from "./runs-table.ts";
import { LOGS, type ReadRun, type SavedEpoch } from "./saved-run.ts";

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
  return page(
    "report",
    title,
    `Of ${models.size === 1 ? "the model" : "the models"} ${[...models].join(", ")}.`,
    sections,
  );
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
      left: LABEL_ROOM,
    },
  );
  const title = `AUC on ${log}`;
  const reading =
    "Lines: 95 % intervals (DeLong) of each run alone. Runs on the same records differ by less than these say.";
  return { title, note: reading, svg };
}
