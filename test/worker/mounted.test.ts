import { createExecutionContext, reset, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { Hono } from "hono";
import { beforeEach, describe, expect, test } from "vitest";
import { createApp } from "../../worker/app.ts";
import { kvSource } from "../../worker/source/kv-source.ts";
import { loggedErrors, type ScoreAnswer } from "./client.ts";
import { expectedScores, makeModel, publishTiny } from "./tiny-model.ts";

// The Worker in another Hono app, with that app's own bindings, routes and errors.

interface HostBindings {
  CTR_MODELS: KVNamespace;
  CTR_KEYS: string;
  CTR_DEADLINE: number;
}

const tiny = await makeModel(1);
const RECORDS = [{ site: "site57", price: 3 }];
const BINDINGS: HostBindings = { CTR_MODELS: env.MODELS, CTR_KEYS: "", CTR_DEADLINE: 30_000 };

const ctr = createApp<HostBindings>({
  source({ CTR_MODELS }) {
    if (!CTR_MODELS) throw new Error("CTR_MODELS: got no binding");
    return kvSource(CTR_MODELS);
  },
  keys: ({ CTR_KEYS }) => CTR_KEYS,
  rowDeadlineMs: ({ CTR_DEADLINE }) => CTR_DEADLINE,
  auth: () => "off",
});
const host = new Hono<{ Bindings: HostBindings }>();
host.use(async (c, next) => {
  await next();
  c.header("x-host", "yes");
});
host.get("/", (c) => c.text("host"));
host.route("/ctr", ctr);
host.get("/later", (c) => c.text("later"));
host.notFound((c) => c.text("the host's 404", 404));
host.onError((_, c) => c.text("the host's 500", 500));

async function fetch(path: string, init?: RequestInit, bindings: object = BINDINGS): Promise<Response> {
  const ctx = createExecutionContext();
  const response = await host.fetch(new Request(`https://edge.test${path}`, init), bindings, ctx);
  await waitOnExecutionContext(ctx);
  return response;
}

function post(path: string, body: unknown, bindings?: object): Promise<Response> {
  const headers = { "content-type": "application/json" };
  return fetch(path, { method: "POST", headers, body: JSON.stringify(body) }, bindings);
}

beforeEach(async () => {
  await reset();
  await publishTiny(env.MODELS, tiny);
});

test("scores with the host's bindings", async () => {
  const response = await post("/ctr/v1/score", { records: RECORDS });
  expect(await response.json<ScoreAnswer>()).toEqual({
    scores: await expectedScores(tiny, RECORDS),
    model: "tiny",
    version: tiny.version,
  });
  expect(response.headers.get("x-host")).toBe("yes");
  expect(response.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
  expect(await (await fetch("/ctr/readyz")).json()).toEqual({
    status: "ready",
    auth: "off",
    model: "tiny",
    version: tiny.version,
  });
});

describe("has problems of its own", () => {
  test.each([
    ["GET", "/ctr/nothing", 404, "not-found", null],
    ["GET", "/ctr//", 404, "not-found", null],
    ["POST", "/ctr", 405, "method-not-allowed", "GET, HEAD"],
    ["GET", "/ctr/v1/score", 405, "method-not-allowed", "POST"],
    ["DELETE", "/ctr/v1/models", 405, "method-not-allowed", "GET, HEAD"],
  ])("%s %s is %i", async (method, path, status, name, allow) => {
    const response = await fetch(path, { method });
    expect(response.status).toBe(status);
    expect(response.headers.get("allow")).toBe(allow);
    expect(await response.json()).toMatchObject({ type: `urn:deepfm-edge:problem:${name}` });
  });

  test("a fault of the request is 422", async () => {
    const response = await post("/ctr/v1/score", { records: [{ age: 3 }] });
    expect(await response.json()).toMatchObject({ status: 422, field: "records[0].age" });
  });

  test("a fault of the Worker is 500, and in the log", async () => {
    const errors = loggedErrors();
    const now = (): number => {
      throw new Error("no clock");
    };
    const faulty = new Hono().route("/ctr", createApp({ source: () => kvSource(env.MODELS), auth: () => "off", now }));
    const response = await faulty.fetch(new Request("https://edge.test/ctr/v1/models"), BINDINGS);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(await response.json()).toMatchObject({ status: 500, type: "urn:deepfm-edge:problem:internal" });
    expect(errors()).toEqual([expect.objectContaining({ event: "request_failed", path: "/ctr/v1/models" })]);
  });
});

test("what a setting of the host throws is in the log alone, once", async () => {
  const errors = loggedErrors();
  for (let time = 0; time < 2; time++) {
    const response = await post("/ctr/v1/score", { records: RECORDS }, {}); // new each time
    expect(await response.json()).toMatchObject({
      status: 503,
      type: "urn:deepfm-edge:problem:misconfigured",
      detail: "the settings cannot be read; the log says why",
    });
  }
  expect(errors()).toEqual([
    expect.objectContaining({ event: "settings_refused", error: "Error: CTR_MODELS: got no binding" }),
  ]);
});

test("leaves the rest to the host", async () => {
  expect(await (await fetch("/")).text()).toBe("host");
  expect(await (await fetch("/later")).text()).toBe("later");
  expect(await (await fetch("/nothing")).text()).toBe("the host's 404");
});

test.each(["/ctr/healthz", "/ctr", "/ctr/"])("HEAD is as GET: %s", async (path) => {
  expect((await fetch(path)).status).toBe(200);
  const response = await fetch(path, { method: "HEAD" });
  expect(response.status).toBe(200);
  expect(await response.text()).toBe("");
});

test("without options it reads MODELS and AUTH or TOKENS, and the other variables where they are set", async () => {
  const app = new Hono().route("/ctr", createApp());
  const answerOf = async (bindings: object): Promise<Response> => {
    const ctx = createExecutionContext();
    const init = { method: "POST", headers: { "content-type": "application/json" }, body: '{"records":[]}' };
    const response = await app.fetch(new Request("https://edge.test/ctr/v1/score", init), bindings, ctx);
    await waitOnExecutionContext(ctx);
    return response;
  };
  expect((await answerOf({ MODELS: env.MODELS, AUTH: "off" })).status).toBe(200);
  loggedErrors();
  expect(await (await answerOf({ MODELS: env.MODELS })).json()).toMatchObject({
    status: 503,
    detail: expect.stringMatching(/^TOKENS: got none, expected entries .* AUTH = "off"/),
  });
  expect(await (await answerOf({ AUTH: "off" })).json()).toMatchObject({
    status: 503,
    detail: "MODELS: got no binding, expected a KV namespace, or createApp's option `source`",
  });
});
