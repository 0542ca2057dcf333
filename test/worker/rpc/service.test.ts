import { reset } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import router from "../../../examples/clients/router.js";
import { pointerKey } from "../../../format/store.ts";
import { createApp } from "../../../worker/app.ts";
import { MAX_RECORDS, MEMORY } from "../../../worker/limits.ts";
import { scoringEntrypoint } from "../../../worker/rpc/scoring-entrypoint.ts";
import type { ScoringService } from "../../../worker/rpc/scoring-service.ts";
import { loggedErrors } from "../client.ts";
import { Lines, listOf, publishPayload, SECRETS } from "../experiments/experiment-worker.ts";
import { type Method, startScoring } from "../rpc-worker.ts";
import { expectedScores, makeModel, pointerTo, publishTiny, storeTiny } from "../tiny-model.ts";

// Calls over a service binding: what they have of their own, beside what the suites of the routes say of them.

const model = await makeModel(1);
const RECORDS = [{ site: "site57", price: 3 }, { device: "watch" }];

beforeAll(async () => {
  await reset();
  await publishTiny(env.MODELS, model);
});

let worker: number;
beforeEach(() => {
  worker = startScoring({});
});

const call = (body: unknown, method: Method = "score") => exports.RpcWorker.call(worker, method, body);

async function problemOf(body: unknown, method: Method = "score") {
  const reply = await call(body, method);
  if (reply.ok) throw new Error(`got ${JSON.stringify(reply.answer)}, expected a problem`);
  return reply;
}

test("the Worker exports what other Workers bind, with types", async () => {
  const { Scoring } = exports as unknown as { Scoring: ScoringService };
  const reply = await Scoring.score({ records: RECORDS });
  if (!reply.ok) throw new Error(reply.problem.detail);
  const scores: number[] = reply.answer.scores;
  expect(scores).toEqual(await expectedScores(model, RECORDS));
  expect(reply.requestId).toMatch(/^[0-9a-f-]{36}$/);
  expect(reply.serverTiming).toMatch(/^kv;desc="1", blob;desc="1", .*encode;dur=/);
  const ranked = await Scoring.rank({ candidates: [{ price: 1 }], ids: ["hat"] });
  // @ts-expect-error: a body has records
  expect(await Scoring.score({ candidates: [] })).toMatchObject({ ok: false });
  expect(ranked.ok && "items" in ranked.answer && ranked.answer.items[0]?.id).toBe("hat");
});

test("needs no token, where the routes need one", async () => {
  worker = startScoring({ AUTH: "tokens" });
  expect(await call({ records: [{}] }, "explain")).toMatchObject({ ok: true });
});

test("a caller finds nothing but the three methods", async () => {
  const names = Object.getOwnPropertyNames(Object.getPrototypeOf(scoringEntrypoint(createApp()).prototype));
  expect(names.sort()).toEqual(["constructor", "explain", "rank", "score"]);
  expect(() => scoringEntrypoint({})).toThrow("expected one that createApp made");
});

