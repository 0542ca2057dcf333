import type { ResolvedSpec } from "../../format/spec.ts";
import type { Dataset } from "../data/dataset.ts";
import { type LabelCounts, logOdds } from "../data/label-counts.ts";
import { Random } from "../data/random.ts";
import { logitCorrection } from "../data/split.ts";
import type { Vocabulary } from "../data/vocabulary.ts";
import { DivergedError } from "../errors.ts";
import { type NamedTensor, prefixed, unprefixed } from "../io/safetensors.ts";
import type { Engine, EngineFactory, Gradients, OnActivations } from "./engine.ts";
import { EntryStore } from "./entry-store.ts";
import { GatheredBatch } from "./gathered-batch.ts";
import { Model } from "./model.ts";
import { denseOptimizer } from "./optimizers/of-spec.ts";
import { type RowOptimizer, sumOfSquares } from "./optimizers/row-optimizer.ts";
import { itemField } from "./popularity.ts";
import type { RowKernels } from "./row-kernels.ts";
import { StepClock } from "./step-clock.ts";
import { Tables } from "./tables.ts";
import { namedWeights, type Weights, weightsFromNamed } from "./weights.ts";
import { MODELS } from "./zoo/index.ts";

/** The most records of a forward pass when nothing is learned. */
const PREDICT_BATCH = 4096;
/** The most numbers that such a pass gathers from the tables: 64 MiB. */
const PREDICT_FLOATS = 2 ** 24;

/** The share of BatchNorm's old running statistics that a full batch leaves. */
const BATCH_NORM_MOMENTUM = 0.9;

/** A model with its tables, optimizers and engine: takes steps on batches, and predicts. */
export class Learner {
  readonly model: Model;
  readonly tables: Tables;
  /** Draws the initial weights and then dropout's masks. */
  readonly random: Random;
  /** Adds up what the steps' time goes into; whoever brings their records adds the input. */
  readonly clock = new StepClock();
  readonly #spec: ResolvedSpec;
  /** Takes the dense weights as one row. */
  readonly #denseOptimizer: RowOptimizer;
  readonly #engine: Engine;
  /** What computes with rows in the engine's memory; null where they are on the host. */
  readonly #kernels: RowKernels | null;
  /** What gathers in the engine's memory, where the rows are; null where they are on the host. */
  readonly #entryStore: EntryStore | null;
  /** The number of the one row that the dense weights are. */
  readonly #firstRow: Int32Array;
  /** Records that a full batch learns from. */
  #fullBatch: number;
  /** [V]: ln of each item's share among the positive records, for the in-batch loss; null before they are known. */
  #logItemShares: Float32Array | null = null;
  #batch: GatheredBatch;

  constructor(spec: ResolvedSpec, vocabulary: Vocabulary, engineOf: EngineFactory) {
    this.#spec = spec;
    this.#fullBatch = spec.training.batchSize;
    this.random = new Random(spec.training.seed);
    this.model = new Model(MODELS[spec.model.type](spec), this.random);
    const { parameters, definition } = this.model;
    const { rowDim } = definition;
    this.#engine = engineOf(this.model, this.random);
    const kernels = this.#engine.rowKernels?.(vocabulary.size) ?? null;
    this.#kernels = kernels;
    this.tables = new Tables(vocabulary, rowDim, spec.training, this.random, kernels);
    this.#entryStore = kernels && new EntryStore(kernels, vocabulary.size, rowDim + 1);
    if (kernels) parameters.moveTo(kernels.floats(parameters.values.length));
    this.#firstRow = kernels?.integers(1) ?? new Int32Array(1);
    this.#denseOptimizer = denseOptimizer(spec, parameters.values.length, kernels);
    this.#batch = new GatheredBatch(0, spec.fields.length, rowDim, vocabulary.size, undefined, this.#entryStore);
  }

