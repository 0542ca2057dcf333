import { parsePolicy } from "../../format/policy.ts";
import type { Contributions } from "../../lab/analysis/off-policy/contributions.ts";
import { estimate, type OffPolicyEstimate } from "../../lab/analysis/off-policy/estimate.ts";
import { iips, listIps, rips } from "../../lab/analysis/off-policy/list-estimators.ts";
import { doublyRobust, ips } from "../../lab/analysis/off-policy/slot-estimators.ts";
import { importanceWeights } from "../../lab/analysis/off-policy/weights.ts";
import { plackettLuceMarginals } from "../../runtime/orders/marginals.ts";
import { drawOrder, logPropensities } from "../../runtime/orders/order.ts";
import { seeded } from "../format/random.ts";

// Off-policy estimates where the truth is known: lists of three of five items, which a user reads from the top and
// leaves at the first click.

const LOGGED = [0.9, 0.3, 0, -0.4, -0.2];
const EVALUATED = [0.2, 0.9, -0.3, 0, 0.3];
/** The probability of a click on an item that is read. */
const TASTE = [0.1, 0.3, 0.2, 0.4, 0.25];
const SLOTS = 3;
const policy = parsePolicy({ policy: "plackett-luce", temperature: 1, k: SLOTS });
const ids = TASTE.map((_, i) => String(i));

/** P(item at rank) of either policy. */
const OF_LOGGED = plackettLuceMarginals(LOGGED, SLOTS);
const OF_EVALUATED = plackettLuceMarginals(EVALUATED, SLOTS);

/** What became of an estimator over many logs. */
export interface Truthfulness {
  /** Mean of estimate − truth, and the standard error of that mean. */
  bias: number;
  errorOfBias: number;
  /** How many of the normal intervals with 95 % hold the truth. */
  covered: number;
}

interface Log {
  independent: Contributions;
  list: Contributions;
  prefix: Contributions;
  slot: Contributions;
  robust: Contributions;
  logged: Float64Array;
}

/** By estimator: `logs` logs of `lists` lists each, each list of a unit of its own. */
export function policyTruth(logs: number, lists: number, seed: number): Record<string, Truthfulness> {
  const random = seeded(seed);
  const independent = seeded(seed + 1);
  const clicksOf = expectedClicks();
  const firstOf = firstSlotClicks();
  const alone = clicksAlone();
  const truths = { list: clicksOf, prefix: clicksOf, slot: firstOf, robust: firstOf, independent: alone };
  const names = Object.keys(truths) as (keyof typeof truths)[];
  const found = Object.fromEntries(names.map((name) => [name, [] as OffPolicyEstimate[]]));
  for (let i = 0; i < logs; i++) {
    const log = makeLog(lists, random, independent);
    const units = Uint32Array.from({ length: lists }, (_, unit) => unit);
    for (const name of names) {
      const options = { alpha: 0.05, resamples: 1, seed: i, minEffectiveSize: 0 };
      const one = estimate(log[name], units, log.logged, options);
      if ("refused" in one) throw new Error(one.refused);
      found[name]?.push(one);
    }
  }
  return Object.fromEntries(names.map((name) => [name, judge(found[name] ?? [], truths[name])]));
}

function judge(estimates: OffPolicyEstimate[], truth: number): Truthfulness {
  const n = estimates.length;
  const mean = estimates.reduce((sum, { value }) => sum + value, 0) / n;
  const variance = estimates.reduce((sum, { value }) => sum + (value - mean) ** 2, 0) / (n - 1);
  const covered = estimates.filter(({ normal: [low, high] }) => low <= truth && truth <= high).length;
  return { bias: mean - truth, errorOfBias: Math.sqrt(variance / n), covered };
}

function makeLog(lists: number, random: () => number, independent: () => number): Log {
  const logged = new Float64Array(lists * SLOTS);
  const evaluated = new Float64Array(lists * SLOTS);
  const rewards = new Float64Array(lists * SLOTS);
  const marginals = { logged: new Float64Array(lists * SLOTS), evaluated: new Float64Array(lists * SLOTS) };
  const rewardsAlone = new Float64Array(lists * SLOTS);
  const items = new Uint32Array(lists);
  const seed = new Uint8Array(16);
  for (let i = 0; i < lists; i++) {
    new DataView(seed.buffer).setFloat64(0, random());
    const order = drawOrder(policy, { ids, logits: LOGGED }, seed);
    const shown = order.shown.slice(0, SLOTS);
    logged.set(order.logPropensities, i * SLOTS);
    evaluated.set(logPropensities(policy, { ids, logits: EVALUATED }, shown), i * SLOTS);
    items[i] = shown[0] ?? 0;
    const clicked = shown.findIndex((item) => random() < (TASTE[item] ?? 0));
    if (clicked >= 0) rewards[i * SLOTS + clicked] = 1;
    for (const [slot, item] of shown.entries()) {
      const at = i * SLOTS + slot;
      marginals.logged[at] = Math.log(OF_LOGGED[slot * TASTE.length + item] ?? 0);
      marginals.evaluated[at] = Math.log(OF_EVALUATED[slot * TASTE.length + item] ?? 0);
      if (independent() < (TASTE[item] ?? 0)) rewardsAlone[at] = 1;
    }
  }
  const first = (values: Float64Array): Float64Array => values.filter((_, i) => i % SLOTS === 0);
  const rows = { slots: SLOTS, rewards, logged, evaluated };
  const slot = { weights: importanceWeights(first(evaluated), first(logged)), rewards: first(rewards) };
  // A reward model that is wrong by a constant and a factor: DR is to be right all the same.
  const guess = TASTE.map((p) => 0.7 * p + 0.1);
  const model = {
    shown: Float64Array.from(items, (item) => guess[item] ?? 0),
    policy: new Float64Array(lists).fill(shares(EVALUATED).reduce((sum, p, i) => sum + p * (guess[i] ?? 0), 0)),
  };
  return {
    list: listIps(rows),
    prefix: rips(rows),
    slot: ips(slot),
    robust: doublyRobust(slot, model),
    independent: iips({ slots: SLOTS, rewards: rewardsAlone, ...marginals }),
    logged: first(logged),
  };
}

function shares(logits: readonly number[]): number[] {
  const total = logits.reduce((sum, z) => sum + Math.exp(z), 0);
  return logits.map((z) => Math.exp(z) / total);
}

/** P(click on the first slot) under the evaluated policy. */
function firstSlotClicks(): number {
  return shares(EVALUATED).reduce((sum, p, i) => sum + p * (TASTE[i] ?? 0), 0);
}

/** The same where each slot is read and clicked whatever the others hold, as IIPS takes it to be. */
function clicksAlone(): number {
  return OF_EVALUATED.reduce((sum, p, i) => sum + p * (TASTE[i % TASTE.length] ?? 0), 0);
}

/** Clicks that are expected of a list under the evaluated policy, over all lists. */
function expectedClicks(): number {
  let clicks = 0;
  const extend = (before: number[], p: number, unread: number): void => {
    if (before.length === SLOTS) {
      clicks += p * (1 - unread);
      return;
    }
    const left = TASTE.map((_, i) => i).filter((i) => !before.includes(i));
    for (const [j, q] of shares(left.map((i) => EVALUATED[i] ?? 0)).entries()) {
      const item = left[j] ?? 0;
      extend([...before, item], p * q, unread * (1 - (TASTE[item] ?? 0)));
    }
  };
  extend([], 1, 1);
  return clicks;
}
