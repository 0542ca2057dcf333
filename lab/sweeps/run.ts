import type { FeatureSpec } from "../../format/spec.ts";
import type { LogPart, Logs } from "../../trainer/data/logs.ts";
import type { AskedEngine } from "../../trainer/engine/engines.ts";
import { DivergedError } from "../../trainer/errors.ts";
import { scoreHeldOut } from "../../trainer/evaluation/held-out.ts";
import { evaluateInBatch } from "../../trainer/evaluation/in-batch.ts";
import { type Metrics, metricsOfLogits } from "../../trainer/metrics/metrics.ts";
import type { Epoch } from "../../trainer/training/epochs.ts";
import { type TrainingResult, train } from "../../trainer/training/train.ts";

// A run: one training and its metrics. Here alone comparisons, studies and tuning meet the trainer: a spec and logs go
// in, numbers come out.

/** The logs of a run. Without a test log only the validation metrics are known. */
export interface RunLogs extends Logs {
  /** The folder where encoded logs are kept. */
  cache: string;
}

/**
 * The metrics of a run on one log; NaN where one does not exist. With another loss than the logistic one, that loss is
 * the one metric, and on a test log recall@100, beside that of the most popular items.
 */
export interface RunMetrics extends Metrics {
  loss?: number | undefined;
  recall?: number | undefined;
  popularity?: number | undefined;
}

export interface RunResult {
  valid: RunMetrics;
  /** Equal to `valid` where there is no test log. */
  test: RunMetrics;
  /** How many numbers were trained: dense weights and rows. */
  parameters: number;
  /** Epochs of the training, those after the best one included. */
  epochs: number;
  /** FNN only: epochs of the FM pre-training; 0 for other models. Absent in a result that an earlier version saved. */
  pretrainingEpochs?: number;
  /** Time of all these epochs in seconds, without the reading of the logs before them. */
  seconds: number;
}

/** What came of a run: numbers, or the message of how it diverged. */
export type RunOutcome = RunResult | { diverged: string };

/**
 * Trains a model and measures it. That it diverges is an outcome too: it says something of the spec. `onEpoch` is
 * called after each epoch.
 */
export async function trainRun(
  spec: FeatureSpec,
  logs: RunLogs,
  engine: AskedEngine = {},
  onEpoch: (epoch: Epoch) => void = () => {},
): Promise<RunOutcome> {
  try {
    return await measuredRun(spec, logs, engine, onEpoch);
  } catch (error) {
    if (!(error instanceof DivergedError)) throw error;
    return { diverged: error.message };
  }
}

async function measuredRun(
  spec: FeatureSpec,
  logs: RunLogs,
  engine: AskedEngine,
  onEpoch: (epoch: Epoch) => void,
): Promise<RunResult> {
  const trained = await train(spec, { ...logs, ...engine, onEpoch: (epochs) => onEpoch(epochs.at(-1) as Epoch) });
  const { auc, logloss, validLoss } = trained.valid;
  const valid: RunMetrics = { auc, logloss, ...(validLoss !== undefined && { loss: validLoss }) };
  return {
    valid,
    test: logs.test === null ? valid : await testMetrics(trained, logs.train, logs.test, logs.cache),
    parameters: trained.learner.parameterCount,
    epochs: trained.epochs.length,
    pretrainingEpochs: trained.pretrainingEpochs,
    seconds: trained.seconds,
  };
}

async function testMetrics(trained: TrainingResult, train: LogPart, test: LogPart, cache: string): Promise<RunMetrics> {
  const heldOut = await scoreHeldOut(trained, test, cache);
  const inBatch = await evaluateInBatch(trained, heldOut, train, test, cache);
  if (inBatch) {
    const { loss, recall, popularity } = inBatch;
    return { auc: Number.NaN, logloss: Number.NaN, loss, recall, popularity };
  }
  const { predictions } = heldOut;
  return metricsOfLogits(predictions.logits, predictions.labels, predictions.weights);
}
