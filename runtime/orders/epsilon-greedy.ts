import { doublesOf, integersOf, zerosOf } from "./arena.ts";
import { log } from "./elementary.ts";
import type { Noise } from "./noise.ts";
import { Ranking } from "./ranking.ts";

// ε-greedy, slot by slot (Sutton and Barto, "Reinforcement Learning", section 2.2, over what is left of a list): with
// probability 1 − ε the best item that is left, otherwise any of those left.

/**
 * Draws the first `slots` of a list. What an exploring slot takes is the one with the most noise of those left: as no
 * slot before it looked at how these compare, it is uniform among them.
 */
export function drawEpsilonGreedy(
  logits: Float64Array,
  uniforms: Float64Array,
  noise: Noise,
  { epsilon, slots }: { epsilon: number; slots: number },
): Int32Array {
  const taken = zerosOf(logits.length);
  const byLogit = new Ranking(logits);
  const byNoise = new Ranking(uniforms);
  const order = integersOf(slots);
  for (let j = 0; j < slots; j++) {
    const item = (noise.ofDraw(j) < epsilon ? byNoise : byLogit).best(taken);
    taken[item] = 1;
    order[j] = item;
  }
  return order;
}

/**
 * ln p of each of the first slots, given the ones before it: p = (1 − ε)·[the item is the best left] + ε/(items left).
 */
export function epsilonGreedyLogPropensities(logits: Float64Array, shown: Int32Array, epsilon: number): Float64Array {
  const taken = zerosOf(logits.length);
  const byLogit = new Ranking(logits);
  const logs = doublesOf(shown.length);
  for (let j = 0; j < shown.length; j++) {
    const item = shown[j];
    const greedy = byLogit.best(taken) === item ? 1 - epsilon : 0;
    taken[item] = 1;
    logs[j] = log(greedy + epsilon / (logits.length - j));
  }
  return logs;
}
