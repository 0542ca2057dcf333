import { describe, expect, test } from "vitest";
import { parsePolicy } from "../../../format/policy.ts";
import { Noise } from "../../../runtime/orders/noise.ts";
import { drawOrder, logPropensities } from "../../../runtime/orders/order.ts";
import { seeded } from "../../../testing/format/random.ts";
import {
  epsilonGreedyLists,
  type Lists,
  plackettLuceLists,
  teamDraftLists,
} from "../../../testing/orders/enumerate.ts";
import { listChiSquare } from "../../../testing/orders/list-chi-square.ts";
import { POLICIES, randomCandidates, randomSeed } from "../../../testing/orders/replay.ts";

const own = [0.3, -1.2, 1.4, 0.9, 0.31];
const rival = [1, 1.5, -2, 0.9, -3];
const ids = own.map((_, i) => `item ${i}`);

describe("orders that are drawn", () => {
  const cases: [object, Lists][] = [
    [{ policy: "plackett-luce", temperature: 1, k: 3 }, plackettLuceLists(own, 3)],
    [{ policy: "epsilon-greedy", epsilon: 0.4, k: 3 }, epsilonGreedyLists(own, 3, 0.4)],
    [{ policy: "team-draft", rival: "other", k: 4 }, teamDraftLists(own, rival, 4)],
  ];
  test.each(cases)("%j: 33,000 lists are as frequent as they are probable", (policy, lists) => {
    const { z, foreign } = listChiSquare(parsePolicy(policy), { ids, logits: own, rivalLogits: rival }, lists, 33_000);
    expect(foreign).toBe(0);
    expect(Math.abs(z)).toBeLessThan(4);
  });

  test("a test of that kind finds a policy that is a little off", () => {
    const policy = parsePolicy({ policy: "plackett-luce", temperature: 1.3, k: 3 });
    const { z } = listChiSquare(policy, { ids, logits: own }, plackettLuceLists(own, 3), 8_000);
    expect(z).toBeGreaterThan(6);
  });

  test("the noise of a candidate has nothing to do with its place", () => {
    const random = seeded(3);
    for (let i = 0; i < 50; i++) {
      const policy = parsePolicy({ policy: "plackett-luce", temperature: 2 });
      const candidates = randomCandidates(random, 12);
      const seed = randomSeed(random);
      const names = [...drawOrder(policy, candidates, seed).shown].map((j) => candidates.ids[j]);
      const turned = {
        ids: candidates.ids.toReversed(),
        logits: Array.from(candidates.logits).reverse(),
      };
      expect([...drawOrder(policy, turned, seed).shown].map((j) => turned.ids[j])).toEqual(names);
    }
  });

  test("team-draft tells the coins, and whose pick each item was", () => {
    const policy = parsePolicy({ policy: "team-draft", rival: "other", k: 3 });
    const lists = new Set<string>();
    const random = seeded(4);
    for (let i = 0; i < 100; i++) {
      const order = drawOrder(
        policy,
        { ids: ["a", "b", "c"], logits: [3, 2, 1], rivalLogits: [1, 3, 2] },
        randomSeed(random),
      );
      const { coins, teams } = order.draft ?? {};
      expect(coins).toHaveLength(2);
      expect([...(teams ?? [])]).toEqual([coins?.[0], 1 - Number(coins?.[0]), coins?.[1]]);
      lists.add(`${order.shown} ${teams}`);
    }
    // As in the tests of mpkato/interleaving: two lists, whose last item is of either team.
    expect([...lists].sort()).toEqual(["0,1,2 0,1,0", "0,1,2 0,1,1", "1,0,2 1,0,0", "1,0,2 1,0,1"]);
  });

  // Rankings of two models over four items, and all lists that can come of them: mpkato/interleaving, test_team_draft.
  test.each([
    [[1, 2, 3], [2, 3, 1], 2, ["1,2", "2,1"]],
    [[1, 2, 3], [2, 3, 1], 3, ["1,2,3", "2,1,3"]],
    [[1, 2, 3, 4], [3, 4, 1, 2], 2, ["1,3", "3,1"]],
    [[1, 2, 3, 4], [3, 4, 1, 2], 3, ["1,3,2", "1,3,4", "3,1,2", "3,1,4"]],
  ])("team-draft of %j and %j in %d slots", (a, b, k, expected) => {
    const policy = parsePolicy({ policy: "team-draft", rival: "other", k });
    const logitsOf = (ranking: number[]): number[] => ranking.map((_, i) => -ranking.indexOf(i + 1));
    const random = seeded(2);
    const lists = new Map<string, number>();
    for (let i = 0; i < 200; i++) {
      const candidates = { ids: a.map(String), logits: logitsOf(a), rivalLogits: logitsOf(b) };
      const order = drawOrder(policy, candidates, randomSeed(random));
      lists.set([...order.shown.slice(0, k)].map((item) => item + 1).join(), Math.exp(order.logPropensity));
    }
    expect([...lists.keys()].sort()).toEqual(expected);
    for (const p of lists.values()) expect(p).toBeCloseTo(1 / expected.length, 14);
  });

  test("a list of none, and of one", () => {
    for (const policy of POLICIES) {
      const none = drawOrder(policy, { ids: [], logits: [], rivalLogits: [] }, new Uint8Array(16));
      expect([none.shown.length, none.logPropensities.length, none.logPropensity]).toEqual([0, 0, 0]);
      const one = drawOrder(policy, { ids: ["a"], logits: [1], rivalLogits: [2] }, new Uint8Array(16));
      expect([[...one.shown], one.logPropensity]).toEqual([[0], 0]);
    }
  });
});

