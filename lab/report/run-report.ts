import type { FeatureSpec } from "../../format/spec.ts";
import { backendText } from "../../trainer/engine/backend.ts";
import type { Importance } from "../../trainer/evaluation/importance.ts";
import { type Evaluation, fixed, intervalText, precise } from "../../trainer/metrics/evaluation.ts";
import type { Epoch } from "../../trainer/training/epochs.ts";
import { versionsWith } from "../../trainer/training/run-record.ts";
import type { TrainingResult } from "../../trainer/training/train.ts";
import { aucByValue } from "./auc-by-value.ts";
import { DECILE_HEAD, decileRows } from "./decile-table.ts";
import { type EvaluatedLog, evaluationRows } from "./evaluated-log.ts";
import { importanceSection } from "./importance-report.ts";
import { counted } from "./label.ts";
import { type Curve, curveFigure } from "./learning-curves.ts";
import { type Figure, facts, figures, folded, htmlTable, note, page, type Section, tiles } from "./page.ts";
import { gainCurve, reliabilityDiagram, scoreHistogram } from "./prediction-figures.ts";
import { rateText } from "./probability-axis.ts";

/** A run as its report tells of it. */
export interface ReportedRun {
  model: Pick<TrainingResult, "spec" | "backend" | "vocabulary" | "epochs" | "valid">;
  /** The figures of predictions show the last one. */
  logs: readonly EvaluatedLog[];
  /** On the first of the logs. */
  importance: Importance | null;
}

/** The report of one training run. */
export async function runReport({ model, logs, importance }: ReportedRun): Promise<string> {
  const { spec, epochs, valid } = model;
  const [first, last] = [logs[0], logs.at(-1)];
  if (!first || !last) throw new Error("got no evaluated log, expected at least one");
  const { evaluation, heldOut } = last;

  const slices: Figure[] = [];
  for (const column of heldOut.slices) {
    const figure = await aucByValue(column, heldOut.predictions, evaluation.auc);
    if (figure) slices.push(figure);
  }
  const sections: Section[] = [
    { title: `Quality on ${last.name}`, html: headline(evaluation) },
    { title: "Learning", html: figures(await learningCurves(epochs, valid)) },
    await predictionSection(last, spec.training.loss === "logistic"),
    ...(slices.length > 0 ? [{ title: "Where it is good, where not", html: figures(slices) }] : []),
    ...(importance ? [await importanceSection(importance, first.name)] : []),
    {
      title: "All metrics",
      html: htmlTable(["", ...logs.map(({ name }) => name)], evaluationRows(logs), "All metrics of each log"),
    },
    { title: "Settings", html: settingsTable(model, logs) + folded("The feature spec", JSON.stringify(spec, null, 2)) },
  ];
  const { type } = spec.model;
  const lead =
    `${type} trained for ${counted(epochs.length, "epoch")} on label “${spec.label}” with ` +
    `${counted(spec.fields.length, "field")}; ` +
    `the weights of epoch ${valid.epoch} were kept.`;
  return page(`${spec.name}: ${type}`, lead, sections);
}

/** `probabilities`: whether the model has learned to predict them, as it does by the logistic loss. */
async function predictionSection({ name, heldOut, deciles }: EvaluatedLog, probabilities: boolean): Promise<Section> {
  const { predictions } = heldOut;
  const list: (Figure | null)[] = [
    ...(probabilities ? [await reliabilityDiagram(deciles)] : []),
    await scoreHistogram(predictions, deciles),
    await gainCurve(predictions),
  ];
  const table = htmlTable(DECILE_HEAD, decileRows(deciles), `Lift and gain by deciles of the predictions on ${name}`);
  const drawn = figures(list.filter((figure) => figure !== null));
  return {
    title: `Predictions on ${name}`,
    html: drawn + note("Deciles, the highest predictions first. Lift: click rate by that of the whole log.") + table,
  };
}

function headline(evaluation: Evaluation): string {
  const { auc, aucInterval, logloss, relativeInformationGain, calibrationRatio, clickRate, records, grouped } =
    evaluation;
  return tiles([
    ["AUC", fixed(auc, 4), aucInterval ? `${intervalText(aucInterval, 4)}, 95 %` : ""],
    ["logloss", precise(logloss, 4)],
    ["information gain", fixed(relativeInformationGain, 4), "0: as good as the click rate"],
    ["calibration", fixed(calibrationRatio, 3), "predicted / observed clicks"],
    ["click rate", rateText(clickRate), `of ${records.toLocaleString("en")} records`],
    ...(grouped
      ? ([
          [`GAUC by ${grouped.by}`, fixed(grouped.gauc, 4)],
          [`NDCG@${grouped.k}`, fixed(grouped.ndcg, 4)],
        ] as const)
      : []),
  ]);
}

async function learningCurves(epochs: readonly Epoch[], kept: Epoch): Promise<Figure[]> {
  const curve = (name: string, of: (epoch: Epoch) => number, marked = true): Curve => ({
    name,
    points: epochs.map((epoch) => ({ epoch: epoch.epoch, value: of(epoch) })),
    ...(marked && { kept: kept.epoch }),
  });
  const auc = [curve("validation", (epoch) => epoch.auc)];
  const loss = [
    curve("validation", ({ validLoss, logloss }) => validLoss ?? logloss),
    curve("training", (epoch) => epoch.loss, false),
  ];
  const list = [
    await curveFigure(auc, {
      title: "Validation AUC",
      note: "Dashes: the epoch whose weights were kept.",
      worst: "low",
    }),
    await curveFigure(loss, {
      title: "Loss",
      note: "Training falls and validation rises: overfitting.",
      worst: "high",
    }),
  ];
  return list.filter((figure) => figure !== null);
}

function settingsTable(
  { spec, backend, vocabulary, epochs }: Pick<TrainingResult, "spec" | "backend" | "vocabulary" | "epochs">,
  logs: readonly EvaluatedLog[],
): string {
  const seconds = epochs.reduce((sum, epoch) => sum + epoch.seconds, 0);
  return facts(
    [
      ...settings(spec),
      ["rows of the tables", vocabulary.size.toLocaleString("en")],
      ["training time", `${seconds.toFixed(1)} s`],
      ["backend", backendText(backend)],
      ...Object.entries(versionsWith(backend)),
      ...logs.map(({ name, heldOut }): [string, string] => [name, heldOut.path]),
    ],
    "Settings of the run",
  );
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
