import * as tf from "@tensorflow/tfjs";
import type { FeatureSpec } from "../../format/spec.ts";
import type { Random } from "../data/random.ts";
import { DropoutMasks } from "../model/dropout.ts";
import type { Pass } from "../model/mlp.ts";
import type { LossInputs, Model, ModelInputs } from "../model/model.ts";
import type { Tensors } from "../model/parameters.ts";
import { itemField } from "../model/popularity.ts";
import type { Batch } from "../model/tables.ts";

/** The share of BatchNorm's old moving average that a batch leaves. */
const BATCH_NORM_MOMENTUM = 0.9;

/** The gradients of a batch's loss. */
export interface Gradients {
  loss: number;
  /** Of the dense weights, flat. */
  dense: Float32Array;
  /** [B, F·D] */
  dEmbeddings: Float32Array;
  /** [B, F] */
  dLinear: Float32Array;
}

/** Receives the input of each layer of a network, a batch at a time. */
export type OnActivations = (network: string, layer: number, input: Float32Array) => void;

/** Where a gathered batch meets TensorFlow.js: forward passes and gradients, arrays in and arrays out. */
export class Graph {
  /** What the in-batch loss corrects its logits by: of each row, [V]. Null where the loss is another. */
  logItemShares: Float32Array | null = null;
  readonly #model: Model;
  readonly #spec: FeatureSpec;
  readonly #dropout: DropoutMasks;

  constructor(model: Model, spec: FeatureSpec, random: Random) {
    this.#model = model;
    this.#spec = spec;
    this.#dropout = new DropoutMasks(random);
  }

