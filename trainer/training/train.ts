import { counted } from "../../format/counted.ts";
import type { FeatureSpec, ResolvedSpec } from "../../format/spec.ts";
import { type Calibration, checkCalibratable, fitCalibration } from "../calibration/fit.ts";
import { defaultsText } from "../data/default-settings.ts";
import { savedHashKey, saveHashKey } from "../data/hash-key.ts";
import { openHeldOutLog } from "../data/held-out-log.ts";
import {
  checkHeldOutLabels,
  checkPositives,
  checkTrainingLabels,
  checkWeightsCount,
  type LabelCounts,
  OWN_LOSS_NEEDS,
} from "../data/label-counts.ts";
import { type LogPart, logName } from "../data/logs.ts";
import { type HeldOutSource, predictLog } from "../data/source.ts";
import { openTrainingLog, type TrainingLog } from "../data/training-log.ts";
import type { Vocabulary } from "../data/vocabulary.ts";
import { type AskedEngine, engineFactory, engineText, type RunningEngine, startEngine } from "../engine/engines.ts";
import type { Quantization } from "../export/quantization.ts";
import { checkBlobSize } from "../export/size.ts";
import { Learner } from "../model/learner.ts";
import { logItemShares } from "../model/popularity.ts";
import { pretrainingSpec, startFromFm } from "../model/pretrain.ts";
import type { TrainedModel } from "../model/trained-model.ts";
import type { FieldProfile } from "../profile/field-profile.ts";
import { say } from "../terminal/progress.ts";
import { Checkpoints, engineOfCheckpoint, Saving, type Stage } from "./checkpoint.ts";
import { type Epoch, Training } from "./epochs.ts";

/**
 * Minutes between checkpoints: a crash loses little, and writing even a large table takes a few percent of the time.
 */
export const CHECKPOINT_MINUTES = 5;

/** A trained model and the story of its training. */
export interface TrainingResult extends TrainedModel {
  engine: RunningEngine;
  epochs: Epoch[];
  /** FNN only: epochs of the FM pre-training; 0 for other models, and for a training that was resumed after them. */
  pretrainingEpochs: number;
  /** The seconds of all epochs, an FNN's pre-training included. */
  seconds: number;
  /** The epoch whose weights are kept. */
  valid: Epoch;
  /** What is in the fields of the training log, and how much of the validation log's values it has. */
  profile: FieldProfile[];
  /** The checkpoint of the training, to be removed when the model is saved; null where none was to be kept. */
  checkpoints: Checkpoints | null;
}

export interface TrainOptions extends AskedEngine {
  train: LogPart;
  valid: LogPart;
  /** The folder of encoded logs. */
  cache: string;
  /** What row keys are hashed with, 32 hex digits. Default: where it is resumed, its own; otherwise the cache's. */
  hashKey?: string;
  /** The folder to keep a checkpoint in; without it, none is saved. */
  out?: string;
  /** Resume from the checkpoint in `out`, if there is one. */
  resume?: boolean;
  checkpointMinutes?: number;
  /** How the model will be exported: a model too large for a blob is refused before it is trained. Default: int8. */
  quantize?: Quantization;
  /** Called after each epoch with all epochs so far, those before a resumption included. */
  onEpoch?: (epochs: readonly Epoch[], spec: ResolvedSpec, engine: RunningEngine) => void;
}

/**
 * Trains a model on a click log: fits the spec, encodes the logs, learns until what `training.monitor`
 * names no longer improves on the validation log, and keeps the best weights. Throws FormatError where a log or the
 * spec is wrong, DivergedError where no epoch's weights are worth keeping (model/divergence.ts), and Interrupted after
 * SIGINT or SIGTERM.
 */
