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
  // Scores that are no probabilities are not compared with click rates, nor those of different contexts with each other.
  const comparable = evaluation.inBatch === undefined;
  for (const column of comparable ? heldOut.slices : []) {
    const figure = await aucByValue(column, heldOut.predictions, evaluation.auc);
    if (figure) slices.push(figure);
  }
  const sections: Section[] = [
    { title: `Quality on ${last.name}`, html: headline(evaluation) },
    { title: "Learning", html: figures(await learningCurves(epochs, valid)) },
    ...(comparable
      ? [
          {
            title: `Predictions on ${last.name}`,
            html: figures([await reliabilityDiagram(heldOut.predictions), await scoreHistogram(heldOut.predictions)]),
          },
        ]
      : []),
    ...(slices.length > 0 ? [{ title: "Where it is good, where not", html: figures(slices) }] : []),
    fieldsSection(profile),
    { title: "All metrics", html: htmlTable(["", ...logs.map(({ name }) => name)], evaluationRows(logs)) },
    { title: "Settings", html: settingsTable(model, logs) + folded("The feature spec", JSON.stringify(spec, null, 2)) },
  ];
  const { type } = spec.model;
  const lead =
    `${type} trained for ${epochs.length} epochs on label “${spec.label}” with ${spec.fields.length} fields; ` +
    `the weights of epoch ${valid.epoch}, the best by ${monitorText(spec)}, were kept.`;
  return page(`${spec.name}: ${type}`, lead, sections);
}

/** What decides which epoch is kept. */
function monitorText({ training: { loss, monitor } }: FeatureSpec): string {
  return loss === "logistic" ? `validation ${monitor === "auc" ? "AUC" : monitor}` : `the ${loss} loss on validation`;
}

function headline(evaluation: Evaluation): string {
  const { auc, logloss, relativeInformationGain, calibrationRatio, grouped, inBatch } = evaluation;
  return tiles([
    ...(inBatch
      ? ([
          ["in-batch loss", fixed(inBatch.loss, 4)],
          [`recall@${inBatch.k}`, fixed(inBatch.recall, 4)],
          ["of the most popular", fixed(inBatch.popularity, 4)],
        ] as const)
      : ([
          ["AUC", fixed(auc, 4)],
          ["logloss", fixed(logloss, 4)],
          ["information gain", fixed(relativeInformationGain, 4)],
          ["calibration", fixed(calibrationRatio, 3)],
        ] as const)),
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
  const aucFigure = async (): Promise<Figure> => ({
    title: "Validation AUC",
    note: "Dashes: the epoch whose weights were kept.",
    svg: await chart([keptRule, lines([["validation", ({ auc }) => auc]])], { description: "AUC by epoch" }),
  });
  return [
    ...(epochs.some(({ auc }) => Number.isFinite(auc)) ? [await aucFigure()] : []),
    {
      title: "Loss",
      note: "Training falls and validation rises: overfitting.",
      svg: await chart(
        [
          keptRule,
          lines([
            ["validation", ({ logloss, validLoss }) => validLoss ?? logloss],
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
    ["monitor", training.loss === "logistic" ? training.monitor : `${training.loss} loss`],
    ["calibration", training.calibrate],
    ["seed", String(training.seed)],
  ];
}
