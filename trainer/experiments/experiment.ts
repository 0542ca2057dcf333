import type { FeatureSpec } from "../../format/spec.ts";
import type { Backend } from "../backend.ts";
import { predictLog } from "../held-out.ts";
import { type Metrics, metricsOfLogits } from "../metrics.ts";
import { type TrainedModel, train } from "../train.ts";

// The one place where compare, study and tune meet training: a spec and logs go in, numbers come out.

/** Paths of logs. Without a test log only the validation metrics are known. */
export interface ExperimentLogs {
  train: string;
  valid: string;
  test?: string;
}

export interface ExperimentResult {
  valid: Metrics;
  /** Equal to `valid` where there is no test log. */
  test: Metrics;
  /** Trained numbers: dense weights and rows. */
  parameters: number;
  /** Epochs trained, with those after the best one. */
  epochs: number;
  /** Time of those epochs; reading the logs is not in it. */
  seconds: number;
}

export async function runExperiment(
  spec: FeatureSpec,
  logs: ExperimentLogs,
  backend?: Backend,
): Promise<ExperimentResult> {
  const trained = await train(spec, { trainPath: logs.train, validPath: logs.valid, ...(backend && { backend }) });
  const valid = { auc: trained.valid.auc, logloss: trained.valid.logloss };
  return {
    valid,
    test: logs.test === undefined ? valid : await testMetrics(trained, logs.test),
    parameters: parameterCount(trained),
    epochs: trained.epochs.length,
    seconds: trained.epochs.reduce((sum, { seconds }) => sum + seconds, 0),
  };
}

async function testMetrics(trained: TrainedModel, path: string): Promise<Metrics> {
  const { predictions } = await predictLog(trained, path);
  return metricsOfLogits(predictions.logits, predictions.labels, predictions.weights);
}

function parameterCount({ learner }: TrainedModel): number {
  return learner.tables.values.length + learner.model.parameters.values.length;
}

/** Whether training ended because the loss was no number any more: settings that do not work, not a defect. */
export function isDivergence(error: unknown): boolean {
  return error instanceof Error && / loss became /.test(error.message);
}