describe("what JSON has not", () => {
  test.each([
    [
      "a date",
      { records: [{}, { price: new Date(0) }] },
      "records[1].price",
      "got a Date, expected a value that JSON has",
    ],
    ["a map", { records: [{ tags: ["a", new Map()] }] }, "records[0].tags", "got a Map"],
    ["bytes", { records: new Uint8Array(3) }, "records", "got a Uint8Array"],
    ["an error", { records: [], unseen: new Error("no") }, "unseen", "got a Error"],
    [
      "an object in a record",
      { records: [{ price: { amount: 3 } }] },
      "records[0].price",
      'got {"amount":3}, expected a number',
    ],
    ["NaN", { records: [{ price: Number.NaN }] }, "records[0].price", "got NaN, expected a number"],
    ["a bigint as a size", { records: [{ price: 10n ** 40n }] }, "records[0].price", "got 1000"],
    ["a longer bigint", { records: [{ ad: 2n ** 255n }] }, "records[0].ad", "got a bigint of more than 256 bits"],
    ["a function", { records: [{ price: () => 1 }] }, "records[0].price", "got a function, expected a value that JSON"],
    ["a hole", { records: Object.assign([], { 2: {} }) }, "records[0]", "got undefined, expected an object of fields"],
    ["a set", { records: new Set([{}]) }, "records", "got a Set, expected a value that JSON has"],
    ["null", null, "", "got null, expected"],
    ["a text", "records", "", 'got "records", expected'],
    ["nothing", undefined, "", "expected"],
  ])("%s is 422, with the place", async (_, body, field, detail) => {
    const { problem } = await problemOf(body);
    expect(problem).toMatchObject({ status: 422, detail: expect.stringContaining(detail) });
    expect(problem.field ?? "").toBe(field);
  });

  test.each([
    [{ k: 1n }, "k", "k: got 1n, expected a whole number"],
    [{ ids: [5n] }, "ids[0]", "got 5n, expected a string or a finite number"],
    [{ bids: [1n], objective: "ecpm" }, "bids[0]", "got 1n, expected a finite number above 0"],
  ])("a bigint that must be a number is shown as one: %#", async (members, field, detail) => {
    const { problem } = await problemOf({ candidates: [{}], ...members }, "rank");
    expect(problem).toMatchObject({ status: 422, field, detail: expect.stringContaining(detail) });
  });

  test("what JSON has in another way scores as over HTTP: -0, undefined", async () => {
    const [score] = (await expectedScores(model, [{ price: 0 }, {}])) as number[];
    expect(await call({ records: [{ price: -0, site: undefined }] })).toMatchObject({ answer: { scores: [score] } });
  });

  test("a list that holds itself is 422: it has no end", async () => {
    const ring: unknown[] = [];
    ring.push(ring);
    const { problem } = await problemOf({ records: ring });
    expect(problem).toMatchObject({ status: 422, detail: expect.stringContaining("deeper than 8 levels") });
  });

  test("an integer beyond 2^53 is exact", async () => {
    const [id] = (await expectedScores(model, [{ ad: String(2n ** 60n) }])) as [number];
    expect(await call({ records: [{ ad: -(2n ** 255n) }] })).toMatchObject({ ok: true });
    expect(await call({ records: [{ ad: 2n ** 60n }] })).toMatchObject({ ok: true, answer: { scores: [id] } });
  });

  test("lists that hold one another many times over are too large, and soon found so", async () => {
    let bushy: unknown = "leaf";
    for (let level = 0; level < 6; level++) bushy = Array(1000).fill(bushy);
    const { problem } = await problemOf({ records: bushy });
    expect(problem).toMatchObject({ status: 413, type: "urn:deepfm-edge:problem:body-too-large" });
  });
});

test("limits are those of HTTP: records, memory, and the client's rate", async () => {
  const many = await problemOf({ records: Array(MAX_RECORDS + 1).fill({}) });
  expect(many.problem).toMatchObject({
    status: 422,
    field: "records",
    detail: expect.stringContaining("at most 10000"),
  });
  const text = "x".repeat(MEMORY.oneRequest / 4);
  const large = await problemOf({ records: [{ site: text }, { site: text }] });
  expect(large.problem.status).toBe(413);

  worker = startScoring({ REQUEST_RATE_LIMIT: { limit: async ({ key }) => ({ success: key !== "service" }) } });
  const refused = await problemOf({ records: [] });
  expect(refused).toMatchObject({ retryAfter: 60, problem: { status: 429 } });
});

test("a binding's props say whose keys and requests are counted", async () => {
  const keys: string[] = [];
  const limit = async ({ key }: { key: string }) => ({ success: keys.push(key) > 0 });
  worker = startScoring({ REQUEST_RATE_LIMIT: { limit } });
  await call({ records: [] });
  await exports.RpcWorker({ props: { client: "shop" } }).call(worker, "score", { records: [] });
  expect(keys).toEqual(["service", "service shop"]);
});

