import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, expect, test } from "vitest";
import { loggedErrors, problemOf, startWorker } from "../client.ts";
import { makeModel, publishTiny } from "../tiny-model.ts";

const model = await makeModel(1);
const ORIGIN = "https://shop.example";

beforeAll(async () => {
  await reset();
  await publishTiny(env.MODELS, model);
});

const preflight = {
  method: "OPTIONS",
  headers: {
    origin: ORIGIN,
    "access-control-request-method": "POST",
    "access-control-request-headers": "content-type",
  },
};
const score = {
  method: "POST",
  headers: { origin: ORIGIN, "content-type": "application/json" },
  body: '{"records":[]}',
};

test("without allowed origins nothing is told to browsers", async () => {
  const worker = startWorker();
  expect((await worker.fetch("/v1/score", preflight)).status).toBe(405);
  const response = await worker.fetch("/v1/score", score);
  expect(response.status).toBe(200);
  expect(response.headers.get("access-control-allow-origin")).toBeNull();
});

test.each([
  [`https://other.example, ${ORIGIN}`, ORIGIN],
  ["*", "*"],
])("a page of an allowed origin may call: %s", async (ALLOWED_ORIGINS, allowed) => {
  const worker = startWorker({ ALLOWED_ORIGINS });
  const told = await worker.fetch("/v1/score", preflight);
  expect(told.status).toBe(204);
  expect(told.headers.get("access-control-allow-origin")).toBe(allowed);
  expect(told.headers.get("access-control-allow-methods")).toContain("POST");
  expect(told.headers.get("access-control-allow-headers")).toMatch(/authorization.*content-encoding.*content-type/);
  for (const body of [score.body, "{"]) {
    const response = await worker.fetch("/v1/score", { ...score, body });
    expect(response.status).toBe(body === "{" ? 400 : 200);
    expect(response.headers.get("access-control-allow-origin")).toBe(allowed);
    expect(response.headers.get("access-control-expose-headers")).toContain("x-request-id");
  }
});

test("a page of another origin may not", async () => {
  const worker = startWorker({ ALLOWED_ORIGINS: "https://other.example" });
  for (const init of [preflight, score])
    expect((await worker.fetch("/v1/score", init)).headers.get("access-control-allow-origin")).toBeNull();
});

test.each(["shop.example", "https://shop.example/", "https://Shop.example", "null"])(
  "what no browser states as an origin is refused: %s",
  async (ALLOWED_ORIGINS) => {
    loggedErrors();
    const problem = await problemOf(await startWorker({ ALLOWED_ORIGINS }).fetch("/v1/score", score));
    expect(problem).toMatchObject({ status: 503, type: "urn:deepfm-edge:problem:misconfigured" });
    expect(problem.detail).toContain(`ALLOWED_ORIGINS: got "${ALLOWED_ORIGINS}", expected origins such as`);
  },
);
