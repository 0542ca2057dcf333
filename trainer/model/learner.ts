import * as tf from "@tensorflow/tfjs";
import type { FeatureSpec } from "../../format/spec.ts";
import type { Dataset } from "../data/dataset.ts";
import { logitCorrection } from "../data/split.ts";
import type { Vocabulary } from "../data/vocabulary.ts";
import { Random } from "../random.ts";
import type { NamedTensor } from "../safetensors.ts";
import { DropoutMasks } from "./dropout.ts";
import type { Pass } from "./mlp.ts";
import { type LossInputs, Model, type ModelInputs } from "./model.ts";
import { Ftrl } from "./optimizers/ftrl.ts";
import { LazyAdam } from "./optimizers/lazy-adam.ts";
import { type RowOptimizer, sumOfSquares } from "./optimizers/row-optimizer.ts";
import { restoreFloats, saveFloats } from "./optimizers/state.ts";
import { Batch, Tables } from "./tables.ts";
import { MODELS } from "./zoo/index.ts";

/** The share of BatchNorm's old moving average that a batch leaves. */
const BATCH_NORM_MOMENTUM = 0.9;

/** Records a forward pass takes at once when nothing is learned: so many, or fewer where their embeddings are wide. */
const PREDICT_BATCH = 4096;
const PREDICT_FLOATS = 2 ** 24;

const FIRST_ROW = Int32Array.of(0);

/** All that training changes and a blob is made of. */
export interface Weights {
  /** V × (D + 1) */
  rows: Float32Array;
  dense: Float32Array;
  moments: Float32Array;
}

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

/** A model with its tables and optimizer state: takes steps on batches, and predicts. */
export class Learner {
  readonly model: Model;
  readonly tables: Tables;
  readonly random: Random;
  readonly #spec: FeatureSpec;
  readonly #vocabulary: Vocabulary;
  /** Of the dense weights, as one row. */
  readonly #denseOptimizer: RowOptimizer;
  readonly #dropout: DropoutMasks;
  #batch: Batch;

  constructor(spec: FeatureSpec, vocabulary: Vocabulary) {
    this.#spec = spec;
    this.#vocabulary = vocabulary;
    this.random = new Random(spec.training.seed);
    const fields = spec.fields.length;
    this.model = new Model(MODELS[spec.model.type](spec), this.random);
    const { rowDim } = this.model.definition;
    this.tables = new Tables(vocabulary, rowDim, spec.training, this.random);
    const size = this.model.parameters.values.length;
    const ftrl = spec.model.type === "LR" && spec.training.optimizer === "ftrl";
    this.#denseOptimizer = ftrl ? new Ftrl(1, size, 0, 0) : new LazyAdam(1, size, 0);
    this.#dropout = new DropoutMasks(this.random);
    this.#batch = new Batch(0, fields, rowDim, vocabulary.size);
  }

  /** What a logit is corrected by where training saw only a share of the negatives. */
  get logitCorrection(): number {
    return logitCorrection(this.#spec.data);
  }

  /** The number of trained weights, rows included. */
  get parameterCount(): number {
    return this.tables.values.length + this.model.parameters.values.length;
  }

  /** Makes room for batches of that many records: of the log's, where it is shorter than the spec's batch. */
  #reserve(records: number): void {
    const { capacity, fields, dim, tableRows } = this.#batch;
    if (records > capacity) this.#batch = new Batch(records, fields, dim, tableRows);
  }

  /** Learns from the given records of a dataset. Returns their mean loss before the step. */
  step(dataset: Dataset, records: Uint32Array, learningRate: number): number {
    const used = this.#spec.training.loss === "in-batch" ? positives(dataset, records) : records;
    if (used.length === 0) return 0;
    this.#reserve(used.length);
    const { denseL2, clipNorm } = this.#spec.training;
    const { parameters } = this.model;
    const batch = this.#batch;
    batch.gather(dataset, used, this.tables, true);
    const { loss, dense, dEmbeddings, dLinear } = this.gradients(batch);
    if (!Number.isFinite(loss)) {
      throw new Error(
        `the loss became ${loss}: got learningRate ${learningRate}, expected a smaller one, or a smaller clipNorm`,
      );
    }
    const rows = batch.scatter(dEmbeddings, dLinear);
    if (denseL2 > 0) {
      for (const name of parameters.shapes.keys()) {
        if (!name.endsWith(".weights")) continue;
        const gradient = parameters.view(name, dense);
        const values = parameters.view(name);
        for (let i = 0; i < values.length; i++) gradient[i] = (gradient[i] as number) + denseL2 * (values[i] as number);
      }
    }
    const norm = Math.sqrt(sumOfSquares(dense, 0, dense.length) + this.tables.squaredNorm(batch, rows));
    const scale = clipNorm > 0 && norm > clipNorm ? clipNorm / norm : 1;
    this.tables.step(batch, rows, learningRate, scale);
    this.#denseOptimizer.step(parameters.values, FIRST_ROW, 1, dense, learningRate, scale);
    return loss;
  }

