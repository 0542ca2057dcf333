import { existsSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import type { Contributions } from "../../../lab/analysis/off-policy/contributions.ts";
import { type EstimateOptions, estimate, type OffPolicyEstimate } from "../../../lab/analysis/off-policy/estimate.ts";
import { iips, type ListRows, listIps, rips } from "../../../lab/analysis/off-policy/list-estimators.ts";
import {
  directMethod,
  doublyRobust,
  ips,
  selfNormalizedDoublyRobust,
  snips,
  switchDoublyRobust,
} from "../../../lab/analysis/off-policy/slot-estimators.ts";
import { clipped, effectiveSampleSize, importanceWeights, shrunk } from "../../../lab/analysis/off-policy/weights.ts";
import { plackettLuceMarginals } from "../../../runtime/orders/marginals.ts";
import { plackettLuceLogPropensities } from "../../../runtime/orders/plackett-luce.ts";
import { policyTruth } from "../../../testing/experiments/policy-truth.ts";
import { sharedPath } from "../../trainer/shared-data.ts";
import { expectDigits, expectNear } from "./near.ts";

const OPTIONS: EstimateOptions = { alpha: 0.05, resamples: 200, seed: 1, minEffectiveSize: 0 };

const floats = (values: number[]): Float64Array => Float64Array.from(values);
const ownUnits = (count: number): Uint32Array => Uint32Array.from({ length: count }, (_, i) => i);

/** The estimate alone, whatever it is worth. */
function estimateOf(contributions: Contributions): number {
  return judged(contributions).value;
}

function judged(contributions: Contributions, options = OPTIONS): OffPolicyEstimate {
  const rows = contributions.ratios[0].numerators.length;
  const found = estimate(contributions, ownUnits(rows), new Float64Array(rows).fill(-1), options);
  if ("refused" in found) throw new Error(found.refused);
  return found;
}

// Inputs, and what Open Bandit Pipeline 0.5.5 (st-tech/zr-obp, obp/ope/estimators.py) makes of them.
describe("estimators of single choices", () => {
  const action = [0, 1, 2, 1, 0, 2];
  const pscore = [0.5, 0.3, 0.2, 0.25, 0.6, 0.1];
  const policy = [
    [0.2, 0.3, 0.5],
    [0.1, 0.8, 0.1],
    [0.3, 0.3, 0.4],
    [0.6, 0.2, 0.2],
    [0.25, 0.25, 0.5],
    [0.05, 0.15, 0.8],
  ];
  const qHat = [
    [0.6, 0.2, 0.3],
    [0.1, 0.2, 0.4],
    [0.5, 0.5, 0.7],
    [0.2, 0.1, 0.3],
    [0.4, 0.3, 0.2],
    [0.1, 0.1, 0.9],
  ];
  const chosen = floats(action.map((a, i) => Math.log(policy[i][a])));
  const weights = importanceWeights(chosen, floats(pscore.map(Math.log)));
  const rows = { weights, rewards: floats([1, 0, 1, 0, 0, 1]) };
  const model = {
    shown: floats(action.map((a, i) => qHat[i][a])),
    policy: floats(policy.map((p, i) => p.reduce((sum, q, a) => sum + q * qHat[i][a], 0))),
  };
  const cap4 = { ...rows, weights: clipped(weights, 4) };

  test.each([
    ["IPS", ips(rows), 1.7333333333333334],
    ["IPS, clipped at 4", ips(cap4), 1.0666666666666667],
    ["SNIPS", snips(rows), 0.7281213535589265],
    ["the direct method", directMethod(rows, model), 0.3891666666666667],
    ["DR", doublyRobust(rows, model), 0.5191666666666667],
    ["DR, clipped at 4", doublyRobust(cap4, model), 0.45250000000000007],
    ["DR, self-normalized", selfNormalizedDoublyRobust(rows, model), 0.44377576818358616],
    ["DR, shrunk by 3", doublyRobust({ ...rows, weights: shrunk(weights, 3) }, model), 0.3996895714218282],
    ["switch-DR at 2", switchDoublyRobust(rows, model, 2), 0.4747222222222223],
  ])("%s", (_, contributions, expected) => expectNear([estimateOf(contributions)], [expected]));

  test("weights and their effective number", () => {
    expectNear(weights, [0.4, 2.666666666666667, 2, 0.8, 0.4166666666666667, 8]);
    expectNear([effectiveSampleSize(weights)], [2.681400485569814]);
    expect(effectiveSampleSize(new Float64Array(3))).toBe(0);
    expect(effectiveSampleSize(floats([1e200, 1, 1]))).toBe(1);
    expect(judged(ips(rows)).largestWeight).toBeCloseTo(8, 12);
  });
});

describe("estimators of lists", () => {
  const behaviour = [
    [0, 0, 0, 0],
    [1, 0.5, 0, -0.5],
    [0.2, -0.3, 0.8, 0],
  ];
  const evaluation = [
    [1, 0, 0, -1],
    [0.5, 1, 0.5, 0],
    [0, 0, 2, 1],
  ];
  const lists = [
    [2, 0, 3],
    [0, 1, 2],
    [2, 3, 1],
  ];
  const logs = (logits: number[][]) =>
    floats(lists.flatMap((shown, i) => [...plackettLuceLogPropensities(logits[i], shown)]));
  const marginals = (logits: number[][]) =>
    floats(
      lists.flatMap((shown, i) => {
        const p = plackettLuceMarginals(logits[i], 3);
        return shown.map((item, slot) => Math.log(p[4 * slot + item]));
      }),
    );
  const rewards = floats([0, 1, 0, 1, 0, 1, 0, 0, 1]);
  const rows: ListRows = { slots: 3, rewards, logged: logs(behaviour), evaluated: logs(evaluation) };
  const independent = { ...rows, logged: marginals(behaviour), evaluated: marginals(evaluation) };

  // obp/ope/estimators_slate.py
  test.each([
    ["list IPS", listIps(rows), 1.6974554779041595],
    ["IIPS", iips(independent), 1.2807163452049972],
    ["RIPS", rips(rows), 1.9392246575101588],
    ["list IPS, self-normalized", listIps(rows, true), 1.1128578029814138],
    ["IIPS, self-normalized", iips(independent, true), 1.2286932096637344],
    ["RIPS, self-normalized", rips(rows, true), 1.3527113243069067],
  ])("%s", (_, contributions, expected) => expectNear([estimateOf(contributions)], [expected], 1e-12));

  test("have a set of weights for each slot", () => {
    const { weights } = rips(rows);
    expect(weights).toHaveLength(3);
    expectNear(weights[0], [
      0.1966119332414819 / 0.25,
      0.2350037122015945 / 0.45505423392341127,
      0.6102956854136232 / 0.42899827868855,
    ]);
    expectDigits(judged(rips(rows)).effectiveSize, Math.min(...weights.map(effectiveSampleSize)));
  });
});

describe("a log of which nothing can be learned", () => {
  const rows = { weights: floats(new Array(200).fill(1)), rewards: floats(new Array(200).fill(0)) };
  const strict = { ...OPTIONS, minEffectiveSize: 100 };

  test("is refused where its policy was greedy", () => {
    const found = estimate(ips(rows), ownUnits(200), new Float64Array(200), strict);
    expect(found).toEqual({ refused: "the logging policy was greedy: nothing is known of what it did not show" });
  });

  test("is refused where it is empty, and is an error where units are missing", () => {
    const none = { weights: floats([]), rewards: floats([]) };
    expect(estimate(ips(none), ownUnits(0), floats([]), strict)).toEqual({ refused: "the log is empty" });
    expect(() => estimate(ips(rows), ownUnits(3), new Float64Array(200), strict)).toThrow(
      "units: got 3, expected one for each of 200 rows",
    );
  });

  test("is refused where few rows decide", () => {
    const weights = rows.weights.map((_, i) => (i < 99 ? 1 : 0));
    const logged = new Float64Array(200).fill(-1);
    const few = estimate(ips({ ...rows, weights }), ownUnits(200), logged, strict);
    expect(few).toEqual({ refused: "the policies differ too much: an ESS of 99.0, expected 100 or more" });
    const enough = weights.map((weight, i) => (i === 99 ? 1 : weight));
    expect(estimate(ips({ ...rows, weights: enough }), ownUnits(200), logged, strict)).toMatchObject({ value: 0 });
    const none = estimate(snips({ ...rows, weights: rows.weights.map(() => 0) }), ownUnits(200), logged, strict);
    expect(none).toMatchObject({ refused: expect.stringContaining("an ESS of 0.0") });
  });

  test.each([
    [
      [-1],
      [Number.NEGATIVE_INFINITY],
      "logged[0]: got a log-propensity of -Infinity, expected a finite one of 0 at most",
    ],
    [[-1, -1], [-1, 0.5], "logged[1]: got a log-propensity of 0.5"],
    [[-1], [Number.NaN], "logged[0]: got a log-propensity of NaN"],
    [[-1], [-1, -1], "evaluated: got 1 rows, expected 2, as were logged"],
  ])("is an error where it cannot be one: %j, %j", (evaluated, logged, message) => {
    expect(() => importanceWeights(floats(evaluated), floats(logged))).toThrow(message);
  });
});

describe("intervals", () => {
  test("are by unit: rows that repeat others make none narrower", () => {
    const rewards = floats(Array.from({ length: 400 }, (_, i) => (i % 3 === 0 ? 1 : 0)));
    const once = judged(ips({ weights: rewards.map(() => 1), rewards }));
    const twice = floats([...rewards, ...rewards]);
    const rows = ips({ weights: twice.map(() => 1), rewards: twice });
    const units = Uint32Array.from(twice, (_, i) => i % 400);
    const found = estimate(rows, units, new Float64Array(800).fill(-1), OPTIONS);
    expect(found).toMatchObject({ value: once.value });
    expectDigits((found as OffPolicyEstimate).error, once.error);
  });

  test("of the bootstrap are near the normal ones, and the same for a seed", () => {
    const rewards = floats(Array.from({ length: 1000 }, (_, i) => (i % 4 === 0 ? 1 : 0)));
    const rows = ips({ weights: rewards.map(() => 1), rewards });
    const { normal, bootstrap } = judged(rows, { ...OPTIONS, resamples: 1000 });
    expectNear(bootstrap, normal, 0.006);
    expect(judged(rows, { ...OPTIONS, resamples: 1000 }).bootstrap).toEqual(bootstrap);
    expect(judged(rows, { ...OPTIONS, resamples: 1000, seed: 2 }).bootstrap).not.toEqual(bootstrap);
  });

  test("hold the truth, and estimates have no bias, where the truth is known", () => {
    // Of 40 intervals with 95 %, fewer than 32 hold the truth with a probability of 1 in 10,000.
    for (const [name, { bias, errorOfBias, covered }] of Object.entries(policyTruth(40, 300, 3))) {
      expect(Math.abs(bias), name).toBeLessThan(3.3 * errorOfBias);
      expect(covered, name).toBeGreaterThanOrEqual(32);
    }
  });
});

/** The log of a policy of Open Bandit, campaign men: 10,000 rows of one slot each. */
const openBanditPath = (policy: string): string => sharedPath(`open-bandit/${policy}/men/men.csv.gz`);
const hasOpenBandit = existsSync(openBanditPath("bts")) && existsSync(openBanditPath("random"));

function openBandit(policy: string): { clicks: Float64Array; logged: Float64Array; items: string[]; slots: string[] } {
  const [header, ...lines] = gunzipSync(readFileSync(openBanditPath(policy)))
    .toString()
    .trimEnd()
    .split("\n");
  const column = (name: string): string[] => {
    const i = header.split(",").indexOf(name);
    return lines.map((line) => line.split(",")[i]);
  };
  return {
    clicks: Float64Array.from(column("click"), Number),
    logged: Float64Array.from(column("propensity_score"), (p) => Math.log(Number(p))),
    items: column("item_id"),
    slots: column("position"),
  };
}

/** How many standard errors of their difference an estimate is from the clicks per row of the policy's own log. */
function distance({ value, error }: OffPolicyEstimate, clicks: Float64Array): number {
  const own = clicks.reduce((sum, click) => sum + click, 0) / clicks.length;
  return (value - own) / Math.hypot(error, Math.sqrt((own * (1 - own)) / clicks.length));
}

describe.skipIf(!hasOpenBandit)("Open Bandit, men", () => {
  test("uniform from the logs of Thompson sampling", () => {
    const { clicks, logged } = openBandit("bts");
    const uniform = logged.map(() => -Math.log(34));
    const rows = { rewards: clicks, weights: importanceWeights(uniform, logged) };
    const found = judged(ips(rows));
    const { value, error, effectiveSize, largestWeight } = found;
    expectNear([value], [0.0030086263272564836]);
    expectDigits(error, 0.0007739354628865029);
    expectDigits(effectiveSize, 655.7098495873154);
    expectDigits(largestWeight, 178.25311942959001);
    expectNear([estimateOf(snips(rows))], [0.003189423162277392]);
    expect(Math.abs(distance(found, openBandit("random").clicks))).toBeLessThan(1.96);
  });

  test("Thompson sampling, as often as its log shows an item in a slot, from the uniform logs", () => {
    const [bts, random] = [openBandit("bts"), openBandit("random")];
    const shown = Map.groupBy(bts.items.keys(), (row) => `${bts.slots[row]} ${bts.items[row]}`);
    const rowsOf = Map.groupBy(bts.slots, (slot) => slot);
    const evaluated = random.logged.map((_, row) => {
      const [slot, item] = [random.slots[row], random.items[row]];
      return Math.log((shown.get(`${slot} ${item}`)?.length ?? 0) / (rowsOf.get(slot)?.length ?? 1));
    });
    const found = judged(ips({ rewards: random.clicks, weights: importanceWeights(evaluated, random.logged) }));
    expect(found.effectiveSize).toBeGreaterThan(2000);
    expect(Math.abs(distance(found, bts.clicks))).toBeLessThan(1.96);
  });
});

if (!hasOpenBandit)
  console.log("skipped without ../shared/data/open-bandit: policies that were judged by their own logs");