describe("noise", () => {
  test("is uniform, and its names do not meet", () => {
    const noise = new Noise(Uint8Array.from({ length: 16 }, (_, i) => i));
    const n = 20_000;
    let sum = 0;
    let squares = 0;
    const seen = new Set<number>();
    for (let i = 0; i < n; i++) {
      const u = noise.ofCandidate(String(i));
      sum += u;
      squares += u * u;
      seen.add(u).add(noise.ofDraw(i));
    }
    expect(seen.size).toBe(2 * n);
    expect(Math.abs(sum / n - 1 / 2)).toBeLessThan(4 * Math.sqrt(1 / 12 / n));
    expect(Math.abs(squares / n - 1 / 3)).toBeLessThan(4 * Math.sqrt(4 / 45 / n));
  });
});

describe("what cannot be ordered is refused", () => {
  const policy = parsePolicy({ policy: "plackett-luce", temperature: 0.01 });
  const draft = parsePolicy({ policy: "team-draft", rival: "other" });
  const seed = new Uint8Array(16);
  const two = { ids: ["a", "b"], logits: [0.01, 0.02] };
  test.each([
    ["seed: got 3 bytes, expected 16", () => drawOrder(policy, { ids: ["a"], logits: [1] }, new Uint8Array(3))],
    ["logits: got 2, expected one for each of 1 ids", () => drawOrder(policy, { ids: ["a"], logits: [1, 2] }, seed)],
    [
      "logits[1]: got NaN, expected a finite number",
      () => drawOrder(policy, { ids: ["a", "b"], logits: [1, Number.NaN] }, seed),
    ],
    [
      "logits[0]: got -100000, expected ±10485.76 at most",
      () => drawOrder(policy, { ids: ["a"], logits: [-1e5] }, seed),
    ],
    [
      'ids[2]: got "a", which is ids[0] too',
      () => drawOrder(policy, { ids: ["a", "b", "a"], logits: [1, 2, 3] }, seed),
    ],
    ["rivalLogits: got none", () => drawOrder(draft, { ids: ["a"], logits: [1] }, seed)],
    ["shown[1]: got 2, expected 0 to 1", () => logPropensities(policy, two, [0, 2])],
    ["shown[0]: got -1, expected 0 to 1", () => logPropensities(policy, two, [-1])],
    ["shown[1]: got 0 once more, expected each candidate once", () => logPropensities(policy, two, [0, 0])],
    ["rivalLogits[0]: got Infinity", () => drawOrder(draft, { ids: ["a"], logits: [1], rivalLogits: [1 / 0] }, seed)],
  ])("%s", (message, order) => {
    expect(order).toThrow(expect.objectContaining({ name: "FormatError", message: expect.stringContaining(message) }));
  });
});
