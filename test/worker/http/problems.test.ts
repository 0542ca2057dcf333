import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, expect, test } from "vitest";
import { FormatError, RequestError } from "../../../format/errors.ts";
import { createApp } from "../../../worker/app.ts";
import { ModelUnavailableError } from "../../../worker/http/errors.ts";
import { toProblem } from "../../../worker/http/problem.ts";
import { assetsSource } from "../../../worker/source/assets-source.ts";
import { kvSource } from "../../../worker/source/kv-source.ts";
import { r2Source } from "../../../worker/source/r2-source.ts";
import { kvKeys, loggedErrors, problemOf, startWorker } from "../client.ts";
import { makeModel, publishTiny } from "../tiny-model.ts";

const model = await makeModel(1);
const worker = startWorker();

beforeAll(async () => {
  await reset();
  await publishTiny(env.MODELS, model);
});

const INVALID: { what: string; body: unknown; field?: string; detail: string }[] = [
  { what: "a list", body: [], field: "records", detail: "records: missing" },
  { what: "a member twice", body: '{"records":[],"records":[{}]}', field: "records", detail: "got it more than once" },
  { what: "null", body: null, detail: "body: got null, expected Object" },
  { what: "no records", body: {}, field: "records", detail: "records: missing, expected" },
  {
    what: "records of another type",
    body: { records: {} },
    field: "records",
    detail: "records: got {}, expected a list",
  },
  { what: "an unknown key", body: { records: [], weight: "x" }, field: "weight", detail: "weight: unknown key" },
  { what: "__proto__ as a key", body: '{"records":[],"__proto__":{}}', field: "__proto__", detail: "unknown key" },
  {
    what: "a record that is text",
    body: { records: [{}, "x"] },
    field: "records[1]",
    detail: 'got "x", expected an object of fields',
  },
  {
    what: "a record that is null",
    body: { records: [null] },
    field: "records[0]",
    detail: "got null, expected an object of fields",
  },
  {
    what: "a record that is a list",
    body: { records: [[1]] },
    field: "records[0]",
    detail: "got [1], expected an object of fields",
  },
  {
    what: "an unknown field",
    body: { records: [{}, {}, {}, { age: 3 }] },
    field: "records[3].age",
    detail: "records[3].age: unknown field",
  },
  {
    what: "a field named like a method",
    body: { records: [{ constructor: 1 }] },
    field: "records[0].constructor",
    detail: "unknown field",
  },
  {
    what: "a field named __proto__",
    body: '{"records":[{"__proto__":1}]}',
    field: "records[0].__proto__",
    detail: "unknown field",
  },
  {
    what: "an object for a category",
    body: { records: [{ site: {} }] },
    field: "records[0].site",
    detail: "got {}, expected a string, a number",
  },
  {
    what: "a list for a single category",
    body: { records: [{ site: ["a"] }] },
    field: "records[0].site",
    detail: 'got ["a"], expected',
  },
  {
    what: "text for a number",
    body: { records: [{ price: "ten" }] },
    field: "records[0].price",
    detail: 'got "ten", expected a number',
  },
  {
    what: "a number beyond float32",
    body: '{"records":[{"price":1e60}]}',
    field: "records[0].price",
    detail: "expected a number",
  },
  {
    what: "a number beyond float64",
    body: '{"records":[{"price":1e999}]}',
    field: "records[0].price",
    detail: "expected a number",
  },
  {
    what: "a number whose square is beyond float32",
    body: { records: [{}, { price: 1e30 }] },
    field: "records[1]",
    detail: "too large to score",
  },
  {
    what: "an object in a list",
    body: { records: [{ tags: ["a", {}] }] },
    field: "records[0].tags",
    detail: "got {}, expected",
  },
  {
    what: "10,001 records",
    body: { records: Array(10_001).fill({}) },
    field: "records",
    detail: "got 10001 records, expected at most 10000",
  },
  {
    what: "more values than a request may have",
    body: { records: Array(6000).fill({ tags: "a|".repeat(200) }) },
    field: expect.stringMatching(/^records\[5\d\d\d\]$/) as unknown as string,
    detail: "values up to here, expected at most 1048576 in a request",
  },
  {
    what: "a deep nest as a body",
    body: "[".repeat(60_000) + "]".repeat(60_000),
    field: "records",
    detail: "records: missing",
  },
  {
    what: "a deep nest as a value",
    body: `{"records":[{"site":${"[".repeat(60_000)}${"]".repeat(60_000)}}]}`,
    field: "records[0].site",
    detail: "expected a string",
  },
];

