import type { FeatureSpec } from "../../format/spec.ts";
import type { Dataset } from "../data/dataset.ts";
import { Random } from "../data/random.ts";
import { logitCorrection } from "../data/split.ts";
import type { Vocabulary } from "../data/vocabulary.ts";
import { type Gradients, Graph, type OnActivations } from "../engine/tfjs-engine.ts";
import { DivergedError } from "../errors.ts";
import type { NamedTensor } from "../io/safetensors.ts";
import { Model } from "./model.ts";
import { Ftrl } from "./optimizers/ftrl.ts";
import { LazyAdam } from "./optimizers/lazy-adam.ts";
import { type RowOptimizer, sumOfSquares } from "./optimizers/row-optimizer.ts";
import { restoreFloats, saveFloats } from "./optimizers/state.ts";
import { Batch, Tables } from "./tables.ts";
import { MODELS } from "./zoo/index.ts";

/** Records a forward pass takes at once when nothing is learned: so many, or fewer where their embeddings are wide. */
const PREDICT_BATCH = 4096;
const PREDICT_FLOATS = 2 ** 24;

const FIRST_ROW = Int32Array.of(0);

/** All that training changes and a blob is made of. */
export interface Weights {
  /** V × (D + 1) */
  rows: Float32Array;
  dense: Float32Array;
  runningStats: Float32Array;
}

/** A model with its tables and optimizer state: takes steps on batches, and predicts. */
export class Learner {
  readonly model: Model;
  readonly tables: Tables;
  readonly random: Random;
  readonly #spec: FeatureSpec;
  /** Of the dense weights, as one row. */
  readonly #denseOptimizer: RowOptimizer;
  readonly #graph: Graph;
  #batch: Batch;

  constructor(spec: FeatureSpec, vocabulary: Vocabulary) {
    this.#spec = spec;
    this.random = new Random(spec.training.seed);
    const fields = spec.fields.length;
    this.model = new Model(MODELS[spec.model.type](spec), this.random);
    const { rowDim } = this.model.definition;
    this.tables = new Tables(vocabulary, rowDim, spec.training, this.random);
    const size = this.model.parameters.values.length;
    const ftrl = spec.model.type === "LR" && spec.training.optimizer === "ftrl";
    this.#denseOptimizer = ftrl ? new Ftrl(1, size, 0, 0) : new LazyAdam(1, size, 0);
    this.#graph = new Graph(this.model, spec, this.random);
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

  /**
   * Starts an in-batch loss. Each item's first-order weight begins at ln of its share among the positive records, so that the
   * first ranking is that of popularity, and what is learnt is how a context differs from it.
   */
  startFromPopularity(logItemShares: Float32Array): void {
    const { values, dim } = this.tables;
    logItemShares.forEach((share, row) => {
      if (share < 0) values[row * (dim + 1)] = share;
    });
    this.tables.replace(values);
    this.#graph.logItemShares = logItemShares;
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
      throw new DivergedError(
        `the loss became ${loss}: got learningRate ${learningRate}, expected a smaller one, or a smaller clipNorm`,
      );
    }
    const rows = batch.scatter(dEmbeddings, dLinear);
    if (denseL2 > 0) {
      for (const name of parameters.shapes.keys()) {
        if (!name.endsWith(".weights")) continue;
        const gradient = parameters.view(name, dense);
        const values = parameters.view(name);
        for (let i = 0; i < values.length; i++) gradient[i] = gradient[i] + denseL2 * values[i];
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
    return this.#graph.gradients(batch);
  }

  /**
   * Sum of the model's own loss over a dataset's positive records: what decides when a model is best that is not trained by the
   * logistic loss. Null where it is. In batches of an order that is always the same, but not the log's, where neighbours
   * often belong to one user or one hour.
   */
  ownLoss(dataset: Dataset): { sum: number; records: number } | null {
    if (this.model.loss === null) return null;
    const all = Uint32Array.from({ length: dataset.count }, (_, i) => i);
    const records = positives(dataset, all);
    new Random(0).shuffle(records);
    let sum = 0;
    this.#forEachBatch(dataset, records, this.#spec.training.batchSize, (batch) => {
      sum += (this.#graph.ownLoss(batch) as number) * batch.size;
    });
    return { sum, records: records.length };
  }

  /** Logits of all records of a dataset. */
  predict(
    dataset: Dataset,
    onBatch: (records: number) => void = () => {},
    onActivations?: OnActivations,
  ): Float32Array {
    const logits = new Float32Array(dataset.count);
    this.#forAll(dataset, (batch, start) => {
      logits.set(this.#graph.logits(batch, onActivations), start);
      onBatch(batch.size);
    });
    if (this.logitCorrection !== 0)
      for (let i = 0; i < logits.length; i++) logits[i] = logits[i] + this.logitCorrection;
    return logits;
  }

