import { log } from "./elementary.ts";
import type { Noise } from "./noise.ts";
import { descending, Ranking } from "./ranking.ts";

// ε-greedy, slot by slot (Sutton and Barto, "Reinforcement Learning", section 2.2, over what is left of a list): with
// probability 1 − ε the best item that is left, otherwise any of those left.

/**
 * Draws the first `slots` of a list. What an exploring slot takes is the one with the most noise of those left: as no
 * slot before it looked at how these compare, it is uniform among them.
 */
export function drawEpsilonGreedy(
  logits: readonly number[],
  uniforms: readonly number[],
  noise: Noise,
  { epsilon, slots }: { epsilon: number; slots: number },
): number[] {
  const taken = logits.map(() => false);
  const byLogit = new Ranking(descending(logits));
  const byNoise = new Ranking(descending(uniforms));
  return Array.from({ length: slots }, (_, j) => {
    const item = (noise.ofDraw(j) < epsilon ? byNoise : byLogit).best(taken);
    taken[item] = true;
    return item;
  });
}

/**
 * ln p of each of the first slots, given the ones before it: p = (1 − ε)·[the item is the best left] + ε/(items left).
 */
export function epsilonGreedyLogPropensities(
  logits: readonly number[],
  shown: readonly number[],
  epsilon: number,
): number[] {
  const taken = logits.map(() => false);
  const byLogit = new Ranking(descending(logits));
  return shown.map((item, j) => {
    const greedy = byLogit.best(taken) === item ? 1 - epsilon : 0;
    taken[item] = true;
    return log(greedy + epsilon / (logits.length - j));
  });
}
