import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { expect } from "vitest";
import { parsePolicy } from "../../format/policy.ts";
import { momentsOf } from "../../lab/analysis/moments.ts";
import type { Contributions } from "../../lab/analysis/off-policy/contributions.ts";
import { estimate } from "../../lab/analysis/off-policy/estimate.ts";
import { iips, listIps, rips } from "../../lab/analysis/off-policy/list-estimators.ts";
import {
  directMethod,
  doublyRobust,
  ips,
  selfNormalizedDoublyRobust,
  snips,
  switchDoublyRobust,
} from "../../lab/analysis/off-policy/slot-estimators.ts";
import { clipped, effectiveSampleSize, importanceWeights, shrunk } from "../../lab/analysis/off-policy/weights.ts";
import { plackettLuceMarginals } from "../../runtime/orders/marginals.ts";
import { logPropensities } from "../../runtime/orders/order.ts";
import { thompsonMarginals } from "../independent/experiments/thompson-sampling.ts";
import { sharedPath } from "../trainer/shared-data.ts";
import { candidates } from "./orders.ts";
import { type Checks, floats, sum } from "./vector.ts";

// What another policy would have earned.

export const OFF_POLICY: Checks = {
  "ope.basic"({ input: { reward, action, pscore, evaluation_policy, q_hat }, expected }, near) {
    const chosen = floats(action.map((a: number, i: number) => Math.log(evaluation_policy[i][a])));
    const weights = importanceWeights(chosen, floats(pscore.map(Math.log)));
    const rows = { weights, rewards: floats(reward) };
    const cap4 = { ...rows, weights: clipped(weights, 4) };
    const model = {
      shown: floats(action.map((a: number, i: number) => q_hat[i][a])),
      policy: floats(
        evaluation_policy.map((p: number[], i: number) => p.reduce((sum, x, a) => sum + x * q_hat[i][a], 0)),
      ),
    };
    const estimates = {
      ipw: ips(rows),
      ipw_clip_4: ips(cap4),
      snipw: snips(rows),
      dm: directMethod(rows, model),
      dr: doublyRobust(rows, model),
      dr_clip_4: doublyRobust(cap4, model),
      sndr: selfNormalizedDoublyRobust(rows, model),
      switch_dr_2: switchDoublyRobust(rows, model, 2),
      dros_3: doublyRobust({ ...rows, weights: shrunk(weights, 3) }, model),
    };
    near({ weights: [...weights], ...valuesOf(estimates), ess: effectiveSampleSize(weights) }, expected);
  },
  "ope.slate"({ input, expected }, near) {
    const { behaviour_logits, evaluation_logits, lists, rewards, temperature, behaviour, evaluation } = input;
    const logged = slateOf(behaviour_logits, lists, temperature);
    const evaluated = slateOf(evaluation_logits, lists, temperature);
    near(logged.probabilities, behaviour);
    near(evaluated.probabilities, evaluation);
    const common = { slots: 3, rewards: floats(rewards.flat()) };
    const rows = { ...common, logged: logged.slots, evaluated: evaluated.slots };
    const independent = { ...common, logged: logged.marginals, evaluated: evaluated.marginals };
    const estimates = {
      sips: listIps(rows),
      iips: iips(independent),
      rips: rips(rows),
      snsips: listIps(rows, true),
      sniips: iips(independent, true),
      snrips: rips(rows, true),
    };
    near(valuesOf(estimates), expected);
  },
  "ope.open-bandit"({ expected }, near) {
    const { clicks, logged } = openBandit("bts");
    const rows = {
      rewards: clicks,
      weights: importanceWeights(new Float64Array(clicks.length).fill(-Math.log(34)), logged),
    };
    near({ ...openBanditEstimates(rows), ...onPolicy() }, expected);
  },
  // By integrals in place of the file's 100,000 draws, whose chance alone moves ESS by some 0.2 %: the tolerance of the
  // file, for click rates, is no measure of that, and 1 % is.
  "ope.open-bandit.bts"({ expected: { ess, ...rates } }, near) {
    const { clicks, logged, items, positions } = openBandit("random");
    const policy = thompsonMarginals(BTS_PRIOR, 3);
    const evaluated = logged.map((_, i) => Math.log(policy[positions[i] - 1][items[i]]));
    const found = openBanditEstimates({ rewards: clicks, weights: importanceWeights(evaluated, logged) });
    near({ ips: found.ips, ipsSe: found.ipsSe, snips: found.snips }, rates);
    expect(Math.abs(found.ess / ess - 1)).toBeLessThan(0.01);
  },

  // IPW takes nothing from a round without a click, and so the 38 clicks are all that it needs: they and the
  // probabilities of Thompson sampling in obp's 100,000 draws are as `npm run bench -- off-policy` has them, which
  // computes DM, DR and obp's own intervals too. The interval here is of 2,000 other draws of rounds, whose ends have
  // standard errors of .00004 and .0002.
  "ope.obd-quickstart"({ expected: { ipw, ci95 } }, near) {
    const [rounds, draws] = [10_000, 100_000];
    const evaluated = new Float64Array(rounds).fill(Number.NEGATIVE_INFINITY);
    const rewards = new Float64Array(rounds);
    for (const [round, times] of QUICKSTART_CLICKS.entries()) {
      evaluated[round] = Math.log(times / draws);
      rewards[round] = 1;
    }
    const weights = importanceWeights(evaluated, new Float64Array(rounds).fill(-Math.log(80)));
    const { value, bootstrap } = estimated(ips({ weights, rewards }), 2000);
    near({ ipw: value }, { ipw });
    for (const [end, error] of [0.00004, 0.0002].entries())
      expect(Math.abs(bootstrap[end] - ci95.ipw[end])).toBeLessThan(4 * error);
  },
};

