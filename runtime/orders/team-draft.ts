import { log } from "./elementary.ts";
import type { Noise } from "./noise.ts";
import { descending, Ranking } from "./ranking.ts";

// Team-draft interleaving (Radlinski, Kurup and Joachims 2008, "How Does Clickthrough Data Reflect Retrieval
// Quality?", algorithm 2): for each pair of slots a coin says which model picks first, and each picks the best item
// that is left. An item belongs to the team of the model that picked it.

/** The team of the arm's own model, and that of its rival. */
export const OWN_TEAM = 0;
export const RIVAL_TEAM = 1;

export interface Draft {
  /** The items of the first slots. */
  order: Uint32Array;
  /** Of each pair of slots: the team that picked first. */
  coins: Uint8Array;
  /** Of each slot: the team that picked its item. */
  teams: Uint8Array;
}

/** Drafts the first `slots` of a list. Logits of the two models over the same candidates. */
export function drawTeamDraft(own: Float64Array, rival: Float64Array, noise: Noise, slots: number): Draft {
  const taken = new Uint8Array(own.length);
  const rankings = [new Ranking(descending(own)), new Ranking(descending(rival))];
  const coins = Uint8Array.from({ length: Math.ceil(slots / 2) }, (_, pair) =>
    noise.ofDraw(pair) < 0.5 ? OWN_TEAM : RIVAL_TEAM,
  );
  const teams = Uint8Array.from({ length: slots }, (_, j) => coins[j >> 1] ^ (j & 1));
  const order = Uint32Array.from({ length: slots }, (_, j) => {
    const item = rankings[teams[j]].best(taken);
    taken[item] = 1;
    return item;
  });
  return { order, coins, teams };
}

/**
 * ln p of each of the first slots, given the *items* before it: over both sides of the coins, which a list does not
 * always tell. A pair's first item is the best of one model or of both, with ½ for each. Given it, the second is the
 * other model's best of what is left; either model's, with ½ for each, where both wanted the first.
 */
export function teamDraftLogPropensities(
  own: Float64Array,
  rival: Float64Array,
  shown: ArrayLike<number>,
): Float64Array {
  const taken = new Uint8Array(own.length);
  const rankings = [new Ranking(descending(own)), new Ranking(descending(rival))];
  // Of each team: how probable it is, as far as the list tells, that it picks now. ½ : ½ where a pair begins.
  let picks = [0.5, 0.5];
  return Float64Array.from(shown, (item, j) => {
    if (j % 2 === 0) picks = [0.5, 0.5];
    const parts = rankings.map((ranking, team) => (ranking.best(taken) === item ? picks[team] : 0));
    const p = parts[OWN_TEAM] + parts[RIVAL_TEAM];
    taken[item] = 1;
    // The pair's other slot is the other team's. After an item that no team would have picked, none is probable.
    if (p > 0) picks = [parts[RIVAL_TEAM] / p, parts[OWN_TEAM] / p];
    return log(p);
  });
}
