import { FormatError } from "../../../format/errors.ts";
import type { Contributions } from "./contributions.ts";
import { importanceWeights } from "./weights.ts";

// What whole lists would have earned if another policy had ordered them (McInerney, Brost, Chandar, Mehrotra and
// Carterette 2020, "Counterfactual Evaluation of Slate Recommendations with Sequential Reward Interactions", equations
// 1 to 3). A list's value is the sum of its slots' rewards. What differs is how far a slot's reward is taken to depend
// on the other slots: on all of them, on those before it, on none. The less, the smaller are the weights.

/** n lists of k slots: `[i * k + j]` is slot j of list i. */
export interface ListRows {
  slots: number;
  rewards: Float64Array;
  /** ln of the probability with which each slot's item was shown, and would have been, given the slots before it. */
  logged: Float64Array;
  evaluated: Float64Array;
}

/** IPS of lists: every slot has the weight of the whole list. `selfNormalized`: each slot over Σw, not over n. */
export function listIps(rows: ListRows, selfNormalized = false): Contributions {
  const { slots } = rows;
  const prefixes = prefixWeights(rows);
  const last = prefixes.map((_, i) => prefixes[i - (i % slots) + slots - 1]);
  return weighted(rows, last, selfNormalized);
}

/** RIPS, with the reward interaction: a slot has the weight of the list up to it. */
export function rips(rows: ListRows, selfNormalized = false): Contributions {
  return weighted(rows, prefixWeights(rows), selfNormalized);
}

/**
 * IIPS, with independent slots: a slot has the weight of its item at its rank, whatever the other slots hold. So
 * `logged` and `evaluated` are here logarithms of marginals (`plackettLuceMarginals`).
 */
export function iips(rows: ListRows, selfNormalized = false): Contributions {
  return weighted(rows, importanceWeights(rows.evaluated, rows.logged), selfNormalized);
}

function prefixWeights({ slots, logged, evaluated }: ListRows): Float64Array {
  const upTo = (logs: Float64Array): Float64Array => {
    let sum = 0;
    return logs.map((log, i) => (sum = i % slots === 0 ? log : sum + log));
  };
  return importanceWeights(upTo(evaluated), upTo(logged));
}

function weighted({ slots, rewards }: ListRows, weights: Float64Array, selfNormalized: boolean): Contributions {
  if (rewards.length !== weights.length)
    throw new FormatError("rewards", `got ${rewards.length}, expected one for each of ${weights.length} slots`);
  const ofSlot = (values: Float64Array, slot: number): Float64Array => values.filter((_, i) => i % slots === slot);
  const earned = weights.map((weight, i) => weight * rewards[i]);
  const numbers = Array.from({ length: slots }, (_, slot) => slot);
  const perSlot = numbers.map((slot) => ofSlot(weights, slot));
  const ratios = perSlot.map((own, slot) => ({
    numerators: ofSlot(earned, slot),
    denominators: selfNormalized ? own : new Float64Array(own.length).fill(1),
  }));
  return { ratios, weights: perSlot };
}
