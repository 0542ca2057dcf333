import { doublesOf, integersOf, zerosOf } from "./arena.ts";
import { log } from "./elementary.ts";
import type { Noise } from "./noise.ts";
import { best, Ranking } from "./ranking.ts";

// Team-draft interleaving (Radlinski, Kurup and Joachims 2008, "How Does Clickthrough Data Reflect Retrieval
// Quality?", algorithm 2): for each pair of slots a coin says which model picks first, and each picks the best item
// that is left. An item belongs to the team of the model that picked it.

/** The team of the arm's own model, and that of its rival. */
export const OWN_TEAM = 0;
const RIVAL_TEAM = 1;

export interface Draft {
  /** The items of the first slots. */
  order: Int32Array;
  /** Of each pair of slots: the team that picked first. */
  coins: number[];
  /** Of each slot: the team that picked its item. */
  teams: number[];
}

/** Drafts the first `slots` of a list. `own`: all candidates, the best first. `rival`: the other model's logits. */
export function drawTeamDraft(own: Int32Array, rival: Float64Array, noise: Noise, slots: number): Draft {
  const taken = zerosOf(own.length);
  const rankings = [new Ranking(own), new Ranking(best(rival, slots))];
  const coins: number[] = [];
  const teams: number[] = [];
  const order = integersOf(slots);
  for (let j = 0; j < slots; j++) {
    if (j % 2 === 0) coins.push(noise.ofDraw(j >> 1) < 0.5 ? OWN_TEAM : RIVAL_TEAM);
    const team = coins[j >> 1] ^ (j & 1);
    const item = rankings[team].best(taken);
    taken[item] = 1;
    teams.push(team);
    order[j] = item;
  }
  return { order, coins, teams };
}

/**
 * ln p of each of the first slots, given the *items* before it: over both sides of the coins, which a list does not
 * always tell. A pair's first item is the best of one model or of both, with ½ for each. Given it, the second is the
 * other model's best of what is left; either model's, with ½ for each, where both wanted the first. `own`: all
 * candidates, the best first. `rival`: the other model's logits.
 */
export function teamDraftLogPropensities(own: Int32Array, rival: Float64Array, shown: Int32Array): Float64Array {
  const taken = zerosOf(own.length);
  const ofOwn = new Ranking(own);
  const ofRival = new Ranking(best(rival, shown.length));
  // Of each team: how probable it is, as far as the list tells, that it picks now. ½ : ½ where a pair begins.
  let ownPicks = 0.5;
  let rivalPicks = 0.5;
  const logs = doublesOf(shown.length);
  for (let j = 0; j < shown.length; j++) {
    if (j % 2 === 0) ownPicks = rivalPicks = 0.5;
    const item = shown[j];
    const ownPart = ofOwn.best(taken) === item ? ownPicks : 0;
    const rivalPart = ofRival.best(taken) === item ? rivalPicks : 0;
    const p = ownPart + rivalPart;
    taken[item] = 1;
    // The pair's other slot is the other team's. After an item that no team would have picked, none is probable.
    if (p > 0) {
      ownPicks = rivalPart / p;
      rivalPicks = ownPart / p;
    }
    logs[j] = log(p);
  }
  return logs;
}
