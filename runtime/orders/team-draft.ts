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
  order: number[];
  /** Of each pair of slots: the team that picked first. */
  coins: number[];
  /** Of each slot: the team that picked its item. */
  teams: number[];
}

/** Drafts the first `slots` of a list. Logits of the two models over the same candidates. */
export function drawTeamDraft(own: readonly number[], rival: readonly number[], noise: Noise, slots: number): Draft {
  const taken = own.map(() => false);
  const rankings = [new Ranking(descending(own)), new Ranking(descending(rival))];
  const coins = Array.from({ length: Math.ceil(slots / 2) }, (_, pair) =>
    noise.ofDraw(pair) < 0.5 ? OWN_TEAM : RIVAL_TEAM,
  );
  const teams = Array.from({ length: slots }, (_, j) => coins[j >> 1] ^ (j & 1));
  const order = Array.from({ length: slots }, (_, j) => {
    const item = rankings[teams[j]].best(taken);
    taken[item] = true;
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
  own: readonly number[],
  rival: readonly number[],
  shown: readonly number[],
): number[] {
  const taken = own.map(() => false);
  const rankings = [new Ranking(descending(own)), new Ranking(descending(rival))];
  // Of each team: how probable it is, as far as the list tells, that it picks now. ½ : ½ where a pair begins.
  let picks = [0.5, 0.5];
  return shown.map((item, j) => {
    if (j % 2 === 0) picks = [0.5, 0.5];
    const parts = rankings.map((ranking, team) => (ranking.best(taken) === item ? picks[team] : 0));
    const p = parts[OWN_TEAM] + parts[RIVAL_TEAM];
    taken[item] = true;
    // The pair's other slot is the other team's. After an item that no team would have picked, none is probable.
    if (p > 0) picks = [parts[RIVAL_TEAM] / p, parts[OWN_TEAM] / p];
    return log(p);
  });
}
