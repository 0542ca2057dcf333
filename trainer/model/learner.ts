import * as tf from "@tensorflow/tfjs";
import type { FeatureSpec } from "../../format/spec.ts";
import type { Dataset } from "../data/dataset.ts";
import type { Vocabulary } from "../data/vocabulary.ts";
import { Random } from "../random.ts";
import { deepfm, type Model } from "./deepfm.ts";
import type { Pass } from "./mlp.ts";
import { Adam } from "./optimizers/adam.ts";
import { Batch, Tables } from "./tables.ts";

/** The share of BatchNorm's old moving average that a batch leaves. */
const BATCH_NORM_MOMENTUM = 0.9;

/** Records a forward pass takes at once when nothing is learned: so many, or fewer where their embeddings are wide. */
const PREDICT_BATCH = 4096;
const PREDICT_FLOATS = 2 ** 24;

/** All that training changes and a blob is made of. */
export interface Weights {
  /** V × (k + 1) */
  rows: Float32Array;
  dense: Float32Array;
  moments: Float32Array;
}

/** A model with its tables and optimizer state: takes steps on batches, and predicts. */
export class Learner {
  readonly model: Model;
  readonly tables: Tables;
  readonly #spec: FeatureSpec;
  readonly #random: Random;
  readonly #adam: Adam;
  #batch: Batch;

