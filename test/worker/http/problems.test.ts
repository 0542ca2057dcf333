import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, expect, test } from "vitest";
import { MAX_BODY_BYTES } from "../../../worker/limits.ts";
import { loggedErrors, type ProblemAnswer, startWorker } from "../client.ts";
import { makeModel, publish } from "../tiny-model.ts";

const model = await makeModel(1);
const worker = startWorker();

beforeAll(async () => {
  await reset();
  await publish(env.MODELS, model);
});

async function problemOf(response: Response): Promise<ProblemAnswer> {
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  const problem = await response.json<ProblemAnswer>();
  expect(problem.status).toBe(response.status);
  expect(problem.type).toMatch(/^urn:deepfm-edge:problem:[a-z-]+$/);
  return problem;
}

function postBytes(body: BodyInit | null, contentType: string | null): Promise<Response> {
  return worker.fetch("/v1/score", {
    method: "POST",
    body,
    headers: contentType ? { "content-type": contentType } : {},
  });
}

const NOT_JSON: { what: string; body: BodyInit | null; detail: string }[] = [
  { what: "an empty body", body: null, detail: "the body is not JSON" },
  { what: "half a body", body: '{"records":[{"site":', detail: "the body is not JSON" },
  { what: "two bodies", body: '{"records":[]}{}', detail: "the body is not JSON" },
  { what: "NaN", body: '{"records":[{"price":NaN}]}', detail: "the body is not JSON" },
  { what: "bytes that are not UTF-8", body: new Uint8Array([0x22, 0xff, 0x22]), detail: "it is not UTF-8" },
  { what: "half a character", body: new Uint8Array([0x22, 0xe2, 0x82]), detail: "it is not UTF-8" },
];

test.each(NOT_JSON)("$what is 400", async ({ body, detail }) => {
  const problem = await problemOf(await postBytes(body, "application/json"));
  expect(problem).toMatchObject({ status: 400, type: "urn:deepfm-edge:problem:not-json" });
  expect(problem.detail).toContain(detail);
});

test.each([null, "text/plain", "application/x-www-form-urlencoded", "application/jsonp"])(
  "content-type %s is 415",
  async (type) => {
    const response = await postBytes(new TextEncoder().encode('{"records":[]}'), type);
    expect(await problemOf(response)).toMatchObject({
      status: 415,
      detail: expect.stringContaining("expected application/json"),
    });
  },
);

test.each(["application/json", "application/json; charset=utf-8", "Application/JSON"])(
  "content-type %s is taken",
  async (type) => {
    expect((await postBytes('{"records":[]}', type)).status).toBe(200);
  },
);

const INVALID: { what: string; body: unknown; field?: string; detail: string }[] = [
  { what: "a list", body: [], field: "records", detail: "records: missing" },
  { what: "null", body: null, detail: "body: got null, expected Object" },
  { what: "no records", body: {}, field: "records", detail: "records: missing, expected" },
  {
    what: "records of another type",
    body: { records: {} },
    field: "records",
    detail: "records: got {}, expected Array",
  },
  { what: "an unknown key", body: { records: [], model: "x" }, field: "model", detail: "model: unknown key" },
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

test.each(["{},", "[],", "["])("a body of very many %s is 413", async (text) => {
  const problem = await problemOf(await worker.score(`{"records":[${text.repeat(200_000)}`));
  expect(problem).toMatchObject({ status: 413, detail: expect.stringContaining("131072 objects and lists") });
});

test("a body that is declared too long is 413, and none of it is read", async () => {
  const pulled = { bytes: 0 };
  const response = await worker.fetch("/v1/score", {
    method: "POST",
    headers: { "content-type": "application/json", "content-length": String(50 * 2 ** 20) },
    body: endless(pulled),
  });
  expect(await problemOf(response)).toMatchObject({
    status: 413,
    detail: "got a body of 52428800 bytes, expected at most 8388608",
  });
  expect(pulled.bytes).toBeLessThanOrEqual(2 ** 20);
});

test.each(["bytes", undefined] as const)(
  "a body that turns out too long is 413 as soon as it is: type %s",
  async (type) => {
    const pulled = { bytes: 0 };
    const response = await worker.fetch("/v1/score", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: endless(pulled, type),
    });
    expect(await problemOf(response)).toMatchObject({ status: 413, type: "urn:deepfm-edge:problem:body-too-large" });
    expect(pulled.bytes).toBeLessThanOrEqual(MAX_BODY_BYTES + 2 ** 20);
  },
);

/** 50 MB in chunks of 64 KiB, counting what was taken. */
function endless(pulled: { bytes: number }, type?: "bytes"): ReadableStream<Uint8Array> {
  const chunk = new Uint8Array(2 ** 16).fill(0x20);
  return new ReadableStream({
    type: type as undefined,
    pull(controller) {
      pulled.bytes += chunk.byteLength;
      if (pulled.bytes > 50 * 2 ** 20) controller.close();
      else controller.enqueue(chunk.slice());
    },
  });
}

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

test.each(["/", "/v1", "/v2/score", "/v1/score/x"])("%s is 404", async (path) => {
  expect(await problemOf(await worker.fetch(path))).toMatchObject({
    status: 404,
    detail: expect.stringContaining(path),
  });
});

test("a fault of the Worker is 500, with nothing of its inside, and one line in the log", async () => {
  const errors = loggedErrors();
  const faulty = startWorker({ ROW_DEADLINE_MS: Number.NaN });
  const response = await faulty.fetch("/v1/score", {
    method: "POST",
    headers: { "content-type": "application/json", "x-request-id": "abc-123" },
    body: '{"records":[]}',
  });
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
      error: "Error: ROW_DEADLINE_MS: got NaN, expected milliseconds",
    }),
  ]);
});

test("every response has a request id: the client's, if it is fit for a log", async () => {
  const given = await worker.fetch("/healthz", { headers: { "x-request-id": "trace-1" } });
  expect(given.headers.get("x-request-id")).toBe("trace-1");
  const unfit = await worker.fetch("/nowhere", { headers: { "x-request-id": '"}{' } });
  expect(unfit.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
});
