import { setImmediate } from "node:timers/promises";
import type { ResolvedSpec } from "../../format/spec.ts";
import type { Dataset } from "../data/dataset.ts";
import { Random } from "../data/random.ts";
import type { Batches } from "../data/read-ahead.ts";
import { type HeldOutSource, predictLog, type TrainingSource } from "../data/source.ts";
import { DivergedError } from "../errors.ts";
import { fixed } from "../metrics/evaluation.ts";
import { clickRate } from "../metrics/information-gain.ts";
import { compareMetrics, type Metrics, type Monitor, metricsOfLogits, sigmoid } from "../metrics/metrics.ts";
import {
  adviceFor,
  checkLogits,
  checkLoss,
  checkWeights,
  inBatchLossLimit,
  loglossLimit,
} from "../model/divergence.ts";
import type { Learner } from "../model/learner.ts";
import { MeanLoss } from "../model/own-loss.ts";
import type { Weights } from "../model/weights.ts";
import { startTask } from "../terminal/progress.ts";
import { warn } from "../terminal/warning.ts";
import { BiasFit } from "./fit-bias.ts";

/**
 * One epoch of a training, with its metrics on the validation log: NaN where one does not exist, which in JSON is null.
 */
export interface Epoch extends Metrics {
  /** Its number, from 1. */
  epoch: number;
  learningRate: number;
  /** Mean training loss of the records that it is over, weighted as they are. */
  loss: number;
  /**
   * The model's own loss on the validation log, where it is not the logistic one. It then decides which epoch is best,
   * and AUC and logloss do not exist: the in-batch loss leaves open what is added to all scores of one context.
   */
  validLoss?: number;
  /** How long its steps took, without validation. */
  seconds: number;
}

/** Where a training is: all that decides its next step besides the learner's own state. */
export interface Position {
  /** Finished epochs. */
  epochs: Epoch[];
  /** Finished steps of the present epoch. */
  steps: number;
  /** The records of these steps. */
  records: number;
  /** The sum of the weights of those that the loss is over: with the in-batch loss the number of the positive ones. */
  learned: number;
  /** The sum of their losses, weighted. */
  lossSum: number;
  /** How long these steps took. */
  seconds: number;
  learningRate: number;
  /** How many more times the learning rate may drop. */
  drops: number;
  /** Epochs since the best one or the last drop. */
  waited: number;
  best: Epoch | null;
  done: boolean;
}

/**
 * Trains a learner until what `training.monitor` names no longer improves on the validation log. When it has not beaten
 * its best for `patience` epochs, training goes back to the best weights and the learning rate drops to a tenth; after
 * `rateDrops` drops, training ends instead.
 */
export class Training {
  readonly learner: Learner;
  position: Position;
  /** The weights after the best epoch; null before there is one. */
  bestWeights: Weights | null = null;
  readonly #spec: ResolvedSpec;
  readonly #source: TrainingSource;
  readonly #valid: HeldOutSource;
  readonly #bias: BiasFit;
  /** The next epoch, whose reading has begun; null where none has. */
  #next: { number: number; batches: Batches } | null = null;

  constructor(learner: Learner, spec: ResolvedSpec, source: TrainingSource, valid: HeldOutSource) {
    this.learner = learner;
    this.#spec = spec;
    this.#source = source;
    this.#valid = valid;
    this.#bias = new BiasFit(source);
    const { learningRate, rateDrops: drops } = spec.training;
    this.position = {
      epochs: [],
      steps: 0,
      records: 0,
      learned: 0,
      lossSum: 0,
      seconds: 0,
      learningRate,
      drops,
      waited: 0,
      best: null,
      done: false,
    };
  }

  /**
   * Trains from `position` to the end. `name` is what the progress calls an epoch; `afterStep` and `afterEpoch` may
   * save what is there. Where the model diverges, training ends with the best epoch before; without one, it throws
   * DivergedError.
   */
  async run(
    name: string,
    afterStep: () => void = () => {},
    afterEpoch: (epoch: Epoch) => void = () => {},
  ): Promise<void> {
    try {
      while (!this.position.done) await this.#runEpoch(name, afterStep, afterEpoch);
    } finally {
      await this.#next?.batches[Symbol.asyncDispose]();
      this.#next = null;
    }
  }

