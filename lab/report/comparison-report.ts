import type { FeatureSpec } from "../../format/spec.ts";
import { RECALL_AT } from "../../trainer/evaluation/in-batch.ts";
import type { ComparedModel } from "../sweeps/comparison.ts";
import { type Spread, spreadText } from "../sweeps/spread.ts";
import { type InBatchMetric, summaryCells } from "../sweeps/summary.ts";
import { type ChartLayer, chart } from "./chart.ts";
import { ACCENT, type Figure, figures, folded, htmlTable, page } from "./page.ts";

/** Height of a model's row in a figure, in pixels. */
const ROW = 24;

/** The paper's Table 2 for these models. Models that learn by the in-batch loss have columns of their own metrics. */
export function comparisonTable(models: readonly ComparedModel[], seeds: number): { head: string[]; rows: string[][] } {
  const others = models.some(({ inBatch }) => inBatch === undefined);
  const own = models.some(({ inBatch }) => inBatch !== undefined) ? IN_BATCH : [];
  const rows = models.map(({ model, timeToLr, ...summary }) => {
    const [auc = "", logloss = "", parameters = ""] = summaryCells(summary, seeds);
    const { inBatch } = summary;
    return [
      model,
      ...(others ? [auc, logloss] : []),
      ...own.map(({ metric }, i) => {
        if (!inBatch) return "–";
        return i === 0 && summary.diverged !== undefined ? auc : spreadText(inBatch[metric], seeds);
      }),
      parameters,
      timeToLr === null ? "" : timeToLr.toFixed(2),
    ];
  });
  const names = own.map(({ name }) => name);
  return { head: ["model", ...(others ? ["AUC", "logloss"] : []), ...names, "parameters", "time / LR"], rows };
}

const IN_BATCH: readonly { metric: InBatchMetric; name: string }[] = [
  { metric: "loss", name: "in-batch loss" },
  { metric: "recall", name: `recall@${RECALL_AT}` },
  { metric: "popularity", name: `recall@${RECALL_AT} of the most popular` },
];

export async function comparisonReport(
  models: readonly ComparedModel[],
  specs: readonly { name: string; spec: FeatureSpec }[],
  seeds: number,
): Promise<string> {
  const { head, rows } = comparisonTable(models, seeds);
  const name = specs[0]?.spec.name ?? "";
  const over = seeds > 1 ? `mean ± standard deviation of ${seeds} seeds` : "one seed";
  const others = models.filter(({ inBatch }) => inBatch === undefined);
  const own = models.filter(({ inBatch }) => inBatch !== undefined);
  const list: Figure[] = [];
  if (others.length > 0) {
    list.push(await spreadFigure("AUC", "More is better", others, ({ auc }) => auc));
    list.push(await spreadFigure("Logloss", "Less is better", others, ({ logloss }) => logloss));
  }
  if (own.length > 0) {
    list.push(await spreadFigure("In-batch loss", "Less is better", own, ({ inBatch }) => inBatch?.loss ?? NONE));
    list.push(
      await spreadFigure(`Recall@${RECALL_AT}`, "More is better", own, ({ inBatch }) => inBatch?.recall ?? NONE),
    );
  }
  if (models.some(({ timeToLr }) => timeToLr !== null)) list.push(await timeFigure(models));
  return page("compare", `${name}: ${models.length} models compared`, `On the test log, ${over}.`, [
    { title: "Table", html: htmlTable(head, rows, "Models compared") },
    { title: "Figures", html: figures(list) },
    {
      title: "Settings",
      html: specs.map(({ name: model, spec }) => folded(model, JSON.stringify(spec, null, 2))).join("\n"),
    },
  ]);
}

const NONE: Spread = { mean: Number.NaN, sd: Number.NaN };

async function spreadFigure(
  title: string,
  better: string,
  models: readonly ComparedModel[],
  of: (model: ComparedModel) => Spread,
): Promise<Figure> {
  const values = models
    .map((model) => {
      const { mean, sd } = of(model);
      return { model: model.model, mean, low: mean - sd, high: mean + sd };
    })
    .filter(({ mean }) => Number.isFinite(mean));
  const x = { type: "quantitative", title: null, scale: { zero: false, padding: 10 } } as const;
  const y = { field: "model", type: "nominal", title: null, sort: null } as const;
  const axis = { grid: true, tickCount: 5 };
  const layers: ChartLayer[] = [
    {
      data: { values },
      mark: { type: "rule", stroke: ACCENT, strokeWidth: 2 },
      encoding: { y, x: { field: "low", ...x, axis }, x2: { field: "high" } },
    },
    {
      data: { values },
      mark: { type: "circle", fill: ACCENT, size: 70, opacity: 1 },
      encoding: { y, x: { field: "mean", ...x, axis } },
    },
  ];
  const svg = await chart(layers, { description: `${title} of each model`, height: ROW * models.length, left: 84 });
  return { title, note: `${better}; the line is one standard deviation to each side.`, svg };
}

async function timeFigure(models: readonly ComparedModel[]): Promise<Figure> {
  const values = models
    .map(({ model, timeToLr }) => ({ model, ratio: timeToLr }))
    .filter(({ ratio }) => ratio !== null);
  const svg = await chart(
    [
      {
        data: { values },
        mark: { type: "bar", fill: ACCENT, cornerRadiusEnd: 3, height: { band: 0.6 } },
        encoding: {
          y: { field: "model", type: "nominal", title: null, sort: null },
          x: { field: "ratio", type: "quantitative", title: "time / LR", axis: { grid: true, tickCount: 5 } },
        },
      },
    ],
    { description: "Training time of each model as a ratio to LR", height: ROW * models.length, left: 84 },
  );
  return {
    title: "Training time",
    note:
      "Up to where early stopping ends: the epochs of the runs, times an epoch's seconds, " +
      "measured for all models in turn.",
    svg,
  };
}
