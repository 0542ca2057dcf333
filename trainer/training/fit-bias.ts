import { type Dataset, pickRecords } from "../data/dataset.ts";
import { Random } from "../data/random.ts";
import type { TrainingSource } from "../data/source.ts";
import { sigmoid } from "../metrics/metrics.ts";
import type { Learner } from "../model/learner.ts";

/**
 * Records whose predictions tell the mean of all: a share of the log, within limits. With the most it is within 1 %,
 * where clicks are rare and predictions differ tenfold; with the least it takes no more than an epoch's validation.
 */
const SAMPLE_SHARE = 1 / 16;
const LEAST_SAMPLE = 2 ** 14;
const MOST_SAMPLE = 2 ** 16;
/** They are the same after each epoch. */
const SAMPLE_SEED = 0;
/** Shifts lie between this and its negative. */
const LARGEST_SHIFT = 64;
/** A step of Newton's that is no longer has found the shift to a thousandth of what float32 keeps of it. */
const SHORTEST_STEP = 1e-10;
/** Halvings of the interval take no more steps than this until one is that short. */
const MOST_STEPS = 60;

/** Records with the logits that a model gives them. */
interface Sample {
  logits: Float64Array;
  labels: Uint8Array;
  weights: Float64Array;
}

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
    const labels = new Uint8Array(count);
    const weights = new Float64Array(count).fill(1);
    let at = 0;
    for (const sample of this.#sample) {
      logits.set(
        learner.predict(sample).map((logit) => logit - learner.logitCorrection),
        at,
      );
      labels.set(sample.labels, at);
      if (sample.weights) weights.set(sample.weights, at);
      at += sample.count;
    }
    const shift = shiftToRate(logits, weights, rateInSample({ logits, labels, weights }, rate));
    if (Number.isFinite(shift)) learner.shiftBias(shift);
  }
}

/** Batches that have the records of a sample, or a few more. */
async function sampleOf(source: TrainingSource): Promise<Dataset[]> {
  const records = Math.min(MOST_SAMPLE, Math.max(LEAST_SAMPLE, SAMPLE_SHARE * source.count));
  const sample: Dataset[] = [];
  let count = 0;
  for await (const { dataset, records: picked } of source.epoch(new Random(SAMPLE_SEED))) {
    sample.push(pickRecords(dataset, picked, source.fields));
    count += picked.length;
    if (count >= records) break;
  }
  return sample;
}

/**
 * The mean that a sample's predictions have where the mean of all predictions is `rate`. A sample that happens to have
 * more clicks than the whole log has higher predictions, too, as far as they tell clicks from others: by the slope of
 * their regression on the labels, from 0 to 1 (control variates: Owen 2013, "Monte Carlo theory, methods and
 * examples", section 8.9).
 */
export function rateInSample({ logits, labels, weights }: Sample, rate: number): number {
  let [total, predicted, clicks, both] = [0, 0, 0, 0];
  for (let i = 0; i < logits.length; i++) {
    const p = weights[i] * sigmoid(logits[i]);
    total += weights[i];
    predicted += p;
    clicks += weights[i] * labels[i];
    both += p * labels[i];
  }
  const own = clicks / total;
  const variance = own * (1 - own);
  if (!(variance > 0)) return rate;
  const slope = (both / total - (predicted / total) * own) / variance;
  return rate + Math.max(0, Math.min(1, slope)) * (own - rate);
}

/**
 * What must be added to logits so that the weighted mean of their probabilities is `rate`. NaN where there is no such
 * number, as a logit is not finite or all weights are 0.
 */
export function shiftToRate(logits: Float64Array, weights: Float64Array, rate: number): number {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (!(total > 0) || !logits.every(Number.isFinite)) return Number.NaN;
  const at = (shift: number): { excess: number; slope: number } => {
    const { sum, slope } = sumOfProbabilities(logits, weights, shift);
    return { excess: sum / total - rate, slope: slope / total };
  };
  let [low, high] = [-LARGEST_SHIFT, LARGEST_SHIFT];
  if (at(low).excess > 0 || at(high).excess < 0) return Number.NaN;
  // Newton's method, but in the middle of the interval where it would leave that.
  let shift = 0;
  for (let step = 0; step < MOST_STEPS; step++) {
    const { excess, slope } = at(shift);
    if (excess < 0) low = shift;
    else high = shift;
    const newton = shift - excess / slope;
    const next = newton >= low && newton <= high ? newton : (low + high) / 2;
    const isFound = Math.abs(next - shift) <= SHORTEST_STEP;
    shift = next;
    if (isFound) break;
  }
  return shift;
}

/** Σ weight · probability of the shifted logits, and its derivative by the shift. */
function sumOfProbabilities(
  logits: Float64Array,
  weights: Float64Array,
  shift: number,
): { sum: number; slope: number } {
  let [sum, slope] = [0, 0];
  // A loop takes a tenth of the time that `reduce` takes.
  for (let i = 0; i < logits.length; i++) {
    const p = sigmoid(logits[i] + shift);
    sum += weights[i] * p;
    slope += weights[i] * p * (1 - p);
  }
  return { sum, slope };
}