  /** What is added to a logit where training saw only a share of the negatives. */
  get logitCorrection(): number {
    return logitCorrection(this.#spec.data);
  }

  /** The number of trained weights, rows included. */
  get parameterCount(): number {
    return this.tables.values.length + this.model.parameters.values.length;
  }

  /**
   * Takes a batch of a log with these labels for a full one: one of `batchSize` records, or of the whole log where that
   * is shorter, and with the in-batch loss as many of them as have label 1 in the mean.
   */
  expectBatchesOf({ negatives, positives }: LabelCounts): void {
    const records = negatives.records + positives.records;
    const learned = this.#usesPositives ? positives.records / records : 1;
    this.#fullBatch = learned * Math.min(this.#spec.training.batchSize, records);
  }

  /**
   * Sets w₀ to the log-odds of the labels that are learned from, so that the first predictions have the log's click
   * rate. From 0, where a prediction is 1/2, Adam's steps of one learning rate take thousands to reach a rare click.
   */
  startFromLabels(labels: LabelCounts): void {
    this.model.parameters.view("bias")[0] = logOdds(labels);
  }

  /** Adds a number to w₀. */
  shiftBias(shift: number): void {
    const bias = this.model.parameters.view("bias");
    bias[0] = bias[0] + shift;
    this.#denseOptimizer.reset(this.model.parameters.values);
  }

  /**
   * Prepares for the in-batch loss. `logItemShares` [V]: ln of each item's share among the positive records. Each
   * item's first-order weight starts there, so that the first ranking is by popularity, and training learns how a
   * context differs from it.
   */
  startFromPopularity(logItemShares: Float32Array): void {
    const { values, dim } = this.tables;
    logItemShares.forEach((share, row) => {
      if (share < 0) values[row * (dim + 1)] = share;
    });
    this.tables.replace(values);
    this.#logItemShares = logItemShares;
  }

  /**
   * Learns from the given records of a dataset, of which the in-batch loss uses the positive ones. Returns their mean
   * loss before the step. Throws DivergedError where it is not finite.
   */
  step(dataset: Dataset, records: Uint32Array, learningRate: number): number {
    const used = this.#usesPositives ? positives(dataset, records) : records;
    if (used.length === 0) return 0;
    this.#reserve(used.length);
    const { clipNorm } = this.#spec.training;
    const batch = this.#batch;
    batch.gather(dataset, used, this.tables, true);
    this.clock.lap("gather");
    const { loss, dense, dEmbeddings, dLinear, batchStats } = this.gradients(batch);
    this.clock.lap("backward");
    if (!Number.isFinite(loss)) {
      throw new DivergedError(`the loss of a batch became ${loss} with the learningRate ${learningRate}`);
    }
    this.#moveRunningStats(batchStats, batch.size);
    this.#addDenseL2(dense);
    const denseNorm = clipNorm > 0 ? this.#squaresOf(dense) : 0;
    this.clock.lap("dense");
    const rows = batch.scatter(dEmbeddings, dLinear);
    const norm = clipNorm > 0 ? Math.sqrt(denseNorm + this.tables.squaredNorm(batch, rows)) : 0;
    const scale = norm > clipNorm ? clipNorm / norm : 1;
    this.tables.step(batch, rows, learningRate, scale);
    this.clock.lap("rows");
    this.#denseOptimizer.step(this.model.parameters.values, this.#firstRow, 1, dense, learningRate, scale);
    this.clock.lap("dense");
    return loss;
  }

  /** The loss of a gathered batch and its gradients, L2 not included. Changes no weight. */
  gradients(batch: GatheredBatch): Gradients {
    this.#addItems(batch);
    return this.#engine.gradients(batch, () => this.clock.lap("forward"));
  }

  #squaresOf(list: Float32Array): number {
    return this.#kernels ? this.#kernels.squares(list) : sumOfSquares(list, 0, list.length);
  }

