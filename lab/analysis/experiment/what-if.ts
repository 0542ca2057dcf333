import type { Policy } from "../../../format/policy.ts";
import { fitPlatt } from "../../../trainer/calibration/platt.ts";
import { sigmoid } from "../../../trainer/metrics/metrics.ts";
import type { LineDatabase } from "../log/line-database.ts";
import { sumOf } from "../moments.ts";
import type { Contributions } from "../off-policy/contributions.ts";
import { type EstimateOptions, estimate } from "../off-policy/estimate.ts";
import { iips, type ListRows, listIps, rips } from "../off-policy/list-estimators.ts";
import { doublyRobust, ips, type RewardModel, snips, switchDoublyRobust } from "../off-policy/slot-estimators.ts";
import { clipped, importanceWeights } from "../off-policy/weights.ts";
import { finite } from "./compare.ts";
import { FOLDS, type OffPolicyLog, offPolicyLog } from "./off-policy-log.ts";
import type { OffPolicyResult } from "./result.ts";
import type { RewardModels } from "./reward-models.ts";
import type { Target } from "./target-policy.ts";

// What an arm's traffic would have earned if another policy had ordered its lists.

/** Weights above it are cut to it, or left to the reward model. */
const LARGE_WEIGHT = 10;
const RESAMPLES = 500;
const SEED = 1;

/** What the log says of an arm and a target, by every estimator that its policies allow. */
export async function whatIf(
  lines: LineDatabase,
  arm: string,
  target: Target,
  { alpha, models }: { alpha: number; models: RewardModels | undefined },
): Promise<OffPolicyResult[]> {
  if (target.policy.policy === "team-draft")
    return [refused(arm, target, "team-draft shows two models' lists at once, which is no policy of one of them")];
  const log = await offPolicyLog(lines, arm, target, models);
  if (log.lists === 0) return [refused(arm, target, `no line of the arm has what it takes: ${NEEDS[target.logits]}`)];
  const { rows, lists } = log;
  const options: EstimateOptions = { alpha, resamples: RESAMPLES, seed: SEED };
  const result = (estimator: string, contributions: Contributions | string, slots: number, of: JudgedRows = log) =>
    typeof contributions === "string"
      ? { ...NONE, estimator, refused: contributions }
      : { estimator, ...judged(contributions, of, slots, options) };
  const results = (named: Record<string, Contributions | string>, slots: number): OffPolicyResult["estimates"] =>
    Object.entries(named).map(([estimator, contributions]) => result(estimator, contributions, slots));
  const { marginals } = log;
  const whole = {
    "IPS of lists": listIps(rows),
    "IPS of lists, self-normalized": listIps(rows, true),
    RIPS: rips(rows),
    "RIPS, self-normalized": rips(rows, true),
  };
  const ofLists = log.support.list ? whole : refusedAll(whole);
  const ofFirst = firstSlotEstimators(log);
  const byMarginals = marginals
    ? result(iipsName(marginals.lists, lists), iipsOf(marginals.rows), rows.slots, marginals)
    : result("IIPS", NO_MARGINALS, rows.slots);
  const base = { arm, target: target.name, lists, refused: null };
  const observed = (rewards: Float64Array, slots: number): number =>
    sumOf(rewards.map((reward, i) => reward * log.counts[Math.floor(i / slots)])) / sumOf(log.counts);
  return [
    {
      ...base,
      slots: rows.slots,
      slot: "list",
      observed: observed(rows.rewards, rows.slots),
      estimates: [...results(ofLists, rows.slots), byMarginals],
    },
    {
      ...base,
      slots: rows.slots,
      slot: "first slot",
      observed: observed(firstRows(log).rewards, 1),
      estimates: results(log.support.first ? ofFirst : refusedAll(ofFirst), 1),
    },
  ];
}

/** Lists that an estimate is of. */
type JudgedRows = Pick<OffPolicyLog, "units" | "counts" | "rows" | "lists">;

const NO_MARGINALS = "it needs marginals: of Plackett–Luce of all these slots, or greedy, without pinned slots";

/** By logits that were changed, or are of another model than the order, an item may be where it could not come. */
function iipsOf(rows: ListRows): Contributions | string {
  if (rows.logged.every(Number.isFinite)) return iips(rows);
  return "by the logits in the log, an item was shown at a rank to which it could not come";
}

/** Marginals are dear: where not all lists had them, that is said. */
function iipsName(priced: number, lists: number): string {
  return priced === lists ? "IIPS" : `IIPS, of the first ${priced} lists`;
}

const NEEDS = {
  own: "an order of the arm's policy with the logits of all candidates",
  shadow: "an order of the arm's policy with a shadow's logits of all candidates",
};

const NONE = {
  value: null,
  error: null,
  normal: null,
  bootstrap: null,
  effectiveSize: null,
  largestWeight: null,
  meanWeight: null,
};

/** Every estimator, with the reason why it says nothing. */
function refusedAll(named: Record<string, unknown>): Record<string, string> {
  const reason = "the policy of the log never shows some of what this one would: it pins slots, or drafts teams";
  return Object.fromEntries(Object.keys(named).map((estimator) => [estimator, reason]));
}

