import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, expect, test } from "vitest";
import { MAX_ERRORS } from "../../../worker/limits.ts";
import { problemOf, startWorker } from "../client.ts";
import { makeModel, publishTiny } from "../tiny-model.ts";

// All that is wrong with a body is answered at once, by JSON pointers.

const worker = startWorker();

beforeAll(async () => {
  await reset();
  await publishTiny(env.MODELS, await makeModel(1, { items: [{ ad: "ad0" }, { ad: "ad1" }] }));
});

/** By pointer, what is wrong with a body. */
async function errorsOf(path: string, body: unknown): Promise<Record<string, string>> {
  const problem = await problemOf(await worker.post(path, body));
  expect(problem).toMatchObject({ status: 422, type: "urn:deepfm-edge:problem:invalid-request" });
  const errors = problem.errors ?? [];
  expect(problem.detail).toContain(errors[0]?.detail);
  return Object.fromEntries(errors.map(({ pointer, detail }) => [pointer, detail]));
}

/** The same as text that `detail` has a part of. */
const parts = (expected: Record<string, string>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(expected).map(([pointer, part]) => [pointer, expect.stringContaining(part)]));

test("of 1,000 records the three bad cells", async () => {
  const records: Record<string, unknown>[] = Array.from({ length: 1000 }, (_, i) => ({ site: `site${i}`, price: i }));
  records[17] = { ...records[17], price: "ten" };
  records[500] = { ...records[500], site: ["a"] };
  records[999] = { ...records[999], tags: ["a", {}] };
  expect(await errorsOf("/v1/score", { records })).toEqual(
    parts({
      "/records/17/price": 'got "ten", expected a number',
      "/records/500/site": 'got ["a"], expected a string',
      "/records/999/tags": "got {}, expected",
    }),
  );
});

test("several of a record, its unknown keys, and what is no record", async () => {
  const record = { colour: 1, price: "x", "a/b~c": 2, "": 3, site: {}, device: "phone" };
  expect(await errorsOf("/v1/score", { records: [{}, record, 7, null] })).toEqual(
    parts({
      "/records/1/colour": "unknown field",
      "/records/1/price": 'got "x"',
      "/records/1/a~1b~0c": "unknown field",
      "/records/1/": "unknown field",
      "/records/1/site": "got {}",
      "/records/2": "got 7, expected an object of fields",
      "/records/3": "got null, expected an object of fields",
    }),
  );
});

test("of the body's members, and in the lists that it has", async () => {
  const body = { records: [{}, { price: "x" }], unseen: 1, recrods: [], "a.b": 1 };
  expect(await errorsOf("/v1/score", body)).toEqual(
    parts({
      "/unseen": "got 1, expected boolean",
      "/recrods": "unknown key",
      "/a.b": "unknown key",
      "/records/1/price": 'got "x"',
    }),
  );
  expect(await errorsOf("/v1/score", null)).toEqual(parts({ "": "got null" }));
  expect(await errorsOf("/v1/score", { unseen: 1 })).toEqual(parts({ "/records": "missing", "/unseen": "got 1" }));
});

test("of a ranking: context, candidates, ids, bids, and what contradicts itself", async () => {
  const body = {
    context: { site: {}, ad: "ad0" },
    candidates: [{ price: "x" }, { site: "a" }, {}],
    ids: ["a", "a", ""],
    bids: [1, 0, "2"],
    k: 0,
  };
  const inLists = {
    "/context/site": "got {}",
    "/context/ad": "got a field of the item, expected the context's",
    "/candidates/0/price": 'got "x"',
    "/candidates/1/site": "got a field of the context, expected the item's",
  };
  expect(await errorsOf("/v1/rank", body)).toEqual(parts({ "/k": "got 0, expected a whole number", ...inLists }));
  expect(await errorsOf("/v1/rank", { ...body, k: 1 })).toEqual(
    parts({
      "/bids": 'got bids, expected none without the objective "ecpm"',
      "/ids/1": 'got "a", which is ids[0] too',
      "/ids/2": "got no id",
      "/bids/1": "got 0",
      "/bids/2": 'got "2"',
      ...inLists,
    }),
  );
  for (const sort of [true, false]) {
    const items = '["ad0",1e400,9007199254740993]';
    expect(await errorsOf("/v1/rank", `{"items":${items},"sort":${sort}}`)).toEqual(
      parts({ "/items/1": "got Infinity, expected a", "/items/2": "expected integers beyond 2^53 as text" }),
    );
    expect(await errorsOf("/v1/rank", { context: { site: {} }, items: ["ad0", "", {}, "ad1"], sort })).toEqual(
      parts({
        "/context/site": "got {}",
        "/items/1": "got no id",
        "/items/2": "got {}, expected a string or a",
      }),
    );
  }
});

test("at most a hundred, each with its place, however long the keys are", async () => {
  const many = await errorsOf("/v1/score", { records: Array(5000).fill({ price: "x", colour: 1 }) });
  expect(Object.keys(many)).toHaveLength(MAX_ERRORS);
  expect(many).toHaveProperty(["/records/49/colour"]);
  const long = await errorsOf("/v1/score", { records: [{ [`${"x".repeat(100_000)}`]: 1 }], ["y".repeat(100_000)]: 1 });
  expect(Object.keys(long)).toEqual(["", "/records/0"]);
  const names = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`n${i}`, 1]));
  expect(Object.keys(await errorsOf("/v1/score", { ...names, records: [names] }))).toHaveLength(MAX_ERRORS);
});

test("numbers that are too large to score", async () => {
  const records = Array.from({ length: 300 }, (_, i) => ({ price: i % 2 ? 1e30 : 1 }));
  const errors = await errorsOf("/v1/score", { records });
  expect(Object.keys(errors)).toEqual(Array.from({ length: MAX_ERRORS }, (_, i) => `/records/${2 * i + 1}`));
});

test("what is known, where the rest of the body is not JSON", async () => {
  const records = `[{"price": "x"}, ${'{"price": 1}, '.repeat(5000)} {"price": }]`;
  expect(await errorsOf("/v1/score", `{"records": ${records}}`)).toEqual(parts({ "/records/0/price": 'got "x"' }));
});

test("and the Worker scores on, with all memory given back", async () => {
  expect((await worker.memory()).taken.requests).toBe(0);
  expect((await worker.score({ records: [{ price: 3 }] })).status).toBe(200);
});
