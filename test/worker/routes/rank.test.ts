import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { seeded } from "../../../testing/format/random.ts";
import { type RankAnswer, type ScoreAnswer, startWorker } from "../client.ts";
import { expectedScores, makeModel, publishTiny } from "../tiny-model.ts";
import { TRANSPORTS } from "../transports.ts";

const CONTEXT = { site: "site57", device: "phone" };
const ITEMS = [
  { ad: "ad0", tags: ["tag1", "tag250"], price: 12.5 },
  { ad: "ad1", tags: "tag3|tag200|tag201", price: "9" },
  { ad: "ad2" },
];
const whole = (items: readonly object[]): object[] => items.map((item) => ({ ...CONTEXT, ...item }));

const model = await makeModel(1, { items: ITEMS });
const withoutCatalogue = await makeModel(2);

beforeAll(async () => {
  await reset();
  await publishTiny(env.MODELS, model);
});

/** The probabilities of candidates with the context, in their order. */
function probabilities(candidates: readonly object[]): Promise<number[]> {
  return expectedScores(model, whole(candidates));
}

type Refused = [body: object | string, field: string, detail: string];

const REFUSED: Refused[] = [
  [{ context: CONTEXT }, "", "got neither candidates nor items, expected one of them"],
  [{ candidates: [], items: [] }, "", "got both candidates and items, expected one of them"],
  [{ context: { ad: "ad0" }, candidates: [] }, "context.ad", "got a field of the item, expected the context's"],
  [{ candidates: [{}, { site: "a" }] }, "candidates[1].site", "got a field of the context, expected the item's"],
  [{ candidates: [{ colour: 1 }] }, "candidates[0].colour", "unknown field"],
  [{ items: ["ad0", ""] }, "items[1]", "got no id"],
  [{ items: ["ad0", {}] }, "items[1]", "expected"],
  [{ context: [], items: [] }, "context", "expected an object of fields"],
  [{ candidates: [{ price: 1e30 }] }, "candidates[0]", "got numbers too large to score"],
  [{ items: new Array(10_001).fill("ad0") }, "items", "got 10001 items, expected at most 10000"],
  [{ candidates: [{}], ids: ["a", "b"] }, "ids", "got 2, expected 1, one for each of the candidates"],
  [{ candidates: [{}, {}], ids: ["a", ""] }, "ids[1]", "got no id"],
  [{ candidates: [{}, {}], ids: [true, "b"] }, "ids[0]", "got true, expected a string or a finite number"],
  ['{"candidates":[{}],"ids":[1e999]}', "ids[0]", "got Infinity, expected a string or a finite number"],
  [{ candidates: [{}, {}], ids: [2 ** 60, 1] }, "ids[0]", "expected integers beyond 2^53 as text"],
  [{ candidates: [{}, {}], ids: ["7", 7] }, "ids[1]", "got 7, which is ids[0] too, expected another"],
  [{ candidates: [{}], ids: "a" }, "ids", 'got "a", expected a list'],
  [{ items: ["ad0"], ids: ["a"] }, "ids", "got ids beside items, which are ids themselves, expected none"],
  [{ candidates: [{}], objective: "ecpm" }, "bids", 'got none, expected a bid for each candidate with "ecpm"'],
  [{ candidates: [{}], bids: [1] }, "bids", 'got bids, expected none without the objective "ecpm"'],
  [{ candidates: [{}], bids: [], objective: "ecpm" }, "bids", "got 0, expected 1, one for each of the candidates"],
  ...[0, -1, "1", null, [1]].map(
    (bid): Refused => [
      { items: ["ad0", "ad1"], bids: [1, bid], objective: "ecpm" },
      "bids[1]",
      `got ${typeof bid === "number" ? bid : JSON.stringify(bid)}, expected a finite number above 0`,
    ],
  ),
  [{ candidates: [{}], objective: "cpm" }, "objective", 'got "cpm", expected ("ctr" | "ecpm")'],
  ...[0, -1, 1.5, 10_001, "3", null].map(
    (k): Refused => [{ candidates: [{}], k }, "k", `got ${JSON.stringify(k)}, expected a whole number from 1 to 10000`],
  ),
  [{ candidates: [{}], k: 1, sort: false }, "k", 'got it with "sort": false, which answers the scores alone'],
  [{ candidates: [{}], ids: [1], sort: false }, "ids", 'got it with "sort": false'],
  [{ candidates: [{}], sort: 0 }, "sort", "got 0, expected boolean"],
];

