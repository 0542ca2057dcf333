import type { FeatureSpec } from "../../format/spec.ts";
import { backendText } from "../../trainer/engine/backend.ts";
import { type Evaluation, fixed } from "../../trainer/metrics/evaluation.ts";
import type { Epoch } from "../../trainer/training/epochs.ts";
import { versionsWith } from "../../trainer/training/run-record.ts";
import type { TrainingResult } from "../../trainer/training/train.ts";
import { type ChartLayer, chart } from "./chart.ts";
import { type EvaluatedLog, evaluationRows } from "./evaluated-log.ts";
import { fieldsSection } from "./fields-section.ts";
import { type Figure, facts, figures, folded, htmlTable, page, SERIES, type Section, tiles } from "./page.ts";
import { aucByValue, reliabilityDiagram, scoreHistogram } from "./prediction-figures.ts";

/** The report of one training run; its figures show the last of the evaluated logs. */
export async function runReport(
  model: Pick<TrainingResult, "spec" | "backend" | "vocabulary" | "epochs" | "valid" | "profile">,
  logs: readonly EvaluatedLog[],
): Promise<string> {
  const { spec, epochs, valid, profile } = model;
  const last = logs.at(-1);
  if (!last) throw new Error("got no evaluated log, expected at least one");
  const { evaluation, heldOut } = last;

  const slices: Figure[] = [];
  for (const column of heldOut.slices) {
    const figure = await aucByValue(column, heldOut.predictions, evaluation.auc);
    if (figure) slices.push(figure);
  }
  const sections: Section[] = [
    { title: `Quality on ${last.name}`, html: headline(evaluation) },
    { title: "Learning", html: figures(await learningCurves(epochs, valid)) },
    {
      title: `Predictions on ${last.name}`,
      html: figures([await reliabilityDiagram(heldOut.predictions), await scoreHistogram(heldOut.predictions)]),
    },
    ...(slices.length > 0 ? [{ title: "Where it is good, where not", html: figures(slices) }] : []),
    fieldsSection(profile),
    { title: "All metrics", html: htmlTable(["", ...logs.map(({ name }) => name)], evaluationRows(logs)) },
    { title: "Settings", html: settingsTable(model, logs) + folded("The feature spec", JSON.stringify(spec, null, 2)) },
  ];
  const { type } = spec.model;
  const lead =
    `${type} trained for ${epochs.length} epochs on label “${spec.label}” with ${spec.fields.length} fields; ` +
    `the weights of epoch ${valid.epoch} were kept.`;
  return page(`${spec.name}: ${type}`, lead, sections);
}

function headline({ auc, logloss, relativeInformationGain, calibrationRatio, grouped }: Evaluation): string {
  return tiles([
    ["AUC", fixed(auc, 4)],
    ["logloss", fixed(logloss, 4)],
    ["information gain", fixed(relativeInformationGain, 4)],
    ["calibration", fixed(calibrationRatio, 3)],
    ...(grouped
      ? ([
          [`GAUC by ${grouped.by}`, fixed(grouped.gauc, 4)],
          [`NDCG@${grouped.k}`, fixed(grouped.ndcg, 4)],
        ] as const)
      : []),
  ]);
}

async function learningCurves(epochs: readonly Epoch[], kept: Epoch): Promise<Figure[]> {
  const x = {
    field: "epoch",
    type: "quantitative",
    title: "epoch",
    scale: { zero: false, nice: false, padding: 8 },
  } as const;
  // Ticks at whole epochs only, at most ten of them.
  const step = Math.ceil(epochs.length / 10);
  const ticks = epochs.map(({ epoch }) => epoch).filter((epoch) => epoch % step === 0);
  const axis = { values: ticks, format: "d" };
  const keptRule: ChartLayer = {
    data: { values: [{ epoch: kept.epoch }] },
    mark: { type: "rule", stroke: "var(--muted)", strokeDash: [4, 4] },
    encoding: { x: { ...x, axis } },
  };
  const lines = (series: readonly (readonly [name: string, of: (epoch: Epoch) => number])[]): ChartLayer => {
    const names = series.map(([name]) => name);
    return {
      data: { values: series.flatMap(([name, of]) => epochs.map((e) => ({ name, epoch: e.epoch, value: of(e) }))) },
      mark: { type: "line", point: { size: 28 } },
      encoding: {
        x: { ...x, axis },
        y: {
          field: "value",
          type: "quantitative",
          title: null,
          scale: { zero: false },
          axis: { tickCount: 5 },
        },
        color: {
          field: "name",
          type: "nominal",
          legend: null,
          scale: { domain: names, range: SERIES.slice(0, names.length) },
        },
      },
    };
  };
  return [
    {
      title: "Validation AUC",
      note: "Dashes: the epoch whose weights were kept.",
      svg: await chart([keptRule, lines([["validation", ({ auc }) => auc]])], { description: "AUC by epoch" }),
    },
    {
      title: "Loss",
      note: "Training falls and validation rises: overfitting.",
      svg: await chart(
        [
          keptRule,
          lines([
            ["validation", ({ logloss }) => logloss],
            ["training", ({ loss }) => loss],
          ]),
        ],
        { description: "Training and validation loss by epoch" },
      ),
      legend: ["validation", "training"],
    },
  ];
}

function settingsTable(
  { spec, backend, vocabulary, epochs }: Pick<TrainingResult, "spec" | "backend" | "vocabulary" | "epochs">,
  logs: readonly EvaluatedLog[],
): string {
  const seconds = epochs.reduce((sum, epoch) => sum + epoch.seconds, 0);
  return facts([
    ...settings(spec),
    ["rows of the tables", vocabulary.size.toLocaleString("en")],
    ["training time", `${seconds.toFixed(1)} s`],
    ["backend", backendText(backend)],
    ...Object.entries(versionsWith(backend)),
    ...logs.map(({ name, heldOut }): [string, string] => [name, heldOut.path]),
  ]);
}

function settings({ model, training }: FeatureSpec): [string, string][] {
  return [
    ["model", model.type],
    ["embedding dimension", String(model.embeddingDim)],
    ["hidden layers", model.hidden.join(" – ")],
    ["activation", model.activation],
    ["dropout", String(model.dropout)],
    ["batch normalization", model.batchNorm ? "yes" : "no"],
    ["optimizer", training.optimizer],
    ["learning rate", String(training.learningRate)],
    ["batch size", String(training.batchSize)],
    ["L2 of rows / of dense weights", `${training.l2} / ${training.denseL2}`],
    ["seed", String(training.seed)],
  ];
}
