import type { FeatureSpec, FittedSpec } from "../format/spec.ts";
import { type Backend, startBackend } from "./backend.ts";
import { pick } from "./data/dataset.ts";
import type { LogPart } from "./data/logs.ts";
import { type HeldOutSource, predictLog, type TrainingSource } from "./data/source.ts";
import { openHeldOutLog, openTrainingLog } from "./data/training-log.ts";
import type { Vocabulary } from "./data/vocabulary.ts";
import type { Quantization } from "./export/dense.ts";
import { checkBlobSize } from "./export/size.ts";
import { type Metrics, metricsOfLogits } from "./metrics.ts";
import { Learner, type Weights } from "./model/learner.ts";
import { startTask } from "./progress.ts";
import { Random } from "./random.ts";

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
  train: LogPart;
  valid: LogPart;
  /** The folder of encoded logs. */
  cache: string;
  backend?: Backend;
  /** How the model is to be exported, so that one that fits no blob is refused before it is trained. Default: int8. */
  quantize?: Quantization;
}

/** Trains a model on a click log: fit the spec, encode, learn until validation AUC stops rising, keep the best weights. */
export async function train(
  spec: FeatureSpec,
  { train, valid, cache, backend: asked, quantize = "int8" }: TrainOptions,
): Promise<TrainedModel> {
  checkBlobSize(spec, quantize);
  const backend = await startBackend(asked);
  process.stderr.write(`TensorFlow.js backend: ${backend}\n`);

  const { fitted, vocabulary, source } = await openTrainingLog(spec, train, cache);
  const validSource = await openHeldOutLog(spec, { fitted, vocabulary }, valid, cache);
  checkBlobSize(spec, quantize, vocabulary);

  const learner = new Learner(spec, vocabulary);
  const { epochs, best } = await learn(learner, spec.training, source, validSource);
  return { spec, fitted, backend, vocabulary, learner, epochs, valid: best };
}

/** Epochs until validation AUC has not risen for `patience` of them, with the learning rate dropped `rateDrops` times before. */
async function learn(
  learner: Learner,
  settings: FeatureSpec["training"],
  source: TrainingSource,
  valid: HeldOutSource,
): Promise<{ epochs: Epoch[]; best: Epoch }> {
  const random = new Random(settings.seed);
  const epochs: Epoch[] = [];
  let best: { epoch: Epoch; weights: Weights } | null = null;
  let { learningRate } = settings;
  let drops = settings.rateDrops;
  let waited = 0;
  for (let epoch = 1; epoch <= settings.maxEpochs; epoch++) {
    const started = performance.now();
    const task = startTask(`epoch ${epoch}`, source.count, "records");
    let sum = 0;
    for await (const { dataset, records } of source.epoch(random)) {
      const batch = pick(dataset, records, source.fields);
      sum += batch.count * learner.trainEpoch(batch, learningRate, () => {});
      task.advance(batch.count);
    }
    const loss = sum / source.count;
    const { logits, labels } = await predictLog(valid, (dataset) => learner.predict(dataset));
    if (epoch === 1 && labels.every((label) => label === labels[0])) {
      process.stderr.write(
        `validation: every label is ${labels[0]}, so there is no AUC; logloss decides when to stop\n`,
      );
    }
    const metrics = metricsOfLogits(logits, labels);
    // Weights can break in the epoch's last step, after its last loss.
    if (!Number.isFinite(metrics.logloss)) {
      throw new Error(
        `the validation loss became ${metrics.logloss}: got learningRate ${learningRate}, expected a smaller one, or smaller numbers in the log`,
      );
    }
    const now = { epoch, learningRate, loss, ...metrics, seconds: (performance.now() - started) / 1000 };
    epochs.push(now);
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