  get #usesPositives(): boolean {
    return this.model.definition.loss === "in-batch";
  }

  #addItems(batch: GatheredBatch): void {
    if (!this.#usesPositives) return;
    if (this.#logItemShares === null)
      throw new Error("the in-batch loss was asked for before the items' shares were set");
    batch.setItems(itemField(this.#spec), this.#logItemShares);
  }

  #moveRunningStats(batchStats: Float32Array, records: number): void {
    // A small batch, such as an epoch's last, moves them by its share of a full batch: the variance of one record is 0.
    const weight = (1 - BATCH_NORM_MOMENTUM) * Math.min(1, records / this.#fullBatch);
    const { values } = this.model.runningStats;
    for (let i = 0; i < values.length; i++) values[i] = (1 - weight) * values[i] + weight * batchStats[i];
  }

  /** Adds λ·W to the gradients of the networks' weights; biases and γ have no L2. */
  #addDenseL2(dense: Float32Array): void {
    const { denseL2 } = this.#spec.training;
    if (denseL2 === 0) return;
    const { parameters } = this.model;
    for (const name of parameters.shapes.keys()) {
      if (!name.endsWith(".weights")) continue;
      const gradient = parameters.view(name, dense);
      const values = parameters.view(name);
      const kernels = this.#kernels;
      if (kernels) kernels.addScaled(values, gradient, denseL2);
      else for (let i = 0; i < values.length; i++) gradient[i] = gradient[i] + denseL2 * values[i];
    }
  }

  /**
   * The sum of the in-batch loss over a dataset's positive records; null for a model that learns by the logistic loss.
   * It decides which epoch is best. The batches are always the same, but shuffled, as neighbors in a log often belong
   * to one user or one hour.
   */
  ownLoss(dataset: Dataset): { sum: number; records: number } | null {
    if (!this.#usesPositives) return null;
    const all = Uint32Array.from({ length: dataset.count }, (_, i) => i);
    const records = positives(dataset, all);
    new Random(0).shuffle(records);
    let sum = 0;
    this.#forEachBatch(dataset, records, this.#spec.training.batchSize, (batch) => {
      this.#addItems(batch);
      sum += this.#engine.ownLoss(batch) * batch.size;
    });
    return { sum, records: records.length };
  }

  /** The logits of all records of a dataset, [N]. */
  predict(
    dataset: Dataset,
    onBatch: (records: number) => void = () => {},
    onActivations?: OnActivations,
  ): Float32Array {
    const logits = new Float32Array(dataset.count);
    this.#forAll(dataset, (batch, start) => {
      logits.set(this.#engine.logits(batch, onActivations), start);
      onBatch(batch.size);
    });
    if (this.logitCorrection !== 0)
      for (let i = 0; i < logits.length; i++) logits[i] = logits[i] + this.logitCorrection;
    return logits;
  }

  /** A two-tower model's vectors of all records of a dataset, both [N, width]; retrieval takes their inner products. */
  vectors(dataset: Dataset): { context: Float32Array; item: Float32Array; width: number } {
    const width = this.tables.dim + 1;
    const context = new Float32Array(dataset.count * width);
    const item = new Float32Array(dataset.count * width);
    this.#forAll(dataset, (batch, start) => {
      const vectors = this.#engine.vectors(batch);
      context.set(vectors.context, start * width);
      item.set(vectors.item, start * width);
    });
    return { context, item, width };
  }

  /** Gathers all records of a dataset in order, as many at a time as PREDICT_BATCH and PREDICT_FLOATS allow. */
  #forAll(dataset: Dataset, use: (batch: GatheredBatch, start: number) => void): void {
    const width = this.#batch.fields * (this.#batch.dim + 1);
    const most = Math.max(1, Math.min(PREDICT_BATCH, Math.floor(PREDICT_FLOATS / width)));
    const all = Uint32Array.from({ length: dataset.count }, (_, i) => i);
    this.#forEachBatch(dataset, all, most, use);
  }

  #forEachBatch(
    dataset: Dataset,
    records: Uint32Array,
    size: number,
    use: (batch: GatheredBatch, start: number) => void,
  ): void {
    this.tables.finish();
    this.#reserve(Math.min(size, records.length));
    for (let start = 0; start < records.length; start += size) {
      this.#batch.gather(dataset, records.subarray(start, start + size), this.tables, false);
      use(this.#batch, start);
    }
  }

  /** Makes room for batches of that many records: fewer than the spec's `batchSize` where the log has fewer. */
  #reserve(records: number): void {
    const { capacity, fields, dim, tableRows } = this.#batch;
    if (records <= capacity) return;
    const arrays = this.#engine.batchArrays?.(records, fields);
    this.#batch = new GatheredBatch(records, fields, dim, tableRows, arrays, this.#entryStore);
  }

  /** A copy of the weights, in the arrays of an earlier one where that is given: a large table takes gigabytes. */
  weights(into: Weights | null = null): Weights {
    const { rows, dense, runningStats } = this.ownWeights();
    if (into === null) return { rows: rows.slice(), dense: dense.slice(), runningStats: runningStats.slice() };
    into.rows.set(rows);
    into.dense.set(dense);
    into.runningStats.set(runningStats);
    return into;
  }

  /** The weights themselves, which the next step changes. */
  ownWeights(): Weights {
    this.tables.finish();
    const { parameters, runningStats } = this.model;
    return { rows: this.tables.values, dense: parameters.values, runningStats: runningStats.values };
  }

  restore(weights: Weights): void {
    this.tables.replace(weights.rows);
    this.#setDense(weights);
  }

  /** All that the next step depends on but the state of `random`. Stale rows stay stale. */
  state(): Record<string, NamedTensor> {
    const rows = this.tables.values;
    const [dense, runningStats] = [this.model.parameters.values, this.model.runningStats.values];
    return {
      ...namedWeights(this.model, this.tables, { rows, dense, runningStats }),
      ...prefixed("rowOptimizer.", this.tables.optimizer.state()),
      ...prefixed("denseOptimizer.", this.#denseOptimizer.state()),
    };
  }

  /** Throws FormatError, which names `place`, where a tensor is missing or does not fit. */
  restoreState(state: Record<string, NamedTensor>, place: string): void {
    const weights = weightsFromNamed(this.model, this.tables, state, place);
    // Not `tables.replace`, by which the optimizer would count stale rows as up to date.
    this.tables.values.set(weights.rows);
    this.#setDense(weights);
    this.tables.optimizer.restore(unprefixed("rowOptimizer.", state));
    this.#denseOptimizer.restore(unprefixed("denseOptimizer.", state));
  }

  #setDense({ dense, runningStats }: Weights): void {
    this.model.parameters.values.set(dense);
    this.model.runningStats.values.set(runningStats);
  }
}

function positives({ labels }: Dataset, records: Uint32Array): Uint32Array {
  return records.filter((record) => labels[record] === 1);
}