  /** Loss of a gathered batch and its gradients. */
  gradients(batch: Batch): Gradients {
    const { model } = this;
    const kept: { layer: string; mean: tf.Tensor; variance: tf.Tensor }[] = [];
    const pass: Pass = {
      training: true,
      dropoutMask: (rows, columns, rate) => this.#dropout.mask(rows, columns, rate),
      batchMoments: (layer, mean, variance) => kept.push({ layer, mean: tf.keep(mean), variance: tf.keep(variance) }),
    };
    // Autodiff takes only what the logit depends on: rows without a vector, or whose weight no term uses, are left out.
    const inputNames = (["embeddings", "linear"] as const).filter((name) => this.#uses[name]);
    const { value, grads } = tf.tidy(() => {
      const inputs = this.#inputs(batch);
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
      loss: value.dataSync()[0] as number,
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
      moveAverage(model.moments.view(`${layer}.mean`), mean.dataSync() as Float32Array, share);
      moveAverage(model.moments.view(`${layer}.variance`), variance.dataSync() as Float32Array, share);
      tf.dispose([mean, variance]);
    }
    tf.dispose([value, grads]);
    return result;
  }

  /**
   * Mean of the model's own loss over a dataset's positive records, in batches in their order: what decides when a model is
   * best that is not trained by the logistic loss. Null where it is.
   */
  ownLoss(dataset: Dataset): { sum: number; records: number } | null {
    const { loss } = this.model;
    if (loss === null) return null;
    const records = positives(
      dataset,
      Uint32Array.from({ length: dataset.count }, (_, i) => i),
    );
    const size = this.#spec.training.batchSize;
    this.#reserve(Math.min(size, records.length));
    this.tables.finish();
    let sum = 0;
    for (let start = 0; start < records.length; start += size) {
      const batch = records.subarray(start, start + size);
      this.#batch.gather(dataset, batch, this.tables, false);
      const value = tf.tidy(() => {
        const weights = this.model.parameters.named(this.model.parameters.tensors());
        const moments = this.model.moments.named(this.model.moments.tensors());
        return loss(
          this.#inputs(this.#batch),
          this.#lossInputs(this.#batch),
          weights,
          moments,
          INFERENCE,
        ).dataSync()[0];
      });
      sum += (value as number) * batch.length;
    }
    return { sum, records: records.length };
  }

  /** Logits of all records of a dataset. `activations` receives each layer's input, a batch at a time. */
  predict(
    dataset: Dataset,
    onBatch: (records: number) => void = () => {},
    activations?: (network: string, layer: number, input: Float32Array) => void,
  ): Float32Array {
    const logits = new Float32Array(dataset.count);
    const pass: Pass = {
      ...INFERENCE,
      ...(activations && {
        activations: (network, layer, input) => activations(network, layer, input.dataSync() as Float32Array),
      }),
    };
    this.forEachBatch(dataset, (inputs, start, size) => {
      const weights = this.model.parameters.named(this.model.parameters.tensors());
      const moments = this.model.moments.named(this.model.moments.tensors());
      logits.set(this.model.logits(inputs, weights, moments, pass).add(this.logitCorrection).dataSync(), start);
      onBatch(size);
    });
    return logits;
  }

  /** A two-tower model's vectors of all records of a dataset, [N, width] both: what retrieval takes the inner products of. */
  vectors(dataset: Dataset): { context: Float32Array; item: Float32Array; width: number } {
    const width = this.tables.dim + 1;
    const context = new Float32Array(dataset.count * width);
    const item = new Float32Array(dataset.count * width);
    this.forEachBatch(dataset, (inputs, start) => {
      const weights = this.model.parameters.named(this.model.parameters.tensors());
      const moments = this.model.moments.named(this.model.moments.tensors());
      const vectors = this.model.vectors(inputs, weights, moments, INFERENCE);
      context.set(vectors.context.dataSync(), start * width);
      item.set(vectors.item.dataSync(), start * width);
    });
    return { context, item, width };
  }

  /** Gathers all records of a dataset in order, as many at a time as the graph takes well. `use` runs in a tidy. */
  forEachBatch(dataset: Dataset, use: (inputs: ModelInputs, start: number, size: number) => void): void {
    const width = this.#batch.fields * (this.#batch.dim + 1);
    this.tables.finish();
    const most = Math.max(1, Math.min(PREDICT_BATCH, dataset.count, Math.floor(PREDICT_FLOATS / width)));
    this.#reserve(most);
    for (let start = 0; start < dataset.count; start += most) {
      const size = Math.min(most, dataset.count - start);
      const records = Uint32Array.from({ length: size }, (_, i) => start + i);
      this.#batch.gather(dataset, records, this.tables, false);
      tf.tidy(() => use(this.#inputs(this.#batch), start, size));
    }
  }

  weights(): Weights {
    this.tables.finish();
    return {
      rows: this.tables.values.slice(),
      dense: this.model.parameters.values.slice(),
      moments: this.model.moments.values.slice(),
    };
  }

  restore(weights: Weights): void {
    this.tables.replace(weights.rows);
    this.model.parameters.values.set(weights.dense);
    this.model.moments.values.set(weights.moments);
  }

  /** All that the next step depends on but the generator, whose state is `random`'s own. Rows stay as stale as they are. */
  state(): Record<string, NamedTensor> {
    return {
      rows: saveFloats(this.tables.values),
      dense: saveFloats(this.model.parameters.values),
      moments: saveFloats(this.model.moments.values),
      ...prefixed("rowOptimizer.", this.tables.optimizer.state()),
      ...prefixed("denseOptimizer.", this.#denseOptimizer.state()),
    };
  }

  /** Throws FormatError where a tensor is missing or of another length. */
  restoreState(state: Record<string, NamedTensor>): void {
    restoreFloats(state, "rows", this.tables.values);
    restoreFloats(state, "dense", this.model.parameters.values);
    restoreFloats(state, "moments", this.model.moments.values);
    this.tables.optimizer.restore(unprefixed("rowOptimizer.", state));
    this.#denseOptimizer.restore(unprefixed("denseOptimizer.", state));
  }

  get #uses(): Record<keyof ModelInputs, boolean> {
    return { embeddings: this.tables.dim > 0, linear: this.model.usesLinear };
  }

  #inputs({ size, fields, dim, embeddings, linear }: Batch): ModelInputs {
    return {
      embeddings: tf.tensor2d(embeddings.slice(0, size * fields * dim), [size, fields * dim]),
      linear: tf.tensor2d(linear.slice(0, size * fields), [size, fields]),
    };
  }

  /** Items by the row of their field, and how often the training log has each. */
  #lossInputs(batch: Batch): LossInputs {
    const { fields, training } = this.#spec;
    const field = fields.findIndex(({ name, side }) =>
      training.itemField ? name === training.itemField : side === "item",
    );
    const rows = batch.firstRows(field);
    const { counts } = this.#vocabulary;
    return {
      items: tf.tensor2d(Float32Array.from(rows), [batch.size, 1]),
      logFrequencies: tf.tensor2d(
        Float32Array.from(rows, (row) => Math.log(Math.max(1, row < 0 ? 1 : (counts[row] as number)))),
        [1, batch.size],
      ),
    };
  }
}

function prefixed(prefix: string, tensors: Record<string, NamedTensor>): Record<string, NamedTensor> {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [prefix + name, tensor]));
}

function unprefixed(prefix: string, tensors: Record<string, NamedTensor>): Record<string, NamedTensor> {
  const own = Object.entries(tensors).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(own.map(([name, tensor]) => [name.slice(prefix.length), tensor]));
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

function positives({ labels }: Dataset, records: Uint32Array): Uint32Array {
  return records.filter((record) => labels[record] === 1);
}

function moveAverage(average: Float32Array, batch: Float32Array, share: number): void {
  const weight = (1 - BATCH_NORM_MOMENTUM) * share;
  for (let i = 0; i < average.length; i++) {
    average[i] = (1 - weight) * (average[i] as number) + weight * (batch[i] as number);
  }
}