  /** A two-tower model's vectors of all records of a dataset, [N, width] both: what retrieval takes the inner products of. */
  vectors(dataset: Dataset): { context: Float32Array; item: Float32Array; width: number } {
    const width = this.tables.dim + 1;
    const context = new Float32Array(dataset.count * width);
    const item = new Float32Array(dataset.count * width);
    this.#forAll(dataset, (batch, start) => {
      const vectors = this.#graph.vectors(batch);
      context.set(vectors.context, start * width);
      item.set(vectors.item, start * width);
    });
    return { context, item, width };
  }

  /** All records of a dataset in order, as many at a time as the graph takes well. */
  #forAll(dataset: Dataset, use: (batch: Batch, start: number) => void): void {
    const width = this.#batch.fields * (this.#batch.dim + 1);
    const most = Math.max(1, Math.min(PREDICT_BATCH, Math.floor(PREDICT_FLOATS / width)));
    const all = Uint32Array.from({ length: dataset.count }, (_, i) => i);
    this.#forEachBatch(dataset, all, most, use);
  }

  #forEachBatch(
    dataset: Dataset,
    records: Uint32Array,
    size: number,
    use: (batch: Batch, start: number) => void,
  ): void {
    this.tables.finish();
    this.#reserve(Math.min(size, records.length));
    for (let start = 0; start < records.length; start += size) {
      this.#batch.gather(dataset, records.subarray(start, start + size), this.tables, false);
      use(this.#batch, start);
    }
  }

  weights(): Weights {
    this.tables.finish();
    return {
      rows: this.tables.values.slice(),
      dense: this.model.parameters.values.slice(),
      runningStats: this.model.runningStats.values.slice(),
    };
  }

  restore(weights: Weights): void {
    this.tables.replace(weights.rows);
    this.model.parameters.values.set(weights.dense);
    this.model.runningStats.values.set(weights.runningStats);
  }

  /** All that the next step depends on but the generator, whose state is `random`'s own. Rows stay as stale as they are. */
  state(): Record<string, NamedTensor> {
    return {
      rows: saveFloats(this.tables.values),
      dense: saveFloats(this.model.parameters.values),
      runningStats: saveFloats(this.model.runningStats.values),
      ...prefixed("rowOptimizer.", this.tables.optimizer.state()),
      ...prefixed("denseOptimizer.", this.#denseOptimizer.state()),
    };
  }

  /** Throws FormatError where a tensor is missing or of another length. */
  restoreState(state: Record<string, NamedTensor>): void {
    restoreFloats(state, "rows", this.tables.values);
    restoreFloats(state, "dense", this.model.parameters.values);
    restoreFloats(state, "runningStats", this.model.runningStats.values);
    this.tables.optimizer.restore(unprefixed("rowOptimizer.", state));
    this.#denseOptimizer.restore(unprefixed("denseOptimizer.", state));
  }
}

function prefixed(prefix: string, tensors: Record<string, NamedTensor>): Record<string, NamedTensor> {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [prefix + name, tensor]));
}

function unprefixed(prefix: string, tensors: Record<string, NamedTensor>): Record<string, NamedTensor> {
  const own = Object.entries(tensors).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(own.map(([name, tensor]) => [name.slice(prefix.length), tensor]));
}

function positives({ labels }: Dataset, records: Uint32Array): Uint32Array {
  return records.filter((record) => labels[record] === 1);
}
