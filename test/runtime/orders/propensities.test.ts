import { describe, expect, test } from "vitest";
import { parsePolicy } from "../../../format/policy.ts";
import { plackettLuceMarginals } from "../../../runtime/orders/marginals.ts";
import { drawOrder, logPropensities } from "../../../runtime/orders/order.ts";
import { seeded } from "../../../testing/format/random.ts";
import {
  epsilonGreedyLists,
  type Lists,
  marginalsOf,
  plackettLuceLists,
  teamDraftLists,
} from "../../../testing/orders/enumerate.ts";
import { POLICIES, randomCandidates, randomSeed } from "../../../testing/orders/replay.ts";

const total = (logs: Iterable<number>): number => [...logs].reduce((a, b) => a + b, 0);
const candidatesOf = (logits: number[], rivalLogits = logits) => ({
  ids: logits.map((_, i) => `item ${i}`),
  logits,
  rivalLogits,
});

describe("propensities of lists", () => {
  const own = [0.3, -1.2, 2, 0.9, 0.31];
  const rival = [1, 1.5, -2, 0.9, -3];
  const lists: [object, Lists][] = [];
  for (const k of [1, 2, 3, 4, 5]) {
    lists.push(
      [
        { policy: "plackett-luce", temperature: 0.5, k },
        plackettLuceLists(
          own.map((x) => x / 0.5),
          k,
        ),
      ],
      [{ policy: "epsilon-greedy", epsilon: 0.3, k }, epsilonGreedyLists(own, k, 0.3)],
      [{ policy: "team-draft", rival: "other", k }, teamDraftLists(own, rival, k)],
    );
  }

  test.each(lists)("%j: those of the definition, which are all", (policy, expected) => {
    expect(total(expected.values())).toBeCloseTo(1, 12);
    for (const [list, p] of expected) {
      const logs = logPropensities(parsePolicy(policy), candidatesOf(own, rival), list.split(",").map(Number));
      expect(Math.abs(Math.exp(total(logs)) - p), list).toBeLessThan(1e-14);
    }
  });

  test("a slot's add up to 1 over the items that are left, whatever came before", () => {
    const random = seeded(5);
    for (const policy of POLICIES) {
      const n = 6;
      const candidates = randomCandidates(random, n);
      const { shown } = drawOrder(policy, candidates, randomSeed(random));
      for (let slot = 0; slot < n; slot++) {
        const before = [...shown.slice(0, slot)];
        const left = [...shown.slice(slot)];
        const p = left.map((item) => Math.exp(logPropensities(policy, candidates, [...before, item])[slot]));
        expect(total(p), JSON.stringify(policy)).toBeCloseTo(1, 12);
      }
    }
  });

  test("what is drawn states what it is given back", () => {
    const random = seeded(6);
    for (let i = 0; i < 400; i++) {
      const policy = POLICIES[i % POLICIES.length];
      const candidates = randomCandidates(random, 1 + (i % 9));
      const order = drawOrder(policy, candidates, randomSeed(random));
      expect([...order.shown].sort((a, b) => a - b)).toEqual(candidates.ids.map((_, j) => j));
      const whole = logPropensities(policy, candidates, order.shown);
      expect([...whole.slice(0, order.logPropensities.length)]).toEqual([...order.logPropensities]);
      expect(total(whole.slice(order.logPropensities.length))).toBe(0);
      expect(order.logPropensity).toBe(total(order.logPropensities));
      expect(order.logPropensity).toBeGreaterThan(Number.NEGATIVE_INFINITY);
      for (const slot of policy.pinned ?? []) if (slot < order.shown.length) expect(order.shown[slot]).toBe(slot);
    }
  });

  test("pinned slots leave a draw among the others", () => {
    const policy = parsePolicy({ policy: "plackett-luce", temperature: 1, k: 3, pinned: [1] });
    const candidates = candidatesOf([0.5, 9, 1, -1]);
    const expected = plackettLuceLists([0.5, 1, -1], 2);
    const place = [0, 2, 3];
    for (const [list, p] of expected) {
      const [first, second] = list.split(",").map((i) => place[Number(i)]);
      const logs = logPropensities(policy, candidates, [first, 1, second]);
      expect(logs[1]).toBe(0);
      expect(Math.exp(total(logs))).toBeCloseTo(p, 14);
    }
    expect([...logPropensities(policy, candidates, [1, 0, 2])]).toEqual(new Array(3).fill(Number.NEGATIVE_INFINITY));
  });

  test.each([
    { policy: "plackett-luce", temperature: 0.5 },
    { policy: "plackett-luce", temperature: 2, k: 1 },
    { policy: "epsilon-greedy", epsilon: 0.3, k: 2 },
    { policy: "greedy" },
  ])("what stands before a slot without its pinned item is as probable as in any list: %o", (own) => {
    const policy = parsePolicy({ ...own, pinned: [2] });
    const candidates = candidatesOf([0.5, 2, 1, -1]);
    for (const [shown, possible] of [
      [
        [0, 1, 2, 3],
        [0, 1, 2, 3],
      ],
      [
        [0, 1, 3, 2],
        [0, 1],
      ],
      [
        [3, 0, 1, 2],
        [3, 0],
      ],
      [[1, 2, 0, 3], [1]],
      [[2, 0, 1, 3], []],
    ]) {
      const logs = logPropensities(policy, candidates, shown);
      expect(logs.slice(0, possible.length)).toEqual(logPropensities(policy, candidates, possible));
      expect(logs.slice(possible.length).every((log) => log === Number.NEGATIVE_INFINITY)).toBe(true);
    }
    // Whatever comes after it, something is in the first slot.
    const first = [0, 1, 3].map((item) => {
      const others = [0, 1, 2, 3].filter((other) => other !== item);
      return Math.exp(logPropensities(policy, candidates, [item, ...others.toReversed()])[0]);
    });
    expect(first.reduce((a, b) => a + b)).toBeCloseTo(1, 14);
  });

  test("slots after the first k follow by logit, ties in the caller's order", () => {
    const policy = parsePolicy({ policy: "epsilon-greedy", epsilon: 1, k: 1 });
    const candidates = candidatesOf([1, 2, 1, 3]);
    expect([...drawOrder(parsePolicy({ policy: "greedy" }), candidates, new Uint8Array(16)).shown]).toEqual([
      3, 1, 0, 2,
    ]);
    expect([...logPropensities(policy, candidates, [0, 3, 1, 2])].map(Math.exp)).toEqual([0.25, 1, 1, 1]);
    expect(total(logPropensities(policy, candidates, [0, 1, 3, 2]))).toBe(Number.NEGATIVE_INFINITY);
  });

  // The sums that a dominating logit would swallow: computed in the log domain from the last slot backwards.
  test.each([
    [[2, 1, 0, -1], 1, [0, 1], [-0.4401896985611953, -0.40760596444438035]],
    [[2, 1, 0, -1], 1, [3, 2, 1, 0], [-3.4401896985611957, -2.4076059644443806, -1.313261687518223, 0]],
    [[2, 1, 0, -1], 0.5, [1, 0, 2], [-2.1450779389607817, -0.02058113894732916, -0.1269280110429725]],
    [[0, 0, 0, 0, 0], 1, [4, 2], [-1.6094379124341003, -1.3862943611198906]],
    [[3, -40, -41, -80], 0.1, [0, 1, 2, 3], [0, -4.539889920351925e-5, 0, 0]],
    [[800, 0, -800], 1, [2, 1], [-1600, -800]],
  ])("Plackett–Luce of %j, temperature %d, shown %j", (logits, temperature, shown, expected) => {
    const policy = parsePolicy({ policy: "plackett-luce", temperature, k: shown.length });
    const logs = logPropensities(policy, candidatesOf(logits), shown);
    for (const [j, log] of expected.entries()) expect(Math.abs(logs[j] - log)).toBeLessThan(1e-12);
  });

  test.each([
    [
      [0, 1, 2],
      [0.85, 0.8666666666666667, 0.9],
    ],
    [
      [2, 0, 1],
      [0.05, 0.8666666666666667, 0.9],
    ],
    [
      [3, 2, 1],
      [0.05, 0.06666666666666667, 0.1],
    ],
  ])("ε-greedy of four, ε 0.2, shown %j", (shown, expected) => {
    const policy = parsePolicy({ policy: "epsilon-greedy", epsilon: 0.2, k: 3 });
    const logs = logPropensities(policy, candidatesOf([4, 3, 2, 1]), shown);
    for (const [j, p] of expected.entries()) expect(Math.abs(Math.exp(logs[j]) - p)).toBeLessThan(1e-12);
  });

  test("probabilistic interleaving is Plackett–Luce of −3 ln rank (Hofmann et al. 2011)", () => {
    const logits = [1, 2, 3].map((rank) => -3 * Math.log(rank));
    const policy = parsePolicy({ policy: "plackett-luce", temperature: 1 });
    const p = [0, 1, 2].map((item) => Math.exp(logPropensities(policy, candidatesOf(logits), [item])[0]));
    expect(p.map((x) => Number(x.toFixed(5)))).toEqual([0.86056, 0.10757, 0.03187]);
  });
});