  /** Loss of a batch and its gradients. BatchNorm's moving averages move. */
  gradients(batch: Batch): Gradients {
    const model = this.#model;
    const kept: { layer: string; mean: tf.Tensor; variance: tf.Tensor }[] = [];
    const pass: Pass = {
      training: true,
      dropoutMask: (rows, columns, rate) => this.#dropout.mask(rows, columns, rate),
      batchMoments: (layer, mean, variance) => kept.push({ layer, mean: tf.keep(mean), variance: tf.keep(variance) }),
    };
    // Autodiff takes only what the logit depends on: rows without a vector, or whose weight no term uses, are left out.
    const uses = { embeddings: batch.dim > 0, linear: model.usesLinear };
    const inputNames = (["embeddings", "linear"] as const).filter((name) => uses[name]);
    const { value, grads } = tf.tidy(() => {
      const inputs = inputsOf(batch);
      const labels = tf.tensor2d(batch.labels.slice(0, batch.size), [batch.size, 1]);
      const recordWeights = batch.weights && tf.tensor2d(batch.weights.slice(0, batch.size), [batch.size, 1]);
      const items = model.loss && this.#lossInputs(batch);
      const loss = (...tensors: tf.Tensor[]): tf.Scalar => {
        const seen = { ...inputs };
        inputNames.forEach((name, i) => {
          seen[name] = tensors[i] as tf.Tensor2D;
        });
        const weights = model.parameters.named(tensors.slice(inputNames.length));
        if (model.loss && items) return model.loss(seen, items, weights, {}, pass);
        return logisticLoss(model.logits(seen, weights, {}, pass), labels, recordWeights);
      };
      return tf.valueAndGrads(loss)([...inputNames.map((name) => inputs[name]), ...model.parameters.tensors()]);
    });
    const gradient = (name: keyof ModelInputs, size: number): Float32Array => {
      const i = inputNames.indexOf(name);
      return i < 0 ? new Float32Array(size) : (grads[i]?.dataSync() as Float32Array);
    };
    const result: Gradients = {
      loss: value.dataSync()[0],
      dense: new Float32Array(model.parameters.values.length),
      dEmbeddings: gradient("embeddings", batch.size * batch.fields * batch.dim),
      dLinear: gradient("linear", batch.size * batch.fields),
    };
    let at = model.parameters.values.length;
    for (const dense of grads.slice(inputNames.length).reverse()) {
      at -= dense.size;
      result.dense.set(dense.dataSync(), at);
    }
    // An epoch's last batch may be one record, whose variance is 0: it moves the averages by its share of a full batch.
    const share = Math.min(1, batch.size / this.#spec.training.batchSize);
    for (const { layer, mean, variance } of kept) {
      moveAverage(model.runningStats.view(`${layer}.mean`), mean.dataSync() as Float32Array, share);
      moveAverage(model.runningStats.view(`${layer}.variance`), variance.dataSync() as Float32Array, share);
      tf.dispose([mean, variance]);
    }
    tf.dispose([value, grads]);
    return result;
  }

  /** Logits, [B]. */
  logits(batch: Batch, onActivations?: OnActivations): Float32Array {
    const pass: Pass = {
      ...INFERENCE,
      ...(onActivations && {
        activations: (network, layer, input) => onActivations(network, layer, input.dataSync() as Float32Array),
      }),
    };
    return tf.tidy(() => {
      const { weights, runningStats } = this.#trained();
      return this.#model.logits(inputsOf(batch), weights, runningStats, pass).dataSync() as Float32Array;
    });
  }

  /** A two-tower model's vectors, both [B, D + 1]. */
  vectors(batch: Batch): { context: Float32Array; item: Float32Array } {
    return tf.tidy(() => {
      const { weights, runningStats } = this.#trained();
      const { context, item } = this.#model.vectors(inputsOf(batch), weights, runningStats, INFERENCE);
      return { context: context.dataSync() as Float32Array, item: item.dataSync() as Float32Array };
    });
  }

  /** The model's own loss of a batch; null where it has none beside the logistic one. */
  ownLoss(batch: Batch): number | null {
    const { loss } = this.#model;
    if (loss === null) return null;
    return tf.tidy(() => {
      const { weights, runningStats } = this.#trained();
      const value = loss(inputsOf(batch), this.#lossInputs(batch), weights, runningStats, INFERENCE);
      return value.dataSync()[0];
    });
  }

  #trained(): { weights: Tensors; runningStats: Tensors } {
    const { parameters, runningStats } = this.#model;
    return {
      weights: parameters.named(parameters.tensors()),
      runningStats: runningStats.named(runningStats.tensors()),
    };
  }

  /** Items by the row of their field, and ln of the share that each has among the positive records. */
  #lossInputs(batch: Batch): LossInputs {
    const rows = batch.firstRows(itemField(this.#spec));
    const shares = this.logItemShares;
    if (shares === null) throw new Error("the in-batch loss was asked for before the items' shares were set");
    return {
      items: tf.tensor2d(Float32Array.from(rows), [batch.size, 1]),
      logFrequencies: tf.tensor2d(
        Float32Array.from(rows, (row) => (row < 0 ? 0 : shares[row])),
        [1, batch.size],
      ),
    };
  }
}

function inputsOf({ size, fields, dim, embeddings, linear }: Batch): ModelInputs {
  return {
    embeddings: tf.tensor2d(embeddings.slice(0, size * fields * dim), [size, fields * dim]),
    linear: tf.tensor2d(linear.slice(0, size * fields), [size, fields]),
  };
}

const INFERENCE: Pass = {
  training: false,
  dropoutMask: () => {
    throw new Error("dropout is for training");
  },
  batchMoments: () => {},
};

/** Mean of −ln p(label) = softplus(z) − z·y, each times its record's weight: a weight of 2 is the record twice. */
function logisticLoss(logits: tf.Tensor2D, labels: tf.Tensor2D, weights: tf.Tensor2D | null): tf.Scalar {
  const losses = logits.softplus().sub(logits.mul(labels));
  return (weights ? losses.mul(weights) : losses).mean();
}

function moveAverage(average: Float32Array, batch: Float32Array, share: number): void {
  const weight = (1 - BATCH_NORM_MOMENTUM) * share;
  for (let i = 0; i < average.length; i++) {
    average[i] = (1 - weight) * average[i] + weight * batch[i];
  }
}