  constructor(spec: FeatureSpec, vocabulary: Vocabulary) {
    this.#spec = spec;
    this.#random = new Random(spec.training.seed);
    const fields = spec.fields.length;
    const k = spec.model.embeddingDim;
    this.model = deepfm(spec.model, fields, this.#random);
    this.tables = new Tables(vocabulary, k, this.#random);
    this.#adam = new Adam(this.model.parameters.values.length);
    this.#batch = new Batch(0, fields, k, vocabulary.size);
  }

  /** Makes room for batches of that many records: of the log's, where it is shorter than the spec's batch. */
  #reserve(records: number): void {
    const { capacity, fields, k, tableRows } = this.#batch;
    if (records > capacity) this.#batch = new Batch(records, fields, k, tableRows);
  }

  /** One pass over a dataset in random order. Returns the mean loss; calls `onStep` after each batch. */
  trainEpoch(dataset: Dataset, learningRate: number, onStep: (records: number, loss: number) => void): number {
    const order = Uint32Array.from({ length: dataset.count }, (_, i) => i);
    this.#random.shuffle(order);
    const batchSize = Math.min(this.#spec.training.batchSize, dataset.count);
    this.#reserve(batchSize);
    let sum = 0;
    for (let start = 0; start < order.length; start += batchSize) {
      const records = order.subarray(start, start + batchSize);
      const loss = this.#step(dataset, records, learningRate, records.length / batchSize);
      if (!Number.isFinite(loss)) {
        throw new Error(
          `the loss became ${loss}: got learningRate ${learningRate}, expected a smaller one, or a smaller clipNorm`,
        );
      }
      sum += loss * records.length;
      onStep(records.length, loss);
    }
    return sum / dataset.count;
  }

  #step(dataset: Dataset, records: Uint32Array, learningRate: number, share: number): number {
    const { l2, denseL2, clipNorm } = this.#spec.training;
    const { parameters } = this.model;
    this.#batch.gather(dataset, records, this.tables);
    const { loss, dense, dEmbeddings, dLinear } = this.gradients(this.#batch, share);
    const rows = this.#batch.scatter(dataset, dEmbeddings, dLinear);

    if (l2 > 0) addRowDecay(rows, this.#batch, this.tables, l2);
    if (denseL2 > 0) {
      for (const name of parameters.shapes.keys()) {
        if (!name.endsWith(".weights")) continue;
        const gradient = parameters.view(name, dense);
        const values = parameters.view(name);
        for (let i = 0; i < values.length; i++) gradient[i] = (gradient[i] as number) + denseL2 * (values[i] as number);
      }
    }
    const norm = Math.sqrt(sumOfSquares(dense) + sumOfSquares(rows));
    const scale = clipNorm > 0 && norm > clipNorm ? clipNorm / norm : 1;
    this.tables.step(this.#batch, rows, learningRate, scale);
    this.#adam.begin(learningRate);
    this.#adam.update(parameters.values, 0, dense, 0, dense.length, scale);
    return loss;
  }

  /**
   * Loss of a gathered batch and its gradients: of the dense weights (flat), the embeddings [B, F·k] and the linear term
   * [B]. `share`: of a full batch, for BatchNorm's averages: an epoch's last batch may be one record, whose variance is 0.
   */
  gradients(
    batch: Batch,
    share = 1,
  ): { loss: number; dense: Float32Array; dEmbeddings: Float32Array; dLinear: Float32Array } {
    const { model } = this;
    const kept: { layer: number; mean: tf.Tensor; variance: tf.Tensor }[] = [];
    const pass: Pass = {
      training: true,
      dropoutMask: (rows, columns, rate) => tf.tensor2d(this.#mask(rows * columns, rate), [rows, columns]),
      batchMoments: (layer, mean, variance) => kept.push({ layer, mean: tf.keep(mean), variance: tf.keep(variance) }),
    };
    const { value, grads } = tf.tidy(() => {
      const labels = tf.tensor2d(batch.labels.slice(0, batch.size), [batch.size, 1]);
      const inputs = this.#inputs(batch);
      const loss = (...tensors: tf.Tensor[]): tf.Scalar => {
        const [embeddings, linear, ...weights] = tensors as [tf.Tensor2D, tf.Tensor2D, ...tf.Tensor[]];
        const logits = model.logits({ embeddings, linear }, model.parameters.named(weights), {}, pass);
        // −ln p(label) = softplus(z) − z·y
        return logits.softplus().sub(logits.mul(labels)).mean() as tf.Scalar;
      };
      return tf.valueAndGrads(loss)([inputs.embeddings, inputs.linear, ...model.parameters.tensors()]);
    });
    const [dEmbeddings, dLinear, ...dDense] = grads as [tf.Tensor, tf.Tensor, ...tf.Tensor[]];
    const dense = new Float32Array(model.parameters.values.length);
    let at = 0;
    for (const gradient of dDense) {
      dense.set(gradient.dataSync(), at);
      at += gradient.size;
    }
    const result = {
      loss: value.dataSync()[0] as number,
      dense,
      dEmbeddings: dEmbeddings.dataSync() as Float32Array,
      dLinear: dLinear.dataSync() as Float32Array,
    };
    for (const { layer, mean, variance } of kept) {
      moveAverage(model.moments.view(`mlp.${layer}.mean`), mean.dataSync() as Float32Array, share);
      moveAverage(model.moments.view(`mlp.${layer}.variance`), variance.dataSync() as Float32Array, share);
      tf.dispose([mean, variance]);
    }
    tf.dispose([value, grads]);
    return result;
  }

  /** Logits of all records of a dataset. `activations` receives each layer's input, a batch at a time. */
  predict(
    dataset: Dataset,
    onBatch: (records: number) => void = () => {},
    activations?: (layer: number, input: Float32Array) => void,
  ): Float32Array {
    const { model } = this;
    const logits = new Float32Array(dataset.count);
    const pass: Pass = {
      training: false,
      dropoutMask: () => tf.scalar(1) as unknown as tf.Tensor2D,
      batchMoments: () => {},
      ...(activations && { activations: (layer, input) => activations(layer, input.dataSync() as Float32Array) }),
    };
    const width = this.#batch.fields * this.#batch.k;
    const most = Math.max(1, Math.min(PREDICT_BATCH, dataset.count, Math.floor(PREDICT_FLOATS / width)));
    this.#reserve(most);
    for (let start = 0; start < dataset.count; start += most) {
      const size = Math.min(most, dataset.count - start);
      this.#batch.gather(
        dataset,
        Uint32Array.from({ length: size }, (_, i) => start + i),
        this.tables,
      );
      const batch = tf.tidy(() => {
        const weights = model.parameters.named(model.parameters.tensors());
        const moments = model.moments.named(model.moments.tensors());
        return model.logits(this.#inputs(this.#batch), weights, moments, pass).dataSync();
      });
      logits.set(batch, start);
      onBatch(size);
    }
    return logits;
  }

  weights(): Weights {
    return {
      rows: this.tables.values.slice(),
      dense: this.model.parameters.values.slice(),
      moments: this.model.moments.values.slice(),
    };
  }

  restore(weights: Weights): void {
    this.tables.values.set(weights.rows);
    this.model.parameters.values.set(weights.dense);
    this.model.moments.values.set(weights.moments);
  }

  #inputs(batch: Batch): { embeddings: tf.Tensor2D; linear: tf.Tensor2D } {
    const width = batch.fields * batch.k;
    return {
      embeddings: tf.tensor2d(batch.embeddings.slice(0, batch.size * width), [batch.size, width]),
      linear: tf.tensor2d(batch.linear.slice(0, batch.size), [batch.size, 1]),
    };
  }

  /** Inverted dropout in steps of 1/256: one random word decides four units. A table, as branches on random bits mispredict. */
  #mask(size: number, rate: number): Float32Array {
    const dropped = Math.round(rate * 256);
    const table = new Float32Array(256).fill(256 / (256 - dropped), dropped);
    const mask = new Float32Array(size);
    for (let i = 0; i < size; i += 4) {
      const bits = this.#random.bits();
      mask[i] = table[bits & 255] as number;
      mask[i + 1] = table[(bits >>> 8) & 255] as number;
      mask[i + 2] = table[(bits >>> 16) & 255] as number;
      mask[i + 3] = table[bits >>> 24] as number;
    }
    return mask;
  }
}

/** λ·row for each row of the batch, added to its gradient. */
function addRowDecay(gradients: Float32Array, batch: Batch, tables: Tables, lambda: number): void {
  const width = tables.k + 1;
  for (let local = 0; local < batch.uniqueCount; local++) {
    const row = (batch.unique[local] as number) * width;
    for (let j = 0; j < width; j++) {
      gradients[local * width + j] =
        (gradients[local * width + j] as number) + lambda * (tables.values[row + j] as number);
    }
  }
}

function sumOfSquares(list: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < list.length; i++) sum += (list[i] as number) ** 2;
  return sum;
}

function moveAverage(average: Float32Array, batch: Float32Array, share: number): void {
  const weight = (1 - BATCH_NORM_MOMENTUM) * share;
  for (let i = 0; i < average.length; i++) {
    average[i] = (1 - weight) * (average[i] as number) + weight * (batch[i] as number);
  }
}