describe("marginals of Plackett–Luce", () => {
  test("are those of the permutations, for logits near and far", () => {
    const random = seeded(8);
    for (let i = 0; i < 60; i++) {
      const n = 1 + (i % 6);
      const scale = [0.1, 3, 40, 700][i % 4];
      const z = Array.from({ length: n }, () => scale * (2 * random() - 1));
      const k = 1 + Math.floor(n * random());
      const expected = marginalsOf(plackettLuceLists(z, k), n, k);
      for (const [j, p] of plackettLuceMarginals(z, k).entries())
        expect(Math.abs(p - expected[j]), `${z} at ${j}`).toBeLessThan(1e-10);
    }
  });

  test("of a published example", () => {
    const expected = [
      [0.6439142598879722, 0.2368828180899101, 0.08714431874203253, 0.03205860328008498],
      [0.2826774232904856, 0.4588174329023083, 0.1875212873836749, 0.07098385642353122],
      [0.06733215718543241, 0.25251375790353553, 0.4827273910286701, 0.19742669388236198],
    ].flat();
    for (const [j, p] of plackettLuceMarginals([2, 1, 0, -1], 3).entries())
      expect(Math.abs(p - expected[j])).toBeLessThan(1e-13);
  });

  test("of equal items are equal", () => {
    for (const p of plackettLuceMarginals(new Array(80).fill(3), 80)) expect(Math.abs(p - 1 / 80)).toBeLessThan(1e-13);
  });

  test("of 60 items add up to 1, rank by rank and item by item", () => {
    const random = seeded(9);
    const n = 60;
    const marginals = plackettLuceMarginals(
      Array.from({ length: n }, () => 8 * random()),
      n,
    );
    for (let r = 0; r < n; r++) {
      expect(total(marginals.subarray(r * n, (r + 1) * n))).toBeCloseTo(1, 12);
      expect(total(marginals.filter((_, j) => j % n === r))).toBeCloseTo(1, 12);
    }
  });
});