test("a bigint is a unit's id, and in the log, as its text", async () => {
  const arms = ["a", "b"].map((arm) => ({ arm, model: null }));
  await publishPayload({ features: { home: listOf(arms, { hashAttribute: "site" }) } });
  const log = new Lines();
  const bindings = { EXPERIMENT_SECRETS: SECRETS[0], EXPOSURE_CONTEXT: "site device" };
  worker = startScoring(bindings, undefined, { exposures: log });
  const list = { experiment: "home", candidates: [{}], ids: ["x"] };
  const site = 12345678901234567890n;
  await call({ ...list, context: { site, device: [1n, "a"] } }, "rank");
  await call({ ...list, context: { site: String(site), device: ["1", "a"] } }, "rank");
  const [line, same] = log.lines;
  expect(line).toMatchObject({ ctx: { site: "12345678901234567890", device: ["1", "a"] } });
  expect([same?.u, same?.b, same?.ctx]).toEqual([line?.u, line?.b, line?.ctx]);
});

test("a fault of the Worker is 500, and in the log under the call's id", async () => {
  const errors = loggedErrors();
  worker = startScoring({}, () => {
    throw new Error("no clock");
  });
  const { problem, requestId } = await problemOf({ records: [{}] });
  expect(problem).toMatchObject({ status: 500, type: "urn:deepfm-edge:problem:internal" });
  expect(errors()).toEqual([
    expect.objectContaining({ event: "request_failed", error: "Error: no clock", requestId, path: "rpc score" }),
  ]);
});

describe("the router of examples/clients", () => {
  const ads = startScoring({});
  const news = startScoring({});
  const bound = (number: number) => ({
    score: (body: unknown) => exports.RpcWorker.call(number, "score", body),
    rank: (body: unknown) => exports.RpcWorker.call(number, "rank", body),
  });
  const bindings = { MODEL_ADS: bound(ads), MODEL_NEWS: bound(news) };
  const send = (path: string, body: string): Promise<Response> =>
    router.fetch(new Request(`https://router.test${path}`, { method: "POST", body }), bindings);

  test("hands each request to the Worker of its model, and answers what that answers", async () => {
    const other = await makeModel(2);
    await storeTiny(env.MODELS, other);
    await env.MODELS.put(pointerKey("news"), pointerTo(other.version));
    const body = JSON.stringify({ records: RECORDS, model: "news" });
    const response = await send("/v1/score", body);
    expect(await response.json()).toEqual({
      scores: await expectedScores(other, RECORDS),
      model: "news",
      version: other.version,
    });
    expect(response.headers.get("server-timing")).toMatch(/^kv;desc=/);
  });

  test("says no timing of an answer that no model has scored", async () => {
    loggedErrors();
    await env.MODELS.put(pointerKey("ads"), pointerTo("0".repeat(64)));
    const response = await send("/v1/rank", '{"model":"ads","candidates":[{}],"fallback":"order"}');
    expect([response.status, response.headers.get("server-timing")]).toEqual([200, null]);
    expect(await response.json()).toMatchObject({ items: [{ id: 0, rank: 1 }], fallback: { to: "order" } });
  });

  test.each([
    ["/v1/rank", '{"context":{"colour":1},"candidates":[]}', 422, "colour"],
    ["/v1/score", '{"records":[],"model":"sports"}', 404, "ads, news"],
    ["/v1/score", '{"records":[],"model":{"toString":1}}', 404, "ads, news"],
    ["/v1/rank", "null", 422, "got null"],
    ["/v1/score", "{", 400, "not JSON"],
    ["/v1/explain", "{}", 404, "/v1/rank"],
  ])("%s %s is %i", async (path, body, status, detail) => {
    const response = await send(path, body);
    expect(response.status).toBe(status);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(await response.json()).toMatchObject({ detail: expect.stringContaining(detail) });
  });
});
