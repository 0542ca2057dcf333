import { setImmediate } from "node:timers/promises";
import type { FeatureSpec } from "../../format/spec.ts";
import { Random } from "../data/random.ts";
import { type HeldOutSource, predictLog, type TrainingSource } from "../data/source.ts";
import { DivergedError } from "../errors.ts";
import { clickRate } from "../metrics/information-gain.ts";
import { type Metrics, metricsOfLogits, sigmoid } from "../metrics/metrics.ts";
import {
  adviceFor,
  checkLogits,
  checkLoss,
  checkWeights,
  inBatchLossLimit,
  loglossLimit,
} from "../model/divergence.ts";
import type { Learner } from "../model/learner.ts";
import type { Weights } from "../model/weights.ts";
import { startTask } from "../terminal/progress.ts";
import { warn } from "../terminal/warning.ts";

/** One epoch of a training, with its metrics on the validation log. */
export interface Epoch extends Metrics {
  /** Its number, from 1. */
  epoch: number;
  learningRate: number;
  /** Mean training loss. */
  loss: number;
  /**
   * The model's own loss on the validation log, where it is not the logistic one. It then decides which epoch is best.
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
  /** The sum of these records' losses. */
  lossSum: number;
  learningRate: number;
  /** How many more times the learning rate may drop. */
  drops: number;
  /** Epochs since the best one or the last drop. */
  waited: number;
  best: Epoch | null;
  done: boolean;
}

/**
 * Trains a learner until validation AUC stops rising. When AUC has not beaten its best for `patience` epochs, training
 * goes back to the best weights and the learning rate drops to a tenth; after `rateDrops` drops, training ends instead.
 */
export class Training {
  readonly learner: Learner;
  position: Position;
  /** The weights after the best epoch; null before there is one. */
  bestWeights: Weights | null = null;
  readonly #spec: FeatureSpec;
  readonly #source: TrainingSource;
  readonly #valid: HeldOutSource;

  constructor(learner: Learner, spec: FeatureSpec, source: TrainingSource, valid: HeldOutSource) {
    this.learner = learner;
    this.#spec = spec;
    this.#source = source;
    this.#valid = valid;
    const { learningRate, rateDrops: drops } = spec.training;
    this.position = {
      epochs: [],
      steps: 0,
      records: 0,
      lossSum: 0,
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
    while (!this.position.done) {
      const number = this.position.epochs.length + 1;
      const started = performance.now();
      using task = startTask(`${name} ${number}`, this.#source.count, "records");
      let epoch: Epoch;
      try {
        await this.#learnEpoch(number, (records, loss) => {
          task.advance(records, `loss ${loss.toFixed(4)}`);
          afterStep();
        });
        epoch = await this.#endEpoch(number, (performance.now() - started) / 1000);
      } catch (error) {
        if (!(error instanceof DivergedError)) throw error;
        this.#endDiverged(`${name} ${number}`, error);
        return;
      }
      const { loss, auc, logloss, validLoss: own } = epoch;
      const valid = own === undefined ? "valid" : `valid loss ${own.toFixed(4)} `;
      task.done(`loss ${loss.toFixed(4)}  ${valid} AUC ${auc.toFixed(5)}  logloss ${logloss.toFixed(5)}`);
      afterEpoch(epoch);
    }
  }

  async #learnEpoch(number: number, onStep: (records: number, loss: number) => void): Promise<void> {
    const { position } = this;
    // Each epoch's order has its own seed, so that training can be resumed at any step of an epoch.
    const random = new Random(this.#spec.training.seed + number * 0x9e3779b9);
    for await (const { dataset, records } of this.#source.epoch(random, position.steps)) {
      const loss = this.learner.step(dataset, records, position.learningRate);
      position.steps++;
      position.records += records.length;
      position.lossSum += loss * records.length;
      onStep(records.length, loss);
      await setImmediate(); // lets signals' handlers run, which they do between two turns of the event loop only
    }
  }

  async #endEpoch(number: number, seconds: number): Promise<Epoch> {
    const { position, learner } = this;
    const { learningRate } = position;
    let own: { sum: number; records: number } | null = null;
    const { logits, labels, weights } = await predictLog(this.#valid, (dataset) => {
      const { sum, records } = learner.ownLoss(dataset) ?? { sum: 0, records: 0 };
      if (records > 0) own = { sum: (own?.sum ?? 0) + sum, records: (own?.records ?? 0) + records };
      return learner.predict(dataset);
    });
    // The epoch's last step may have broken the weights, after the last loss was computed, or a row that validation
    // does not use.
    checkWeights(learner);
    const epochOwn = validLoss(own);
    checkLogits("the validation log", logits);
    const metrics = metricsOfLogits(logits, labels, weights);
    if (epochOwn.validLoss === undefined)
      checkLoss("the validation logloss", metrics.logloss, loglossLimit(clickRate(labels, weights), this.#learnedRate));
    else checkLoss("the validation loss", epochOwn.validLoss, inBatchLossLimit(this.#spec.training.batchSize));
    const loss = position.lossSum / position.records;
    const epoch: Epoch = { epoch: number, learningRate, loss, ...metrics, ...epochOwn, seconds };
    position.epochs.push(epoch);
    Object.assign(position, { steps: 0, records: 0, lossSum: 0 });
    if (this.bestWeights === null || position.best === null || isBetter(epoch, position.best)) {
      position.best = epoch;
      position.waited = 0;
      this.bestWeights = learner.weights();
    } else if (++position.waited >= this.#spec.training.patience) {
      learner.restore(this.bestWeights);
      if (position.drops === 0) position.done = true;
      position.drops--;
      position.learningRate /= 10;
      position.waited = 0;
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
    Object.assign(position, { steps: 0, records: 0, lossSum: 0, done: true });
  }
}

function validLoss(own: { sum: number; records: number } | null): { validLoss?: number } {
  return own ? { validLoss: own.sum / own.records } : {};
}

/**
 * Compares by the model's own loss where it has one, else by AUC; and by logloss where the log has labels of one class
 * only, so that there is no AUC.
 */
function isBetter(a: Epoch, b: Epoch): boolean {
  if (a.validLoss !== undefined && b.validLoss !== undefined) return a.validLoss < b.validLoss;
  return Number.isNaN(a.auc) ? a.logloss < b.logloss : a.auc > b.auc;
}
