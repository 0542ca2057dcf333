import { setImmediate } from "node:timers/promises";
import type { FeatureSpec } from "../../format/spec.ts";
import { Random } from "../data/random.ts";
import { type HeldOutSource, predictLog, type TrainingSource } from "../data/source.ts";
import { DivergedError } from "../errors.ts";
import { type Metrics, metricsOfLogits } from "../metrics/metrics.ts";
import type { Learner, Weights } from "../model/learner.ts";
import { say, startTask } from "../terminal/progress.ts";

/** What came of one epoch. */
export interface Epoch extends Metrics {
  epoch: number;
  learningRate: number;
  /** Mean training loss. */
  loss: number;
  /** The model's own loss on the validation log, where it is not the logistic one: then it decides which epoch is best. */
  validLoss?: number;
  seconds: number;
}

/** Where a training is: all that decides its next step beside the learner's own state. */
export interface Position {
  /** Epochs that are done. */
  epochs: Epoch[];
  /** Steps of the next epoch that are done, their records and the sum of their losses. */
  steps: number;
  records: number;
  lossSum: number;
  learningRate: number;
  /** Drops of the learning rate that are left. */
  drops: number;
  /** Epochs since the best one or the last drop. */
  waited: number;
  best: Epoch | null;
  done: boolean;
}

/**
 * Learns until validation AUC stops rising: it may fall behind its best for `patience` epochs, then the learning rate
 * drops, from the best weights, `rateDrops` times, and then training ends with the best weights.
 */
export class Training {
  readonly learner: Learner;
  position: Position;
  /** Of the best epoch; null before there is one. */
  bestWeights: Weights | null = null;
  readonly #settings: FeatureSpec["training"];
  readonly #source: TrainingSource;
  readonly #valid: HeldOutSource;

  constructor(learner: Learner, settings: FeatureSpec["training"], source: TrainingSource, valid: HeldOutSource) {
    this.learner = learner;
    this.#settings = settings;
    this.#source = source;
    this.#valid = valid;
    const { learningRate, rateDrops: drops } = settings;
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

  /** Goes on from `position` to the end. `afterStep` and `afterEpoch` may save what is there. */
  async run(
    name: string,
    afterStep: () => void = () => {},
    afterEpoch: (epoch: Epoch) => void = () => {},
  ): Promise<void> {
    while (!this.position.done) {
      const number = this.position.epochs.length + 1;
      const started = performance.now();
      const task = startTask(`${name} ${number}`, this.#source.count, "records");
      await this.#learnEpoch(number, (records, loss) => {
        task.advance(records, `loss ${loss.toFixed(4)}`);
        afterStep();
      });
      const epoch = await this.#endEpoch(number, (performance.now() - started) / 1000);
      const { loss, auc, logloss, validLoss: own } = epoch;
      const valid = own === undefined ? "valid" : `valid loss ${own.toFixed(4)} `;
      task.done(`loss ${loss.toFixed(4)}  ${valid} AUC ${auc.toFixed(5)}  logloss ${logloss.toFixed(5)}`);
      afterEpoch(epoch);
    }
  }

  async #learnEpoch(number: number, onStep: (records: number, loss: number) => void): Promise<void> {
    const { position } = this;
    // An order of its own for each epoch, so that one that was cut off can be taken up at any step.
    const random = new Random(this.#settings.seed + number * 0x9e3779b9);
    for await (const { dataset, records } of this.#source.epoch(random, position.steps)) {
      const loss = this.learner.step(dataset, records, position.learningRate);
      position.steps++;
      position.records += records.length;
      position.lossSum += loss * records.length;
      onStep(records.length, loss);
      await setImmediate(); // a signal's handler runs only between two turns of the event loop
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
    if (number === 1 && labels.every((label) => label === labels[0]))
      say(`validation: every label is ${labels[0]}, so there is no AUC; logloss decides when to stop`);
    const metrics = metricsOfLogits(logits, labels, weights);
    // Weights can break in the epoch's last step, after its last loss.
    if (!Number.isFinite(metrics.logloss)) {
      throw new DivergedError(
        `the validation loss became ${metrics.logloss}: got learningRate ${learningRate}, expected a smaller one, or smaller numbers in the log`,
      );
    }
    const loss = position.lossSum / position.records;
    const epoch: Epoch = { epoch: number, learningRate, loss, ...metrics, ...validLoss(own), seconds };
    position.epochs.push(epoch);
    Object.assign(position, { steps: 0, records: 0, lossSum: 0 });
    if (this.bestWeights === null || position.best === null || isBetter(epoch, position.best)) {
      position.best = epoch;
      position.waited = 0;
      this.bestWeights = learner.weights();
    } else if (++position.waited >= this.#settings.patience) {
      learner.restore(this.bestWeights);
      if (position.drops === 0) position.done = true;
      position.drops--;
      position.learningRate /= 10;
      position.waited = 0;
    }
    if (number >= this.#settings.maxEpochs) position.done = true;
    if (position.done) learner.restore(this.bestWeights);
    return epoch;
  }
}

function validLoss(own: { sum: number; records: number } | null): { validLoss?: number } {
  return own ? { validLoss: own.sum / own.records } : {};
}

/** By AUC; by logloss where the log has one class only and so no AUC; by the model's own loss where it has one. */
function isBetter(a: Epoch, b: Epoch): boolean {
  if (a.validLoss !== undefined && b.validLoss !== undefined) return a.validLoss < b.validLoss;
  return Number.isNaN(a.auc) ? a.logloss < b.logloss : a.auc > b.auc;
}
