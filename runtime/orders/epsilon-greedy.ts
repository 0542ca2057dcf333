import { doublesOf, integersOf, zerosOf } from "./arena.ts";
import { log } from "./elementary.ts";
import type { Noise } from "./noise.ts";
import { best, Ranking } from "./ranking.ts";

// ε-greedy, slot by slot (Sutton and Barto, "Reinforcement Learning", section 2.2, over what is left of a list): with
// probability 1 − ε the best item that is left, otherwise any of those left.

/**
 * Draws the first `slots` of a list. `byLogit`: all items, the best first. What an exploring slot takes is the one with
 * the most noise of those left: as no slot before it looked at how these compare, it is uniform among them.
 */
export function drawEpsilonGreedy(
  byLogit: Int32Array,
  uniforms: Float64Array,
  noise: Noise,
  { epsilon, slots }: { epsilon: number; slots: number },
): Int32Array {
  const taken = zerosOf(byLogit.length);
  const greedy = new Ranking(byLogit);
  const exploring = new Ranking(best(uniforms, slots));
  const order = integersOf(slots);
  for (let j = 0; j < slots; j++) {
    const item = (noise.ofDraw(j) < epsilon ? exploring : greedy).best(taken);
    taken[item] = 1;
    order[j] = item;
  }
  return order;
}

/**
 * ln p of each of the first slots, given the ones before it: p = (1 − ε)·[the item is the best left] + ε/(items left).
 * `byLogit`: all items, the best first.
 */
export function epsilonGreedyLogPropensities(byLogit: Int32Array, shown: Int32Array, epsilon: number): Float64Array {
  const taken = zerosOf(byLogit.length);
  const ranking = new Ranking(byLogit);
  const logs = doublesOf(shown.length);
  for (let j = 0; j < shown.length; j++) {
    const item = shown[j];
    const greedy = ranking.best(taken) === item ? 1 - epsilon : 0;
    taken[item] = 1;
    logs[j] = log(greedy + epsilon / (byLogit.length - j));
  }
  return logs;
}
