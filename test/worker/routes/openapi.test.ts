import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { Hono } from "hono";
import * as v from "valibot";
import { beforeAll, describe, expect, test } from "vitest";
import { generateToken, writeTokenEntry } from "../../../format/tokens.ts";
import { EXAMPLES } from "../../../testing/openapi/examples.ts";
import { createApp } from "../../../worker/app.ts";
import * as answers from "../../../worker/routes/answers.ts";
import { startWorker, type TestBindings } from "../client.ts";
import { makeModel, publishTiny } from "../tiny-model.ts";

const worker = startWorker();

beforeAll(async () => {
  await reset();
  await publishTiny(env.MODELS, await makeModel(1, { items: [{ ad: "ad0" }, { ad: "ad1" }] }));
});

interface Document {
  openapi: string;
  servers: { url: string }[];
  paths: Record<
    string,
    Record<string, { requestBody?: { content: Record<string, unknown> }; responses: Record<string, unknown> }>
  >;
}

const ANSWERS = {
  "/v1/score": answers.ScoreAnswer,
  "/v1/rank": answers.RankAnswer,
  "/v1/explain": answers.ExplainAnswer,
};

test("the document is there without a token, and names the place of the app", async () => {
  const response = await startWorker({ AUTH: "tokens" }).fetch("/openapi.json");
  expect(response.headers.get("content-type")).toBe("application/json");
  expect(await response.json<Document>()).toMatchObject({ openapi: "3.1.1", servers: [{ url: "/" }] });
  const host = new Hono().route("/ctr", createApp());
  const mounted = await host.request("/ctr/openapi.json", {}, { MODELS: env.MODELS });
  expect((await mounted.json<Document>()).servers).toEqual([{ url: "/ctr" }]);
  const escaped = await worker.fetch("/%6Fpenapi%2Ejson");
  expect((await escaped.json<Document>()).servers).toEqual([{ url: "/" }]);
});

test("it has every route that there is, and no other", async () => {
  const { paths } = await (await worker.fetch("/openapi.json")).json<Document>();
  const routes = createApp().routes.filter(({ method }) => method !== "ALL");
  const served = new Set(
    routes.map(({ method, path }) => `${method} ${path}`).filter((r) => !r.endsWith("/openapi.json")),
  );
  const described = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(new Set(described)).toEqual(served);
});

describe("each example", () => {
  test.each(EXAMPLES)("$path: $name", async ({ path, body, answer }) => {
    const response = await worker.asAdmin(path, body);
    expect(response.status).toBe(200);
    const got = v.parse(ANSWERS[path] as v.GenericSchema<object>, await response.json());
    expect(Object.keys(got)).toEqual(Object.keys(answer));
    v.parse(ANSWERS[path], answer);
  });
});

test("answers that are not about a body have the described form, too", async () => {
  v.parse(answers.ModelsAnswer, await (await worker.asAdmin("/v1/models")).json());
  v.parse(answers.HealthAnswer, await (await worker.fetch("/healthz")).json());
  v.parse(answers.ReadyAnswer, await (await worker.asAdmin("/readyz")).json());
});

test.each([
  ["/v1/score", { records: [{ site: {} }, { colour: 1 }], k: 1 }],
  ["/v1/score", "no JSON"],
  ["/v1/explain", { records: [] }],
  ["/nowhere", {}],
])("a problem of %s has the described form, and its status is among those of the route", async (path, body) => {
  const response = await worker.post(path, body);
  const { status } = v.parse(answers.ProblemAnswer, await response.json());
  const { paths } = await (await worker.fetch("/openapi.json")).json<Document>();
  if (paths[path]) expect(Object.keys(paths[path].post?.responses ?? {})).toContain(String(status));
});

test("of each body, the types are those that the route takes", async () => {
  const { paths } = await (await worker.fetch("/openapi.json")).json<Document>();
  const bodies = Object.entries(paths).filter(([, { post }]) => post?.requestBody);
  expect(bodies).toHaveLength(4);
  const token = generateToken();
  const settings = { TOKENS: await writeTokenEntry("all", "admin", token), EXPERIMENT_SECRETS: generateToken() };
  const { fetch } = startWorker({ ...settings, EVENT_PIPELINE: { send: async () => {} } } as TestBindings);
  for (const [path, { post }] of bodies)
    for (const type of ["application/json", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]) {
      const headers = { authorization: `Bearer ${token}`, "content-type": type };
      const { status } = await fetch(path, { method: "POST", headers, body: "{}" });
      expect(status !== 415, `${path} of ${type}`).toBe(type in (post?.requestBody?.content ?? {}));
      expect([415, 422]).toContain(status);
    }
});