function refused(arm: string, { name }: Target, reason: string): OffPolicyResult {
  return { arm, target: name, lists: 0, slots: 0, slot: "list", observed: null, estimates: [], refused: reason };
}

/** `slots`: the first ones of a list, which the estimate is of. */
function judged(
  contributions: Contributions,
  { units, counts, rows, lists }: JudgedRows,
  slots: number,
  options: EstimateOptions,
): Omit<OffPolicyResult["estimates"][number], "estimator"> {
  // Whether chance has put anything there: a pinned first slot has none, whatever the others have.
  const logged = Float64Array.from({ length: lists }, (_, i) =>
    sumOf(rows.logged.subarray(i * rows.slots, i * rows.slots + slots)),
  );
  const counted = (values: Float64Array): Float64Array => values.map((value, i) => value * counts[i]);
  const ratios = contributions.ratios.map(({ numerators, denominators }) => ({
    numerators: counted(numerators),
    denominators: counted(denominators),
  }));
  const found = estimate({ ...contributions, ratios }, units, logged, { ...options, counts });
  if ("refused" in found) return { ...NONE, refused: found.refused };
  // Where no unit differs from another, as without a click, nothing says how far off the value is.
  const intervals = found.error > 0 ? {} : { normal: null, bootstrap: null };
  return { ...found, ...intervals, value: finite(found.value), error: finite(found.error), refused: null };
}

function firstRows({ rows: { slots, rewards, logged, evaluated } }: OffPolicyLog) {
  const first = (values: Float64Array): Float64Array => values.filter((_, i) => i % slots === 0);
  return { weights: importanceWeights(first(evaluated), first(logged)), rewards: first(rewards) };
}

function firstSlotEstimators(log: OffPolicyLog): Record<string, Contributions | string> {
  const rows = firstRows(log);
  const model = trainedRewards(log) ?? rewardModel(log, rows.rewards);
  const of = log.first.clicked ? ", reward by trained models" : "";
  const missing = "its reward model needs clicks and other lists in both halves of the units";
  return {
    IPS: ips(rows),
    [`IPS, weights at most ${LARGE_WEIGHT}`]: ips({ ...rows, weights: clipped(rows.weights, LARGE_WEIGHT) }),
    SNIPS: snips(rows),
    [`DR${of}`]: model ? doublyRobust(rows, model) : missing,
    [`switch-DR, weights at most ${LARGE_WEIGHT}${of}`]: model
      ? switchDoublyRobust(rows, model, LARGE_WEIGHT)
      : missing,
  };
}

/** What trained models say of a click in the first slot; null where there are none. */
function trainedRewards({ first: { clicked, shown, probabilities } }: OffPolicyLog): RewardModel | null {
  return (
    clicked && {
      shown: Float64Array.from(clicked, (own, i) => own[shown[i]]),
      policy: Float64Array.from(clicked, (own, i) => sumOf(own.map((p, item) => p * probabilities[i][item]))),
    }
  );
}

/**
 * What the target's logits say of a click in the first slot: a line through them, by Platt scaling, which is fitted on
 * the units of the other half. Null where a half lacks clicks, or has nothing else.
 */
function rewardModel({ first, folds, lists }: OffPolicyLog, rewards: Float64Array): RewardModel | null {
  const shown = new Float64Array(lists);
  const policy = new Float64Array(lists);
  const labels = Uint8Array.from(rewards, (reward) => (reward > 0 ? 1 : 0));
  const all = Array.from(labels, (_, i) => i);
  for (let fold = 0; fold < FOLDS; fold++) {
    const others = all.filter((i) => folds[i] !== fold);
    const own = Uint8Array.from(others, (i) => labels[i]);
    if (!own.includes(0) || !own.includes(1)) return null;
    const logits = Float64Array.from(others, (i) => first.shownLogits[i]);
    const { slope, intercept } = fitPlatt({ logits, labels: own });
    const clicked = (logit: number): number => sigmoid(slope * logit + intercept);
    for (const i of all) {
      if (folds[i] !== fold) continue;
      shown[i] = clicked(first.shownLogits[i]);
      policy[i] = first.probabilities[i].reduce((sum, p, item) => sum + p * clicked(first.logits[i][item]), 0);
    }
  }
  return { shown, policy };
}

/** What an arm's lines say of an arm, as far as there can be another arm's target. */
export interface ArmModels {
  arm: string;
  models: readonly string[];
  shadows: readonly string[];
}

/**
 * The targets of an arm: each other arm whose model is its shadow, with that arm's policy, and each policy that was
 * asked for, with the arm's own logits.
 */
export function targetsOf(
  arm: ArmModels,
  arms: readonly (ArmModels & { policy: Policy | null })[],
  asked: readonly Policy[],
): Target[] {
  const byShadow = arms
    .filter((other) => other.arm !== arm.arm && other.models.some((model) => arm.shadows.includes(model)))
    .flatMap(({ arm: name, policy }): Target[] => (policy ? [{ name: `arm ${name}`, policy, logits: "shadow" }] : []));
  const byPolicy = arm.models.length > 0 ? asked : [];
  return [...byShadow, ...byPolicy.map((policy): Target => ({ name: JSON.stringify(policy), policy, logits: "own" }))];
}
