import { counted } from "../../format/counted.ts";
import type { ResolvedSpec } from "../../format/spec.ts";
import { engineText } from "../../trainer/engine/engines.ts";
import type { Importance } from "../../trainer/evaluation/importance.ts";
import {
  type Evaluation,
  fixed,
  type InBatchEvaluation,
  intervalText,
  precise,
} from "../../trainer/metrics/evaluation.ts";
import type { Epoch } from "../../trainer/training/epochs.ts";
import { versionsWith } from "../../trainer/training/run-record.ts";
import type { TrainingResult } from "../../trainer/training/train.ts";
import { aucByValue } from "./auc-by-value.ts";
import { DECILE_HEAD, decileRows } from "./decile-table.ts";
import { type EvaluatedLog, evaluationRows } from "./evaluated-log.ts";
import { fieldsSection } from "./fields-section.ts";
import { importanceSection } from "./importance-report.ts";
import { type Curve, curveFigure } from "./learning-curves.ts";
import { type Figure, facts, figures, folded, htmlTable, note, page, type Section, tiles } from "./page.ts";
import { gainCurve, reliabilityDiagram, scoreHistogram } from "./prediction-figures.ts";
import { rateText } from "./probability-axis.ts";

/** A run as its report tells of it. */
export interface ReportedRun {
  model: Pick<TrainingResult, "spec" | "engine" | "vocabulary" | "epochs" | "valid" | "profile">;
  /** The figures of predictions show the last one. */
  logs: readonly EvaluatedLog[];
  /** On the first of the logs. */
  importance: Importance | null;
}

/** The report of one training run. */
export async function runReport({ model, logs, importance }: ReportedRun): Promise<string> {
  const { spec, epochs, valid, profile } = model;
  const [first, last] = [logs[0], logs.at(-1)];
  if (!first || !last) throw new Error("got no evaluated log, expected at least one");
  const { evaluation, heldOut } = last;

  const slices: Figure[] = [];
  // Scores that are no probabilities are not compared with click rates, nor those of different contexts with each
  // other.
  const comparable = evaluation.inBatch === undefined;
  for (const column of comparable ? heldOut.slices : []) {
    const figure = await aucByValue(column, heldOut.predictions, evaluation.auc);
    if (figure) slices.push(figure);
  }
  const sections: Section[] = [
    { title: `Quality on ${last.name}`, html: headline(evaluation) },
    { title: "Learning", html: figures(await learningCurves(epochs, valid)) },
    ...(comparable ? [await predictionSection(last)] : []),
    ...(slices.length > 0 ? [{ title: "Where it is good, where not", html: figures(slices) }] : []),
    ...(importance ? [await importanceSection(importance, first.name)] : []),
    fieldsSection(profile),
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
    `the weights of epoch ${valid.epoch}, the best by ${monitorText(spec)}, were kept.`;
  return page("train", `${spec.name}: ${type}`, lead, sections);
}

/** What decides which epoch is kept. */
function monitorText({ training: { loss, monitor } }: ResolvedSpec): string {
  return loss === "logistic" ? `validation ${monitor === "auc" ? "AUC" : monitor}` : `the ${loss} loss on validation`;
}

async function predictionSection({ name, heldOut, deciles }: EvaluatedLog): Promise<Section> {
  const { predictions } = heldOut;
  const list: (Figure | null)[] = [
    await reliabilityDiagram(deciles),
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
  const { records, clickRate, grouped, inBatch } = evaluation;
  return tiles([
    ...(inBatch ? inBatchTiles(inBatch) : logisticTiles(evaluation)),
    ["click rate", rateText(clickRate), `of ${counted(records, "record")}`],
    ...(grouped
      ? ([
          [`GAUC by ${grouped.by}`, fixed(grouped.gauc, 4)],
          [`NDCG@${grouped.k}`, fixed(grouped.ndcg, 4)],
        ] as const)
      : []),
  ]);
}

type Tile = readonly [name: string, value: string, note?: string];

function inBatchTiles({ loss, k, recall, popularity }: InBatchEvaluation): Tile[] {
  return [
    ["in-batch loss", fixed(loss, 4)],
    [`recall@${k}`, fixed(recall, 4), `${fixed(popularity, 4)} of the most popular`],
  ];
}

function logisticTiles(evaluation: Evaluation): Tile[] {
  const { auc, aucInterval, logloss, relativeInformationGain, calibrationRatio } = evaluation;
  return [
    ["AUC", fixed(auc, 4), aucInterval ? `${intervalText(aucInterval, 4)}, 95 %` : ""],
    ["logloss", precise(logloss, 4)],
    ["information gain", fixed(relativeInformationGain, 4), "0: as good as the click rate"],
    ["calibration", fixed(calibrationRatio, 3), "predicted / observed clicks"],
  ];
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
  { spec, engine, vocabulary, epochs }: Pick<TrainingResult, "spec" | "engine" | "vocabulary" | "epochs">,
  logs: readonly EvaluatedLog[],
): string {
  const seconds = epochs.reduce((sum, epoch) => sum + epoch.seconds, 0);
  return facts(
    [
      ...settings(spec),
      ["rows of the tables", vocabulary.size.toLocaleString("en")],
      ["training time", `${seconds.toFixed(1)} s`],
      ["engine", engineText(engine).replace(/^engine: /, "")],
      ...Object.entries(versionsWith(engine)),
      ...Object.entries(engine.variables ?? {}).map(([name, value]): [string, string] => [name, value ?? "not set"]),
      ...logs.map(({ name, heldOut }): [string, string] => [name, heldOut.path]),
    ],
    "Settings of the run",
  );
}

/** A setting to four digits: one that the log's size decides has as many as a double has. The spec has them all. */
function numberText(value: number): string {
  return String(Number(value.toPrecision(4)));
}

function settings({ model, training }: ResolvedSpec): [string, string][] {
  return [
    ["model", model.type],
    ["embedding dimension", String(model.embeddingDim)],
    ["hidden layers", model.hidden.join(" – ")],
    ["activation", model.activation],
    ["dropout", String(model.dropout)],
    ["batch normalization", model.batchNorm ? "yes" : "no"],
    ["optimizer", training.optimizer],
    ["learning rate", numberText(training.learningRate)],
    ["batch size", String(training.batchSize)],
    [
      "L2 of rows / of dense weights",
      `${numberText(training.l2)} of the ${training.l2Scope} / ${numberText(training.denseL2)}`,
    ],
    ["monitor", training.loss === "logistic" ? training.monitor : `${training.loss} loss`],
    ...(training.loss === "logistic" ? ([["calibration", training.calibrate]] satisfies [string, string][]) : []),
    ["seed", String(training.seed)],
  ];
}
