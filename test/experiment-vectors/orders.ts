import { expect } from "vitest";
import { type Policy, parsePolicy } from "../../format/policy.ts";
import { signTest } from "../../lab/analysis/distributions/binomial.ts";
import { preference } from "../../lab/analysis/interleaving.ts";
import { plackettLuceMarginals } from "../../runtime/orders/marginals.ts";
import { drawOrder, logPropensities } from "../../runtime/orders/order.ts";
import { seeded } from "../../testing/format/random.ts";
import { listsOf } from "../../testing/orders/enumerate.ts";
import { randomSeed } from "../../testing/orders/replay.ts";
import { optimizedProbabilities } from "../independent/experiments/optimized-interleaving.ts";
import { teamClicks } from "../independent/experiments/team-clicks.ts";
import { type Any, type Checks, sum } from "./vector.ts";

// Policies, the probabilities of their lists, and interleaving.

export const ORDERS: Checks = {
  "plackett-luce.list": ({ input, expected }, near) =>
    near(
      input.map(({ logits, temperature, shown }: Any) => {
        const slots = logPropensities(parsePolicy({ policy: "plackett-luce", temperature }), candidates(logits), shown);
        return { slots, list: sum(slots) };
      }),
      expected,
    ),
  "plackett-luce.marginals"({ input: { logits, temperature, slots }, expected }, near) {
    const scaled = logits.map((logit: number) => logit / temperature);
    near([...plackettLuceMarginals(scaled, slots)], expected.flat());
  },
  "epsilon-greedy.slots"({ input: { best, epsilon, shown }, expected }, near) {
    const policy = parsePolicy({ policy: "epsilon-greedy", epsilon });
    near(
      shown.map((list: number[]) => {
        const logs = logPropensities(policy, candidates(logitsOf(best, best.length)), list);
        return { slots: logs.map(Math.exp), list: Math.exp(sum(logs)) };
      }),
      expected,
    );
  },
  "rank.softmax3"({ input: { ranks, power }, expected }, near) {
    const logits = ranks.map((rank: number) => -power * Math.log(rank));
    const policy = parsePolicy({ policy: "plackett-luce", temperature: 1 });
    near(
      ranks.map((_: number, item: number) => Math.exp(logPropensities(policy, candidates(logits), [item])[0])),
      expected,
    );
  },

  "team-draft.lists"({ input, expected }) {
    for (const [i, [own, rival, slots]] of input.entries()) {
      const items = [...new Set<number>([...own, ...rival])].sort((a, b) => a - b);
      const drafted = teamDraft(items, own, rival);
      const all = listsOf(items.length, slots, (_, left) => left.map(() => 1 / left.length));
      const p = [...all.keys()].map((list) => {
        const shown = list.split(",").map(Number);
        const log = sum(logPropensities(drafted.policy, drafted.candidates, shown));
        return [shown.map((item) => items[item]), Math.exp(log)] as const;
      });
      const possible = p.filter(([, probability]) => probability > 0);
      expect(possible.map(([list]) => list).sort()).toEqual([...expected[i]].sort());
      for (const [, probability] of possible) expect(probability).toBeCloseTo(1 / possible.length, 12);
    }
  },
  "team-draft.teams"({ input: { a, b }, expected }) {
    const { policy, candidates } = teamDraft([1, 2, 3], a, b);
    const random = seeded(1);
    const drawn = Array.from({ length: 200 }, () => {
      const { shown, draft } = drawOrder(policy, candidates, randomSeed(random));
      return JSON.stringify([shown, draft?.teams]);
    });
    expect(new Set(drawn).size).toBe(expected.distinctListsWithTeams);
  },
  "team-draft.credit"({ input: { list, teams, clicks }, expected }) {
    const slotTeams = list.map((item: number) => (teams[0].includes(item) ? 0 : 1));
    const names = { own: "a", rival: "b", tie: "tie" };
    const found = clicks.map((slots: number[]) => names[preference(teamClicks(slotTeams, slots))]);
    expect(found).toEqual(expected);
  },
  "optimized.probabilities": ({ input: { lists, rankings }, expected }, near) =>
    near(optimizedProbabilities(lists[0], lists[1], rankings), expected),
  "sign-test": ({ input: { wins, of }, expected }, near) => near({ p: signTest(wins, of) }, expected),
};

/** Candidates with logits, and with those of a rival. */
export function candidates(logits: number[], rivalLogits = logits) {
  return { ids: logits.map((_, i) => `item ${i}`), logits, rivalLogits };
}

/** Logits of n items by which `ranking` is their order; the others follow. */
function logitsOf(ranking: number[], n: number): number[] {
  return Array.from({ length: n }, (_, item) => (ranking.includes(item) ? n - ranking.indexOf(item) : -item));
}

function teamDraft(
  items: number[],
  own: number[],
  rival: number[],
): { policy: Policy; candidates: ReturnType<typeof candidates> } {
  const of = (ranking: number[]) =>
    logitsOf(
      ranking.map((item) => items.indexOf(item)),
      items.length,
    );
  return { policy: parsePolicy({ policy: "team-draft", rival: "other" }), candidates: candidates(of(own), of(rival)) };
}