export async function train(
  asked: FeatureSpec,
  {
    train,
    valid,
    cache,
    hashKey,
    engine: askedEngine = "auto",
    backend,
    threads,
    why: askedWhy,
    quantize = "int8",
    out,
    resume = false,
    checkpointMinutes = CHECKPOINT_MINUTES,
    onEpoch = () => {},
  }: TrainOptions,
): Promise<TrainingResult> {
  checkBlobSize(asked, quantize);
  checkWeightsCount(asked);
  const begun = resume && out !== undefined ? engineOfCheckpoint(out) : null;
  // A checkpoint goes on with the engine that began it, and on its backend, unless others are asked for.
  const goesOn = begun !== null && backend === undefined && ["auto", begun.engine].includes(askedEngine);
  const { why, ...engine } = await startEngine(
    goesOn ? { ...begun, threads } : { engine: askedEngine, backend, threads, why: askedWhy },
  );
  say(`${engineText(engine)}, as ${why}`);

  const resumed = resume && out !== undefined ? savedHashKey(out) : null;
  const log = await openTrainingLog(asked, train, cache, hashKey ?? resumed ?? undefined);
  const { spec, fitted, vocabulary, source } = log;
  const chosen = defaultsText(asked, spec);
  if (chosen) say(`settings by the model and the log's ${logSizeText(log)}: ${chosen}`);
  checkLabels(spec, logName(train), source.labels, checkTrainingLabels);
  const validSource = await openHeldOutLog(spec, { fitted, vocabulary }, valid, cache);
  checkCalibratable(logName(valid), spec, validSource.labels);
  checkLabels(spec, logName(valid), validSource.labels, checkHeldOutLabels);
  checkBlobSize(spec, quantize, vocabulary);

  // Nothing is left in the folder of a training whose logs are refused.
  if (out !== undefined && fitted.hashKey !== undefined) saveHashKey(out, fitted.hashKey);
  const checked = { train: source, valid: validSource };
  const checkpoints = out === undefined ? null : new Checkpoints(out, engine, spec, vocabulary, checked);
  const learner = await startLearner(spec, log, engine);
  const stage = resume ? (checkpoints?.stage() ?? null) : null;

  const runStage = async (name: Stage, settings: ResolvedSpec, of: Learner, task: string): Promise<Training> => {
    const training = new Training(of, settings, source, validSource);
    if (stage === name) checkpoints?.restore(training);
    const saving = checkpoints && new Saving(checkpoints, name, training, checkpointMinutes);
    try {
      await training.run(
        task,
        () => saving?.afterStep(),
        () => name === "training" && onEpoch(training.position.epochs, spec, engine),
      );
      saving?.afterEnd();
    } finally {
      saving?.stop();
    }
    return training;
  };
  let seconds = 0;
  let pretrainingEpochs = 0;
  if (spec.model.type === "FNN" && stage !== "training") {
    const fm = pretrainingSpec(spec);
    const pretraining = await runStage("pretraining", fm, await startLearner(fm, log, engine), "FM epoch");
    startFromFm(learner, pretraining.learner);
    seconds += secondsOf(pretraining);
    pretrainingEpochs = pretraining.position.epochs.length;
  }
  const training = await runStage("training", spec, learner, "epoch");
  const { epochs, best } = training.position;
  if (best === null) throw new Error("no epoch was trained");
  seconds += secondsOf(training);
  const calibration = await calibrate(spec, learner, validSource);
  const profile = log.values.map((values, f): FieldProfile => {
    const uses = validSource.uses[f];
    return { ...values, rows: rowsOf(vocabulary, f), unseen: uses > 0 ? validSource.unseen[f] / uses : null };
  });
  const trained = { spec, fitted, engine, vocabulary, learner, epochs, pretrainingEpochs, seconds, profile };
  return { ...trained, ...(calibration && { calibration }), valid: best, checkpoints };
}

/** Fits the calibration map that the spec asks for to what the trained model says of the validation log. */
async function calibrate(spec: FeatureSpec, learner: Learner, valid: HeldOutSource): Promise<Calibration | null> {
  const { calibrate: method } = spec.training;
  if (method === "none") return null;
  return fitCalibration(method, await predictLog(valid, (dataset) => learner.predict(dataset)));
}

/** A learner before its first step: it knows the log's click rate, or with the in-batch loss its items' popularity. */
export async function startLearner(
  spec: ResolvedSpec,
  { vocabulary, source }: TrainingLog,
  { engine, threads }: Pick<RunningEngine, "engine" | "threads">,
): Promise<Learner> {
  const learner = new Learner(spec, vocabulary, engineFactory(engine, threads));
  learner.expectBatchesOf(source.labels);
  if (spec.training.loss === "in-batch")
    learner.startFromPopularity(await logItemShares(spec, vocabulary.fieldOf, source));
  else learner.startFromLabels(source.labels);
  return learner;
}

function rowsOf({ fieldOf }: Vocabulary, field: number): number {
  return fieldOf.reduce((sum, of) => sum + (of === field ? 1 : 0), 0);
}

function logSizeText({ source: { count, labels }, vocabulary }: TrainingLog): string {
  return `${counted(count, "record")}, ${counted(labels.positives.records, "click")} and ${counted(vocabulary.size, "row")}`;
}

function secondsOf({ position }: Training): number {
  return position.epochs.reduce((sum, { seconds }) => sum + seconds, 0);
}

/** Checks a log's labels by the loss that the model learns by. `logistic` checks them for the logistic one. */
function checkLabels(spec: FeatureSpec, path: string, labels: LabelCounts, logistic: typeof checkTrainingLabels): void {
  if (spec.training.loss === "logistic") logistic(path, spec, labels);
  else checkPositives(path, spec, labels, OWN_LOSS_NEEDS);
}
