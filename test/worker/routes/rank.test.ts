import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { kvKeys, type ScoreAnswer, startWorker } from "../client.ts";
import { expectedScores, makeModel, publishTiny } from "../tiny-model.ts";

const CONTEXT = { site: "site57", device: "phone" };
const ITEMS = [
  { ad: "ad0", tags: ["tag1", "tag250"], price: 12.5 },
  { ad: "ad1", tags: "tag3|tag200|tag201", price: "9" },
  { ad: "ad2" },
];
const whole = (items: readonly object[]): object[] => items.map((item) => ({ ...CONTEXT, ...item }));

const model = await makeModel(1, { items: ITEMS });
const withoutCatalogue = await makeModel(2);

beforeEach(async () => {
  await reset();
  await publishTiny(env.MODELS, model);
});

async function scoresOf(response: Response): Promise<number[]> {
  expect(response.status).toBe(200);
  return (await response.json<ScoreAnswer>()).scores;
}

test("candidates score as their whole records do", async () => {
  const worker = startWorker();
  const response = await worker.post("/v1/rank", { context: CONTEXT, candidates: ITEMS });
  expect(await response.clone().json()).toEqual({
    scores: await expectedScores(model, whole(ITEMS)),
    model: "tiny",
    version: model.version,
  });
  expect(await scoresOf(await worker.score({ records: whole(ITEMS) }))).toEqual(await scoresOf(response));
});

test("a context may be missing, and so may all candidates", async () => {
  const worker = startWorker();
  expect(await scoresOf(await worker.post("/v1/rank", { candidates: ITEMS }))).toEqual(
    await expectedScores(model, ITEMS),
  );
  expect(await scoresOf(await worker.post("/v1/rank", { context: CONTEXT, candidates: [] }))).toEqual([]);
});

test("items of the catalogue score as their whole records do, in their order, without a row of theirs", async () => {
  const response = await startWorker().post("/v1/rank", { context: CONTEXT, items: ["ad2", "ad0", "ad1", "ad0"] });
  expect(kvKeys(response), "the context's page").toBe(1);
  const [ad0, ad1, ad2] = (await expectedScores(model, whole(ITEMS))) as [number, number, number];
  const scores = await scoresOf(response);
  [ad2, ad0, ad1, ad0].forEach((expected, i) => {
    expect(scores[i]).toBeCloseTo(expected, 5);
  });
});

test("an id that is not in the catalogue scores by itself", async () => {
  const scores = await scoresOf(await startWorker().post("/v1/rank", { context: CONTEXT, items: ["ad1", "new", 7] }));
  const [ad1, ...others] = await expectedScores(model, whole([ITEMS[1] as object, { ad: "new" }, { ad: 7 }]));
  expect(scores[0]).toBeCloseTo(ad1 as number, 5);
  expect(scores.slice(1)).toEqual(others);
});

describe("a request that breaks the contract is 422 and names the place", () => {
  test.each([
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
  ])("%j", async (body, field, detail) => {
    const response = await startWorker().post("/v1/rank", body);
    expect(response.status).toBe(422);
    const problem = await response.json<{ detail: string; field?: string }>();
    expect(problem.field ?? "").toBe(field);
    expect(problem.detail).toContain(detail);
  });

  test("ids for a model without a catalogue", async () => {
    await publishTiny(env.MODELS, withoutCatalogue);
    const response = await startWorker().post("/v1/rank", { items: ["ad0"] });
    expect(response.status).toBe(422);
    expect(await response.json()).toMatchObject({ field: "items", detail: expect.stringContaining("no catalogue") });
  });
});

test("the models route shows an admin the catalogue", async () => {
  const response = await startWorker().asAdmin("/v1/models");
  expect(await response.json()).toMatchObject({ models: [{ items: { field: "ad", count: 3 } }] });
});