test.each(INVALID)("$what is 422", async ({ body, field, detail }) => {
  const problem = await problemOf(await worker.score(body));
  expect(problem).toMatchObject({ status: 422, type: "urn:deepfm-edge:problem:invalid-request" });
  expect(problem.field).toEqual(field);
  expect(problem.detail).toContain(detail);
});

test.each([
  ["GET", "/v1/score", "POST"],
  ["PUT", "/v1/score", "POST"],
  ["POST", "/v1/models", "GET, HEAD"],
  ["DELETE", "/healthz", "GET, HEAD"],
])("%s %s is 405", async (method, path, allow) => {
  const response = await worker.fetch(path, { method });
  expect(response.headers.get("allow")).toBe(allow);
  expect(await problemOf(response)).toMatchObject({
    status: 405,
    detail: expect.stringContaining(`got method ${method}`),
  });
});

test.each(["/v1", "/v2/score", "/v1/score/x"])("%s is 404", async (path) => {
  expect(await problemOf(await worker.fetch(path))).toMatchObject({
    status: 404,
    detail: expect.stringContaining(path),
  });
});

test("a fault of the Worker is 500, with nothing of its inside, and one line in the log", async () => {
  const errors = loggedErrors();
  const request = new Request("https://edge.test/v1/score", {
    method: "POST",
    headers: { "content-type": "application/json", "x-request-id": "abc-123" },
    body: '{"records":[]}',
  });
  const bindings = { MODELS: env.MODELS, AUTH: "off" };
  const response = await createApp().fetch(request, bindings); // without a context, which every Worker is given
  const problem = await problemOf(response);
  expect(problem).toEqual({
    type: "urn:deepfm-edge:problem:internal",
    title: "Internal error",
    status: 500,
    detail: "the request failed; its x-request-id is in the log",
  });
  expect(errors()).toEqual([
    expect.objectContaining({
      event: "request_failed",
      requestId: "abc-123",
      path: "/v1/score",
      error: "Error: This context has no ExecutionContext",
    }),
  ]);
});

test.each([
  ["ROW_DEADLINE_MS", Number.NaN, "got no number, expected a whole number from 0 to 60000"],
  ["ROW_DEADLINE_MS", "soon", "got no number"],
  ["ROW_DEADLINE_MS", "", "got no number"],
  ["ROW_DEADLINE_MS", -1, "got -1"],
  ["ROW_DEADLINE_MS", "1e12", "got 1000000000000"],
  ["ROW_KEYS_PER_REQUEST", 1001, "got 1001, expected a whole number from 0 to 1000"],
  ["ROW_KEYS_PER_REQUEST", "2.5", "got 2.5"],
  ["AUTH", "OFF", 'got another text, expected "tokens" or "off"'],
  ["MODELS", "OFF", "got text, expected a KV namespace"],
  ["TOKENS", ["OFF"], "got a list, expected text"],
  ["MODEL_KEYS", 5, "got a number, expected text"],
  ["MODEL_MIN_SERIAL", true, "got a boolean, expected text"],
  ["ALLOWED_ORIGINS", ["https://OFF.example"], "got a list, expected text"],
  ["UNIT_SECRET", { soon: 1 }, "got a table, expected text"],
  ["EXPERIMENT_UNITS", ["OFF"], "got a list, expected text"],
  ["CONSENT_COOKIE", 1, "got a number, expected text"],
  ["EXPOSURE_CONTEXT", ["OFF"], "got a list, expected text"],
  ["TOKENS", "dfe_5ecre7", ": entry 1: got 10 characters of another form, expected <name>:<scope>:<SHA-256"],
])("%s = %j is refused, once in the log, and its text is not shown", async (name, value, detail) => {
  const errors = loggedErrors();
  const faulty = startWorker({ [name]: value });
  for (const path of ["/v1/models", "/readyz"]) {
    const problem = await problemOf(await faulty.fetch(path));
    expect(problem).toMatchObject({ status: 503, type: "urn:deepfm-edge:problem:misconfigured" });
    expect(problem.detail).toContain(`${name}: ${detail}`.replace(": :", ":"));
    expect(problem.detail).not.toMatch(/OFF|5ecre7|soon/);
  }
  expect((await faulty.fetch("/healthz")).status).toBe(200);
  expect(errors()).toEqual([expect.objectContaining({ event: "settings_refused" })]);
});