/** An estimate over rows of a unit each, whatever it is worth. */
function estimated(contributions: Contributions, resamples = 0) {
  const rows = contributions.ratios[0].numerators.length;
  const options = { alpha: 0.05, resamples, seed: 1, minEffectiveSize: 0 };
  const found = estimate(
    contributions,
    Uint32Array.from({ length: rows }, (_, i) => i),
    new Float64Array(rows).fill(-1),
    options,
  );
  if ("refused" in found) throw new Error(found.refused);
  return found;
}

function valuesOf(estimates: Record<string, Contributions>): Record<string, number> {
  return Object.fromEntries(Object.entries(estimates).map(([name, one]) => [name, estimated(one).value]));
}

/** What a policy says of three slots of lists: logarithms for the estimators, and probabilities as in the file. */
function slateOf(logits: number[][], lists: number[][], temperature: number) {
  const policy = parsePolicy({ policy: "plackett-luce", temperature });
  const logs = lists.map((shown, i) => logPropensities(policy, candidates(logits[i]), shown));
  const prefix = logs.map((slots) => slots.map((_, slot) => Math.exp(sum(slots.slice(0, slot + 1)))));
  const slot_marginal = lists.map((shown, i) => {
    const scaled = logits[i].map((logit) => logit / temperature);
    const marginals = plackettLuceMarginals(scaled, shown.length);
    return shown.map((item, slot) => marginals[scaled.length * slot + item]);
  });
  return {
    slots: floats(logs.flat()),
    marginals: floats(slot_marginal.flat().map(Math.log)),
    probabilities: { list: prefix.map((slots) => slots[slots.length - 1]), prefix, slot_marginal },
  };
}

/** obp/policy/conf/prior_bts.yaml of st-tech/zr-obp, campaign men: of each item. */
const BTS_PRIOR = [
  [47, 12198],
  [8, 3566],
  [62, 15993],
  [142, 35522],
  [3, 2367],
  [6, 3100],
  [100, 24665],
  [48, 13210],
  [23, 7061],
  [71, 18061],
  [61, 17449],
  [13, 5644],
  [16, 6787],
  [518, 111326],
  [30, 8776],
  [7, 3334],
  [4, 2271],
  [23, 7389],
  [8, 2659],
  [10, 3665],
  [11, 4724],
  [11, 3561],
  [18, 5085],
  [121, 27407],
  [11, 4601],
  [4, 2923],
  [32, 8897],
  [30, 8654],
  [9, 4000],
  [22, 6580],
  [6, 3174],
  [23, 6766],
  [5, 2602],
  [54, 14506],
].map(([alpha, beta]) => ({ alpha, beta }));

/**
 * How often, of 100,000 draws, obp's Thompson sampling shows the item of each click that the uniform policy logged, in
 * its slot: Open Bandit, campaign all.
 */
const QUICKSTART_CLICKS = [
  196, 702, 182, 255, 789, 232, 107, 61, 478, 1622, 51, 1307, 414, 29, 2501, 185, 4152, 4152, 167, 626, 24498, 834, 193,
  834, 191, 867, 766, 2428, 182, 157, 1480, 450, 34, 4841, 789, 64, 8, 87,
];

/** The log of a policy of Open Bandit, campaign men: 10,000 rows of one slot each. */
function openBandit(policy: string) {
  const csv = gunzipSync(readFileSync(sharedPath(`open-bandit/${policy}/men/men.csv.gz`))).toString();
  const [header, ...rows] = csv
    .trimEnd()
    .split("\n")
    .map((line) => line.split(",", 6));
  const column = (name: string): Float64Array => Float64Array.from(rows, (row) => Number(row[header.indexOf(name)]));
  return {
    clicks: column("click"),
    logged: column("propensity_score").map(Math.log),
    items: column("item_id"),
    positions: column("position"),
  };
}

function openBanditEstimates(rows: { rewards: Float64Array; weights: Float64Array }) {
  const { value, error, effectiveSize, largestWeight } = estimated(ips(rows));
  return { ips: value, ipsSe: error, snips: estimated(snips(rows)).value, ess: effectiveSize, largestWeight };
}

/** The clicks per row of each policy's own log. */
function onPolicy() {
  const [onPolicyRandom, onPolicyBts] = ["random", "bts"].map((policy) => momentsOf(openBandit(policy).clicks).mean);
  return { onPolicyRandom, onPolicyBts };
}
