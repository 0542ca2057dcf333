import type { FeatureSpec } from "../../format/spec.ts";
import type { Spread } from "../sweeps/spread.ts";
import { STUDIES, type StudiedModel, type Study, type StudyResult } from "../sweeps/study.ts";
import { summaryCells } from "../sweeps/summary.ts";
import { chart } from "./chart.ts";
import { type Figure, figures, folded, htmlTable, page, SERIES } from "./page.ts";

export function studyHead(study: Study): string[] {
  return ["model", STUDIES[study].axis, "AUC", "logloss", "parameters"];
}

/** A study as rows of text under `studyHead`, one for each model and value. */
export function studyRows(models: readonly StudiedModel[], seeds: number): string[][] {
  return models.flatMap(({ model, results }) =>
    results.map((result) => [model, valueText(result), ...summaryCells(result, seeds)]),
  );
}

/** The value; where it changes the hidden layers, with their widths. */
function valueText({ value, settings }: StudyResult): string {
  const hidden = settings["model.hidden"];
  return Array.isArray(hidden) ? `${value} (${hidden.join("-")})` : value;
}

export async function studyReport(
  study: Study,
  spec: FeatureSpec,
  models: readonly StudiedModel[],
  seeds: number,
): Promise<string> {
  const { axis, figure } = STUDIES[study];
  const over = seeds > 1 ? `means of ${seeds} seeds, with one standard deviation to each side` : "one seed";
  const lead = `What Figure ${figure} of the DeepFM paper shows, for this data: on the test log, ${over}.`;
  return page("study", `${spec.name}: ${axis}`, lead, [
    {
      title: "Figures",
      html: figures([
        await lines("AUC", "More is better.", axis, models, ({ auc }) => auc),
        await lines("Logloss", "Less is better.", axis, models, ({ logloss }) => logloss),
      ]),
    },
    { title: "Table", html: htmlTable(studyHead(study), studyRows(models, seeds), `Models by ${axis}`) },
    { title: "Settings", html: folded("The feature spec", JSON.stringify(spec, null, 2)) },
  ]);
}

async function lines(
  title: string,
  note: string,
  axis: string,
  models: readonly StudiedModel[],
  of: (result: StudyResult) => Spread,
): Promise<Figure> {
  const values = models
    .flatMap(({ model, results }) =>
      results.map((result) => {
        const { mean, sd } = of(result);
        return { model, value: result.value, mean, low: mean - sd, high: mean + sd };
      }),
    )
    .filter(({ mean }) => Number.isFinite(mean));
  const names = models.map(({ model }) => model);
  const x = { field: "value", type: "ordinal", title: axis, sort: null, axis: { labelAngle: 0 } } as const;
  const y = { type: "quantitative", title: null, scale: { zero: false }, axis: { tickCount: 5 } } as const;
  const color = {
    field: "model",
    type: "nominal",
    legend: null,
    scale: { domain: names, range: SERIES.slice(0, names.length) },
  } as const;
  const svg = await chart(
    [
      {
        data: { values },
        mark: { type: "rule", strokeOpacity: 0.5 },
        encoding: { x, y: { field: "low", ...y }, y2: { field: "high" }, color },
      },
      {
        data: { values },
        mark: { type: "line", point: { size: 40 } },
        encoding: { x, y: { field: "mean", ...y }, color },
      },
    ],
    { description: `${title} by ${axis}`, left: 54 },
  );
  return { title, note, svg, legend: names };
}
