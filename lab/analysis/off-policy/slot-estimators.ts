import type { Contributions } from "./contributions.ts";

// What would have been earned if another policy had chosen, where a row of the log is one choice: one slot of a list,
// say. Σ is over rows, w the importance weight, r the reward.

/** Rows of a log of single choices. */
export interface SlotRows {
  weights: Float64Array;
  rewards: Float64Array;
}

/** What a reward model says beside the log. It must not have been fitted on the rows that it is asked about. */
export interface RewardModel {
  /** q̂ of the item that was shown, by row. */
  shown: Float64Array;
  /** Σ_a π(a)·q̂(a) under the evaluated policy, by row. */
  policy: Float64Array;
}

/** IPS, inverse propensity scores: Σwr/n (Horvitz and Thompson 1952). Unbiased where the logging policy has support. */
export function ips({ weights, rewards }: SlotRows): Contributions {
  return contribution(product(weights, rewards), ones(weights), weights);
}

/** SNIPS, self-normalized: Σwr/Σw (Swaminathan and Joachims 2015). A little bias, and mostly far less variance. */
export function snips({ weights, rewards }: SlotRows): Contributions {
  return contribution(product(weights, rewards), weights, weights);
}

/** The direct method: the reward model's word alone. As good as the model. */
export function directMethod({ weights }: SlotRows, { policy }: RewardModel): Contributions {
  return contribution(policy, ones(weights), weights);
}

/**
 * DR, doubly robust: Σ(w(r − q̂(shown)) + Σ_a π(a)q̂(a))/n (Dudík, Langford and Li 2011). Unbiased if propensities or
 * model are right.
 */
export function doublyRobust(rows: SlotRows, model: RewardModel): Contributions {
  return switchDoublyRobust(rows, model, Number.POSITIVE_INFINITY);
}

/** DR whose correction is self-normalized: Σ_a π(a)q̂(a) in the mean, and Σw(r − q̂(shown))/Σw. */
export function selfNormalizedDoublyRobust(
  { weights, rewards }: SlotRows,
  { shown, policy }: RewardModel,
): Contributions {
  const numerators = weights.map((weight, i) => weight * (rewards[i] - shown[i]));
  const model = { numerators: policy, denominators: ones(weights) };
  return { ratios: [model, { numerators, denominators: weights }], weights: [weights] };
}

/** Switch-DR: DR whose rows with a weight above `tau` are the model's alone (Wang, Agarwal and Dudík 2017). */
export function switchDoublyRobust(
  { weights, rewards }: SlotRows,
  { shown, policy }: RewardModel,
  tau: number,
): Contributions {
  const kept = weights.map((weight) => (weight <= tau ? weight : 0));
  const numerators = kept.map((weight, i) => weight * (rewards[i] - shown[i]) + policy[i]);
  return contribution(numerators, ones(weights), kept);
}

function contribution(numerators: Float64Array, denominators: Float64Array, weights: Float64Array): Contributions {
  return { ratios: [{ numerators, denominators }], weights: [weights] };
}

function product(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, i) => value * b[i]);
}

function ones({ length }: Float64Array): Float64Array {
  return new Float64Array(length).fill(1);
}