test("a binding that is none is as if it were not there, and told: once in the log, and by /readyz", async () => {
  const errors = loggedErrors();
  const bindings = { ASSETS: "OFF", ANALYTICS: 5, EXPOSURE_COUNTS: "OFF", EXPOSURES: "OFF", EVENT_PIPELINE: ["OFF"] };
  const limits = { ROW_RATE_LIMIT: "OFF", REQUEST_RATE_LIMIT: { OFF: 1 }, EVENT_RATE_LIMIT: true };
  const unbound = { ...bindings, ...limits, EXPOSURE_PIPELINE: "" } as object;
  for (let worker = 0; worker < 2; worker++) {
    const faulty = startWorker(unbound);
    const answer = await faulty.score({ records: [{ site: "site57" }, {}] });
    expect([answer.status, kvKeys(answer)]).toEqual([200, 1]);
    expect((await faulty.post("/v1/events", { events: [] })).status).toBe(503);
    const ready = await (await faulty.asAdmin("/readyz")).json<{ problems: string[]; settings: object }>();
    expect(ready.settings).toMatchObject({ rowRateLimit: expect.stringMatching(/^none/) });
    expect(ready.problems.sort()).toEqual([
      "ANALYTICS: got a number, expected a dataset of Analytics Engine",
      "ASSETS: got text, expected static assets",
      "EVENT_PIPELINE: got a list, expected a pipeline",
      "EVENT_RATE_LIMIT: got a boolean, expected a rate limit",
      "EXPOSURES: got text, expected a queue",
      "EXPOSURE_COUNTS: got text, expected a dataset of Analytics Engine",
      "REQUEST_RATE_LIMIT: got a table, expected a rate limit",
      "ROW_RATE_LIMIT: got text, expected a rate limit",
    ]);
    const logged = errors().filter(({ event }) => event === "binding_refused");
    expect(logged.map(({ error }) => error).sort()).toEqual(ready.problems);
    expect(errors().every(({ event }) => /^(binding_refused|events_no_sink)$/.test(String(event)))).toBe(true);
  }
  expect(await (await startWorker().asAdmin("/readyz")).json()).toMatchObject({ problems: [] });
});

test.each([
  [(text: never) => kvSource(text), "a KV namespace"],
  [(text: never) => r2Source(text), "an R2 bucket"],
  [(text: never) => assetsSource(text), "static assets"],
])("a source that is made of text is a wrong setting, not a model that is away: %s", async (source, expected) => {
  loggedErrors();
  const faulty = startWorker({}, { source: () => source("OFF" as never) });
  const problem = await problemOf(await faulty.score({ records: [] }));
  expect(problem).toMatchObject({ status: 503, detail: `source: got text, expected ${expected}` });
});

test.each([
  [new RequestError("records[3].age", "unknown field"), 422, "records[3].age"],
  [new RequestError("body", "got null"), 422, undefined],
  [new FormatError("blob: section ROWS", "got row 3 with a number that is not finite"), 500, undefined],
  [new FormatError("page 1", "got digest 00"), 500, undefined],
  [new ModelUnavailableError("no model is published"), 503, undefined],
  [new TypeError("a defect"), 500, undefined],
])("whose fault it was is told by its class: %s", (error, status, field) => {
  expect(toProblem(error)).toMatchObject({ status });
  expect(toProblem(error).field).toBe(field);
});

test("every response has a request id: the client's, if it is fit for a log", async () => {
  const given = await worker.fetch("/healthz", { headers: { "x-request-id": "trace-1" } });
  expect(given.headers.get("x-request-id")).toBe("trace-1");
  const unfit = await worker.fetch("/nowhere", { headers: { "x-request-id": '"}{' } });
  expect(unfit.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
});

test.each([
  ["POST", "/v1/score", 200, "no-store"],
  ["POST", "/v1/score/x", 404, "no-store"],
  ["POST", "/v1/score/", 404, "no-store"],
  ["GET", "/readyz/", 404, "no-store"],
  ["PUT", "/v1/score", 405, "no-store"],
  ["GET", "/v1/models", 200, "no-store"],
  ["GET", "/openapi.json", 200, "public, max-age=3600"],
])("%s %s is %i, and nothing that a browser shows, runs or keeps unasked", async (method, path, status, cache) => {
  const body = method === "GET" ? null : '{"records":[]}';
  const response = await worker.fetch(path, { method, headers: { "content-type": "application/json" }, body });
  expect(response.status).toBe(status);
  expect(response.headers.get("cache-control")).toBe(cache);
  expect(response.headers.get("x-content-type-options")).toBe("nosniff");
  expect(response.headers.get("content-security-policy")).toBe("default-src 'none'; frame-ancestors 'none'");
});
