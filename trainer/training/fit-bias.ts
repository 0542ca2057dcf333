import { type Dataset, pickRecords } from "../data/dataset.ts";
import { Random } from "../data/random.ts";
import type { TrainingSource } from "../data/source.ts";
import { sigmoid } from "../metrics/metrics.ts";
import type { Learner } from "../model/learner.ts";

/** Records whose predictions tell the mean of all: within 1 %, where clicks are rare and predictions differ tenfold. */
const SAMPLE_RECORDS = 2 ** 16;
/** They are the same after each epoch. */
const SAMPLE_SEED = 0;
/** Halvings of [−64, 64], in which all shifts are. */
const BISECTIONS = 60;
const LARGEST_SHIFT = 64;

/**
 * Sets w₀ to its optimum with all other weights as they are: where the derivative of the training logloss, Σ (p −
 * label), is 0, so that predictions have the training log's click rate. The steps of an epoch leave the mean of a deep
 * model's predictions off by some 10 %, each seed otherwise. The order of scores does not change. The click rate is
 * that of the whole log, the mean prediction that of a sample.
 */
export class BiasFit {
  readonly #source: TrainingSource;
  /** Kept, as it is the same after each epoch, and reading it takes a tenth of a small model's epoch. */
  #sample: readonly Dataset[] | null = null;

  constructor(source: TrainingSource) {
    this.#source = source;
  }

  async fit(learner: Learner): Promise<void> {
    const { positives, negatives } = this.#source.labels;
    const rate = positives.weight / (positives.weight + negatives.weight);
    this.#sample ??= await sampleOf(this.#source);
    const count = this.#sample.reduce((sum, sample) => sum + sample.count, 0);
    const logits = new Float64Array(count);
    const weights = new Float64Array(count).fill(1);
    let at = 0;
    for (const sample of this.#sample) {
      logits.set(
        learner.predict(sample).map((logit) => logit - learner.logitCorrection),
        at,
      );
      if (sample.weights) weights.set(sample.weights, at);
      at += sample.count;
    }
    const shift = shiftToRate(logits, weights, rate);
    if (Number.isFinite(shift)) learner.shiftBias(shift);
  }
}

/** Batches of at least SAMPLE_RECORDS records, or all that there are. */
async function sampleOf(source: TrainingSource): Promise<Dataset[]> {
  const sample: Dataset[] = [];
  let count = 0;
  for await (const { dataset, records } of source.epoch(new Random(SAMPLE_SEED))) {
    sample.push(pickRecords(dataset, records, source.fields));
    count += records.length;
    if (count >= SAMPLE_RECORDS) break;
  }
  return sample;
}

/**
 * What must be added to logits so that the weighted mean of their probabilities is `rate`. NaN where there is no such
 * number, as a logit is not finite or all weights are 0.
 */
export function shiftToRate(logits: Float64Array, weights: Float64Array, rate: number): number {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (!(total > 0) || !logits.every(Number.isFinite)) return Number.NaN;
  let [low, high] = [-LARGEST_SHIFT, LARGEST_SHIFT];
  const excess = (shift: number): number => sumOfProbabilities(logits, weights, shift) / total - rate;
  if (excess(low) > 0 || excess(high) < 0) return Number.NaN;
  for (let i = 0; i < BISECTIONS; i++) {
    const middle = (low + high) / 2;
    if (excess(middle) < 0) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Σ weight · probability of the shifted logits. A loop takes a tenth of the time that `reduce` takes. */
function sumOfProbabilities(logits: Float64Array, weights: Float64Array, shift: number): number {
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += weights[i] * sigmoid(logits[i] + shift);
  return sum;
}