  async #runEpoch(name: string, afterStep: () => void, afterEpoch: (epoch: Epoch) => void): Promise<void> {
    const { position } = this;
    const number = position.epochs.length + 1;
    // An epoch that was cut off goes on.
    const before = position.seconds;
    const started = performance.now();
    const seconds = (): number => before + (performance.now() - started) / 1000;
    using task = startTask(`${name} ${number}`, this.#source.count - position.records, "record");
    let epoch: Epoch;
    try {
      await this.#learnEpoch(number, (records, loss) => {
        task.advance(records, `loss ${loss.toFixed(4)}`);
        position.seconds = seconds();
        afterStep();
      });
      epoch = await this.#endEpoch(number, seconds());
    } catch (error) {
      if (!(error instanceof DivergedError)) throw error;
      this.#endDiverged(`${name} ${number}`, error);
      return;
    }
    const input = `input ${(100 * this.learner.clock.share("input")).toFixed(1)} %`;
    task.done(`loss ${epoch.loss.toFixed(4)}  valid ${validText(epoch)}  ${input}`);
    afterEpoch(epoch);
  }

  async #learnEpoch(number: number, onStep: (records: number, loss: number) => void): Promise<void> {
    const { position } = this;
    const { clock } = this.learner;
    clock.clear();
    const batches = this.#next?.number === number ? this.#next.batches : this.#read(number, position.steps);
    this.#next = null;
    for await (const { dataset, records } of batches) {
      clock.lap("input");
      const loss = this.learner.step(dataset, records, position.learningRate);
      position.steps++;
      position.records += records.length;
      const learned = this.#learned(dataset, records);
      position.learned += learned.weight;
      position.lossSum += loss * learned.count;
      onStep(records.length, loss);
      await setImmediate(); // lets signals' handlers run, which they do between two turns of the event loop only
      clock.start();
    }
  }

  /** How many of a batch's records its loss is the mean of, and the sum of their weights. */
  #learned({ labels, weights }: Dataset, records: Uint32Array): { count: number; weight: number } {
    const sumOf = (of: ArrayLike<number>): number => records.reduce((sum, record) => sum + of[record], 0);
    if (this.#spec.training.loss === "logistic")
      return { count: records.length, weight: weights ? sumOf(weights) : records.length };
    const positives = sumOf(labels);
    return { count: positives, weight: positives };
  }

  /** Begins to read an epoch, without its first `skip` batches. */
  #read(number: number, skip: number): Batches {
    // Each epoch's order has its own seed, so that training can be resumed at any step of an epoch.
    return this.#source.epoch(new Random(this.#spec.training.seed + number * 0x9e3779b9), skip);
  }

  async #endEpoch(number: number, seconds: number): Promise<Epoch> {
    const { position, learner } = this;
    const { learningRate } = position;
    if (this.#spec.training.loss === "logistic") await this.#bias.fit(learner);
    // The next epoch is read while this one is validated.
    if (number < this.#spec.training.maxEpochs) this.#next = { number: number + 1, batches: this.#read(number + 1, 0) };
    const own = new MeanLoss();
    const { logits, labels, weights } = await predictLog(this.#valid, (dataset) => {
      own.add(learner.ownLoss(dataset));
      return learner.predict(dataset);
    });
    // The epoch's last step may have broken the weights, after the last loss was computed, or a row that validation
    // does not use.
    checkWeights(learner);
    checkLogits("the validation log", logits);
    let metrics: Metrics = { auc: Number.NaN, logloss: Number.NaN };
    if (own.mean === null) {
      metrics = metricsOfLogits(logits, labels, weights);
      checkLoss("the validation logloss", metrics.logloss, loglossLimit(clickRate(labels, weights), this.#learnedRate));
    } else checkLoss("the validation loss", own.mean, inBatchLossLimit(this.#spec.training.batchSize));
    const loss = position.lossSum / position.learned;
    const epoch: Epoch = {
      epoch: number,
      learningRate,
      loss,
      ...metrics,
      ...(own.mean !== null && { validLoss: own.mean }),
      seconds,
    };
    position.epochs.push(epoch);
    Object.assign(position, { steps: 0, records: 0, learned: 0, lossSum: 0, seconds: 0 });
    if (
      this.bestWeights === null ||
      position.best === null ||
      isBetter(epoch, position.best, this.#spec.training.monitor)
    ) {
      position.best = epoch;
      position.waited = 0;
      this.bestWeights = learner.weights(this.bestWeights);
    } else if (++position.waited >= this.#spec.training.patience) {
      learner.restore(this.bestWeights);
      position.waited = 0;
      if (position.drops === 0) position.done = true;
      else {
        position.drops--;
        position.learningRate /= 10;
      }
    }
    if (number >= this.#spec.training.maxEpochs) position.done = true;
    if (position.done) learner.restore(this.bestWeights);
    return epoch;
  }

  /** The click rate of the training log, as predictions have it: with all its negatives. */
  get #learnedRate(): number {
    const { negatives, positives } = this.#source.labels;
    return sigmoid(Math.log(positives.weight / negatives.weight) + this.learner.logitCorrection);
  }

  /** Ends a training that has diverged with the best weights before, which are good; without any, throws. */
  #endDiverged(epoch: string, { message }: DivergedError): void {
    const { position, bestWeights } = this;
    const problem = `${epoch} diverged: ${message}; ${adviceFor(this.#spec, position.learningRate)}`;
    if (bestWeights === null || position.best === null) throw new DivergedError(problem);
    warn(`${problem}; training ends with the weights of epoch ${position.best.epoch}`);
    this.learner.restore(bestWeights);
    Object.assign(position, { steps: 0, records: 0, learned: 0, lossSum: 0, seconds: 0, done: true });
  }
}

/** The validation metrics that an epoch has, as its line shows them. */
function validText({ validLoss: own, auc, logloss }: Epoch): string {
  return own === undefined ? `AUC ${fixed(auc, 5)}  logloss ${fixed(logloss, 5)}` : `loss ${own.toFixed(4)}`;
}

/** Compares by the model's own loss where it has one, else by what is monitored. */
function isBetter(a: Epoch, b: Epoch, monitor: Monitor): boolean {
  if (a.validLoss !== undefined && b.validLoss !== undefined) return a.validLoss < b.validLoss;
  return compareMetrics(a, b, monitor) < 0;
}
