import type { FeatureSpec } from "../../format/spec.ts";
import type { LogPart, Logs } from "../../trainer/data/logs.ts";
import type { Backend } from "../../trainer/engine/backend.ts";
import { scoreHeldOut } from "../../trainer/evaluation/held-out.ts";
import { type Metrics, metricsOfLogits } from "../../trainer/metrics/metrics.ts";
import { type TrainingResult, train } from "../../trainer/training/train.ts";

// The one place where compare, study and tune meet training: a spec and logs go in, numbers come out.

/** Logs, and the folder where their encoded records are kept. Without a test log only the validation metrics are known. */
export interface ExperimentLogs extends Logs {
  cache: string;
}

export interface ExperimentResult {
  valid: Metrics;
  /** Equal to `valid` where there is no test log. */
  test: Metrics;
  /** Trained numbers: dense weights and rows. */
  parameters: number;
  /** Epochs trained, with those after the best one. */
  epochs: number;
  /** Epochs of an FNN's pre-training, 0 of another model. Results of earlier versions do not say. */
  pretrainingEpochs?: number;
  /** Time of those epochs, and of an FNN's pre-training; reading the logs is not in it. */
  seconds: number;
}

export async function runExperiment(
  spec: FeatureSpec,
  logs: ExperimentLogs,
  backend?: Backend,
): Promise<ExperimentResult> {
  const trained = await train(spec, { ...logs, ...(backend && { backend }) });
  const valid = { auc: trained.valid.auc, logloss: trained.valid.logloss };
  return {
    valid,
    test: logs.test === null ? valid : await testMetrics(trained, logs.test, logs.cache),
    parameters: trained.learner.parameterCount,
    epochs: trained.epochs.length,
    pretrainingEpochs: trained.pretrainingEpochs,
    seconds: trained.seconds,
  };
}

async function testMetrics(trained: TrainingResult, test: LogPart, cache: string): Promise<Metrics> {
  const { predictions } = await scoreHeldOut(trained, test, cache);
  return metricsOfLogits(predictions.logits, predictions.labels, predictions.weights);
}

/** Whether training ended because the loss was no number any more: settings that do not work, not a defect. */
export function isDivergence(error: unknown): boolean {
  return error instanceof Error && / loss became /.test(error.message);
}
