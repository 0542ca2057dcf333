import type { FeatureSpec, FittedSpec } from "../format/spec.ts";
import { type Backend, startBackend } from "./backend.ts";
import { type Dataset, readHeldOutLog, readTrainingLog } from "./data/dataset.ts";
import { fitSpec } from "./data/fit.ts";
import { openLog } from "./data/read.ts";
import type { Vocabulary } from "./data/vocabulary.ts";
import type { Quantization } from "./export/dense.ts";
import { checkBlobSize } from "./export/size.ts";
import { type Metrics, metricsOfLogits } from "./metrics.ts";
import { Learner, type Weights } from "./model/learner.ts";
import { say, startTask } from "./progress.ts";

export interface Epoch extends Metrics {
  epoch: number;
  learningRate: number;
  /** Mean training loss. */
  loss: number;
  seconds: number;
}

export interface TrainedModel {
  spec: FeatureSpec;
  fitted: FittedSpec;
  backend: Backend;
  vocabulary: Vocabulary;
  learner: Learner;
  epochs: Epoch[];
  /** Of the weights kept, on the validation log. */
  valid: Epoch;
}

export interface TrainOptions {
  trainPath: string;
  validPath: string;
  backend?: Backend;
  /** How the model is to be exported, so that one that fits no blob is refused before it is trained. Default: int8. */
  quantize?: Quantization;
  /** Called after each epoch. */
  onEpoch?: (epoch: Epoch, backend: Backend) => void;
}

/** Trains a model on a click log: fit the spec, encode, learn until validation AUC stops rising, keep the best weights. */
export async function train(
  spec: FeatureSpec,
  { trainPath, validPath, backend: asked, quantize = "int8", onEpoch = () => {} }: TrainOptions,
): Promise<TrainedModel> {
  checkBlobSize(spec, quantize);
  const backend = await startBackend(asked);
  say(`TensorFlow.js backend: ${backend}`);

  const trainLog = await openLog(trainPath);
  const validLog = await openLog(validPath);
  const fitted = await fitSpec(spec, trainLog);
  const reading = startTask("read", null, "records");
  const { dataset, vocabulary } = await readTrainingLog(trainLog, spec, fitted, reading);
  const valid = await readHeldOutLog(validLog, fitted, vocabulary, reading);
  reading.done(`${vocabulary.size} rows in ${vocabulary.fields} fields`);
  checkBlobSize(spec, quantize, vocabulary);

  const learner = new Learner(spec, vocabulary);
  const { epochs, best } = learn(learner, spec.training, dataset, valid, (epoch) => onEpoch(epoch, backend));
  return { spec, fitted, backend, vocabulary, learner, epochs, valid: best };
}

/** Epochs until validation AUC has not risen for `patience` of them, with the learning rate dropped `rateDrops` times before. */
function learn(
  learner: Learner,
  settings: FeatureSpec["training"],
  dataset: Dataset,
  valid: Dataset,
  onEpoch: (epoch: Epoch) => void,
): { epochs: Epoch[]; best: Epoch } {
  const epochs: Epoch[] = [];
  let best: { epoch: Epoch; weights: Weights } | null = null;
  let { learningRate } = settings;
  let drops = settings.rateDrops;
  let waited = 0;
  if (valid.labels.every((label) => label === valid.labels[0])) {
    process.stderr.write(
      `validation: every label is ${valid.labels[0]}, so there is no AUC; logloss decides when to stop\n`,
    );
  }
  for (let epoch = 1; epoch <= settings.maxEpochs; epoch++) {
    const started = performance.now();
    const task = startTask(`epoch ${epoch}`, dataset.count, "records");
    const loss = learner.trainEpoch(dataset, learningRate, (records, batchLoss) => {
      task.advance(records, `loss ${batchLoss.toFixed(4)}`);
    });
    const metrics = metricsOfLogits(learner.predict(valid), valid.labels);
    // Weights can break in the epoch's last step, after its last loss.
    if (!Number.isFinite(metrics.logloss)) {
      throw new Error(
        `the validation loss became ${metrics.logloss}: got learningRate ${learningRate}, expected a smaller one, or smaller numbers in the log`,
      );
    }
    const now = { epoch, learningRate, loss, ...metrics, seconds: (performance.now() - started) / 1000 };
    epochs.push(now);
    onEpoch(now);
    task.done(`loss ${loss.toFixed(4)}  valid AUC ${metrics.auc.toFixed(5)}  logloss ${metrics.logloss.toFixed(5)}`);

    if (best === null || isBetter(metrics, best.epoch)) {
      best = { epoch: now, weights: learner.weights() };
      waited = 0;
    } else if (++waited >= settings.patience) {
      learner.restore(best.weights);
      if (drops === 0) break;
      drops--;
      learningRate /= 10;
      waited = 0;
    }
  }
  if (best === null) throw new Error("no epoch was trained");
  learner.restore(best.weights);
  return { epochs, best: best.epoch };
}

/** By AUC; by logloss where the log has one class only and so no AUC. */
function isBetter(a: Metrics, b: Metrics): boolean {
  return Number.isNaN(a.auc) ? a.logloss < b.logloss : a.auc > b.auc;
}
