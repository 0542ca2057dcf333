import type { FeatureSpec } from "../../format/spec.ts";
import type { ComparedModel } from "../sweeps/comparison.ts";
import type { Spread } from "../sweeps/spread.ts";
import { summaryCells } from "../sweeps/summary.ts";
import { type ChartLayer, chart } from "./chart.ts";
import { ACCENT, type Figure, figures, folded, htmlTable, page } from "./page.ts";

/** Height of a model's row in a figure, in pixels. */
const ROW = 24;

export const COMPARISON_HEAD = ["model", "AUC", "logloss", "parameters", "time / LR"];

/** The paper's Table 2 for these models, as rows of text under COMPARISON_HEAD. */
export function comparisonRows(models: readonly ComparedModel[], seeds: number): string[][] {
  return models.map(({ model, timeToLr, ...summary }) => [
    model,
    ...summaryCells(summary, seeds),
    timeToLr === null ? "" : timeToLr.toFixed(2),
  ]);
}

export async function comparisonReport(
  models: readonly ComparedModel[],
  specs: readonly { name: string; spec: FeatureSpec }[],
  seeds: number,
): Promise<string> {
  const name = specs[0]?.spec.name ?? "";
  const over = seeds > 1 ? `mean ± standard deviation of ${seeds} seeds` : "one seed";
  const list: Figure[] = [
    await spreadFigure("AUC", "More is better", models, ({ auc }) => auc),
    await spreadFigure("Logloss", "Less is better", models, ({ logloss }) => logloss),
  ];
  if (models.some(({ timeToLr }) => timeToLr !== null)) list.push(await timeFigure(models));
  return page(`${name}: ${models.length} models compared`, `On the test log, ${over}.`, [
    { title: "Table", html: htmlTable(COMPARISON_HEAD, comparisonRows(models, seeds), "Models compared") },
    { title: "Figures", html: figures(list) },
    {
      title: "Settings",
      html: specs.map(({ name: model, spec }) => folded(model, JSON.stringify(spec, null, 2))).join("\n"),
    },
  ]);
}

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