describe.each(TRANSPORTS)("over %s", (_, start) => {
  /** What the Worker answers to a body that it takes. */
  async function ranked(body: object): Promise<RankAnswer> {
    const { status, answer } = await start().ask<RankAnswer>("rank", body);
    expect(status).toBe(200);
    return answer;
  }

  async function unsorted(body: object): Promise<{ scores: number[]; keys: number }> {
    const { status, answer, keys } = await start().ask<ScoreAnswer>("rank", { ...body, sort: false });
    expect(status).toBe(200);
    return { scores: answer.scores, keys };
  }

  describe("candidates come in the order of their scores", () => {
    test("with their positions, where they have no ids", async () => {
      const scores = await probabilities(ITEMS);
      const order = [0, 1, 2].sort((a, b) => (scores[b] as number) - (scores[a] as number));
      expect(order, "an order of its own").not.toEqual([0, 1, 2]);
      expect(await ranked({ context: CONTEXT, candidates: ITEMS })).toEqual({
        items: order.map((id, place) => ({ id, score: scores[id], rank: place + 1 })),
        model: "tiny",
        version: model.version,
      });
    });

    test("with their ids, text or numbers, and only the first k", async () => {
      const ids = ["sofa", 7, "lamp"];
      const all = await ranked({ context: CONTEXT, candidates: ITEMS, ids });
      const positions = await ranked({ context: CONTEXT, candidates: ITEMS });
      expect(all.items.map(({ id }) => id)).toEqual(positions.items.map(({ id }) => ids[id as number]));
      for (const k of [1, 2, 3, 10_000]) {
        const first = await ranked({ context: CONTEXT, candidates: ITEMS, ids, k, objective: "ctr" });
        expect(first.items).toEqual(all.items.slice(0, k));
      }
    });

    test("and in the request's order where they tie", async () => {
      const { items } = await ranked({ context: CONTEXT, candidates: Array(1000).fill({ ad: "ad1" }) });
      expect(items.map(({ id }) => id)).toEqual(Array.from(items.keys()));
      expect(items.map(({ rank }) => rank)).toEqual(Array.from(items.keys(), (i) => i + 1));
    });

    test("items of the catalogue with the ids that the request has, twice where it has one twice", async () => {
      const { items } = await ranked({ context: CONTEXT, items: ["ad2", "ad0", "ad2", "ad1"] });
      const [ad0, ad1, ad2] = (await probabilities(ITEMS)) as [number, number, number];
      const expected = Object.entries({ ad0, ad1, ad2 }).sort(([, a], [, b]) => b - a);
      expect(items.map(({ id }) => id)).toEqual(expected.flatMap(([id]) => (id === "ad2" ? [id, id] : [id])));
    });

    test("ids and bids whose list is longer than another member may be", async () => {
      const candidates = Array(10_000).fill({ ad: "ad1" });
      const ids = Array.from({ length: 10_000 }, (_, i) => `00000000-0000-4000-8000-${String(i).padStart(12, "0")}`);
      const bids = Array.from({ length: 10_000 }, (_, i) => 1 + i);
      const { items } = await ranked({ candidates, ids, bids, objective: "ecpm" });
      expect(items.map(({ id }) => id)).toEqual(ids.toReversed());
    });
  });

  test("ecpm orders 1,000 generated auctions by score × bid, ties as they came", async () => {
    const random = seeded(7);
    const client = start();
    for (let auction = 0; auction < 1000; auction += 100) {
      // A hundred auctions of ten in each round.
      const rounds = Array.from({ length: 100 }, () => {
        const candidates = Array.from({ length: 10 }, () => ({
          ad: `ad${Math.floor(4 * random())}`,
          price: Math.floor(5 * random()),
        }));
        return { candidates, bids: candidates.map(() => (random() < 0.3 ? 0.5 : 10 ** (6 * random() - 3))) };
      });
      const scores = await probabilities(rounds.flatMap(({ candidates }) => candidates));
      await Promise.all(
        rounds.map(async ({ candidates, bids }, round) => {
          const own = scores.slice(10 * round, 10 * round + 10);
          const body = { context: CONTEXT, candidates, bids, objective: "ecpm" };
          const { items } = (await client.ask<RankAnswer>("rank", body)).answer;
          const expected = candidates
            .map((_, id) => ({ id, score: own[id] as number, value: (own[id] as number) * (bids[id] as number) }))
            .sort((a, b) => b.value - a.value || a.id - b.id);
          expect(items).toEqual(expected.map((item, place) => ({ ...item, rank: place + 1 })));
        }),
      );
    }
  });

  describe('with "sort": false', () => {
    test("candidates score as their whole records do, in the request's order", async () => {
      const client = start();
      const { answer } = await client.ask<ScoreAnswer>("rank", { context: CONTEXT, candidates: ITEMS, sort: false });
      expect(answer).toEqual({ scores: await probabilities(ITEMS), model: "tiny", version: model.version });
      expect((await client.ask("score", { records: whole(ITEMS) })).answer).toEqual(answer);
    });

    test("a context may be missing, and so may all candidates", async () => {
      expect((await unsorted({ candidates: ITEMS })).scores).toEqual(await expectedScores(model, ITEMS));
      const empty = { context: CONTEXT, candidates: [] };
      expect((await unsorted(empty)).scores).toEqual([]);
      expect((await ranked(empty)).items).toEqual([]);
    });

    test("items of the catalogue score as their whole records do, without a row of theirs", async () => {
      const items = ["ad2", "ad0", "ad1", "ad0"];
      const { scores, keys } = await unsorted({ context: CONTEXT, items });
      expect(keys, "the context's page").toBe(1);
      const [ad0, ad1, ad2] = (await probabilities(ITEMS)) as [number, number, number];
      [ad2, ad0, ad1, ad0].forEach((expected, i) => {
        expect(scores[i]).toBeCloseTo(expected, 5);
      });
    });

    test("an id that is not in the catalogue scores by itself", async () => {
      const { scores } = await unsorted({ context: CONTEXT, items: ["ad1", "new", 7] });
      const [ad1, ...others] = await probabilities([ITEMS[1] as object, { ad: "new" }, { ad: 7 }]);
      expect(scores[0]).toBeCloseTo(ad1 as number, 5);
      expect(scores.slice(1)).toEqual(others);
    });
  });

  describe("a request that breaks the contract is 422 and names the place", () => {
    const client = start();

    test.each(REFUSED)("%j", async (body, field, detail) => {
      const problem = await client.problem("rank", body);
      expect(problem.status).toBe(422);
      expect(problem.field ?? "").toBe(field);
      expect(problem.detail).toContain(detail);
    });

    test("ids for a model without a catalogue", async () => {
      await publishTiny(env.MODELS, withoutCatalogue);
      onTestFinished(() => publishTiny(env.MODELS, model));
      const problem = await start().problem("rank", { items: ["ad0"] });
      expect(problem).toMatchObject({ status: 422, field: "items", detail: expect.stringContaining("no catalogue") });
    });
  });
});

test("the models route shows an admin the catalogue", async () => {
  const response = await startWorker().asAdmin("/v1/models");
  expect(await response.json()).toMatchObject({ models: [{ items: { field: "ad", count: 3 } }] });
});
