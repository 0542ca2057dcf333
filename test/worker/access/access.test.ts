import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { generateToken, writeTokenEntry } from "../../../format/tokens.ts";
import { foundTokens, watchConsole } from "../../../testing/tokens.ts";
import { MEMORY } from "../../../worker/limits.ts";
import { loggedErrors, problemOf, startWorker, type TestBindings, type TestWorker } from "../client.ts";
import { makeModel, publishTiny } from "../tiny-model.ts";

const model = await makeModel(1);
const scoreToken = generateToken();
const newScoreToken = generateToken();
const adminToken = generateToken();
const TOKENS = [
  await writeTokenEntry("front-end", "score", scoreToken),
  await writeTokenEntry("front-end", "score", newScoreToken),
  await writeTokenEntry("operator", "admin", adminToken),
].join("\n");

beforeAll(async () => {
  await reset();
  await publishTiny(env.MODELS, model);
});

type Route = readonly [method: "GET" | "POST", path: string, body: string | null];
const SCORE: Route = ["POST", "/v1/score", '{"records":[{"site":"site3"}]}'];
const RANK: Route = ["POST", "/v1/rank", '{"candidates":[{}]}'];
const MODELS: Route = ["GET", "/v1/models", null];
const READY: Route = ["GET", "/readyz", null];
const HEALTH: Route = ["GET", "/healthz", null];
const EXPLAIN: Route = ["POST", "/v1/explain", '{"records":[{"colour":1}]}'];
const METRICS: Route = ["GET", "/metrics", null];
const NOWHERE: Route = ["GET", "/nowhere", null];
const ROUTES = [SCORE, RANK, MODELS, READY, HEALTH];

function send(worker: TestWorker, [method, path, body]: Route, authorization?: string): Promise<Response> {
  const headers = { "content-type": "application/json", ...(authorization !== undefined && { authorization }) };
  return worker.fetch(path, { method, headers, body });
}

/** The statuses of all routes. */
function statuses(bindings: TestBindings, authorization?: string): Promise<number[]> {
  const worker = startWorker(bindings);
  return Promise.all(ROUTES.map(async (route) => (await send(worker, route, authorization)).status));
}

const bearer = (token: string): string => `Bearer ${token}`;
const WITH_TOKENS = { AUTH: "", TOKENS };

describe("with tokens", () => {
  test.each([
    ["none", undefined, [401, 401, 401, 200, 200]],
    ["one of the scope score", bearer(scoreToken), [200, 200, 200, 200, 200]],
    ["one that replaces it", bearer(newScoreToken), [200, 200, 200, 200, 200]],
    ["one of the scope admin", bearer(adminToken), [200, 200, 200, 200, 200]],
    ["one in lower case, with spaces", `bearer  ${scoreToken} `, [200, 200, 200, 200, 200]],
    ["an unknown one", bearer(generateToken()), [401, 401, 401, 401, 200]],
    ["a part of one", bearer(scoreToken.slice(0, -1)), [401, 401, 401, 401, 200]],
    ["the entry of one", bearer(TOKENS.split("\n")[0] ?? ""), [401, 401, 401, 401, 200]],
    ["two", `${bearer(scoreToken)}, ${bearer(scoreToken)}`, [401, 401, 401, 401, 200]],
    ["a password", `Basic ${btoa(`front-end:${scoreToken}`)}`, [401, 401, 401, 401, 200]],
    ["nothing after Bearer", "Bearer ", [401, 401, 401, 401, 200]],
  ])("%s", async (_, authorization, expected) => {
    expect(await statuses(WITH_TOKENS, authorization)).toEqual(expected);
  });

  test("a refusal says what is missing as RFC 6750 has it, before the body is read", async () => {
    const worker = startWorker(WITH_TOKENS);
    const none = await send(worker, ["POST", "/v1/score", "{"]);
    expect(none.headers.get("www-authenticate")).toBe('Bearer scope="score"');
    const metrics = await send(worker, METRICS);
    expect(metrics.headers.get("www-authenticate")).toBe('Bearer scope="admin"');
    expect(await problemOf(none)).toMatchObject({ status: 401, type: "urn:deepfm-edge:problem:unauthorized" });
    const unknown = await send(worker, SCORE, bearer("dfe_secret"));
    expect(unknown.headers.get("www-authenticate")).toBe('Bearer error="invalid_token"');
    expect((await problemOf(unknown)).detail).toBe("got an unknown token, expected one of this Worker's");
  });

  test("AUTH may say so, too", async () => {
    expect(await statuses({ AUTH: "tokens", TOKENS })).toEqual([401, 401, 401, 200, 200]);
  });

  test("everyone sees whether the Worker is ready, who may score which model is, an admin the settings", async () => {
    const worker = startWorker({ ...WITH_TOKENS, ROW_RATE_LIMIT: env.ROW_RATE_LIMIT });
    const ready = { status: "ready", auth: "tokens" };
    const summary = { ...ready, model: "tiny", version: model.version };
    expect(await (await send(worker, READY)).json()).toEqual(ready);
    expect(await (await send(worker, READY, bearer(scoreToken))).json()).toEqual(summary);
    expect(await (await send(worker, READY, bearer(adminToken))).json()).toEqual({
      ...summary,
      settings: {
        tokens: [
          { name: "front-end", scope: "score" },
          { name: "front-end", scope: "score" },
          { name: "operator", scope: "admin" },
        ],
        rowDeadlineMs: 30_000,
        rowKeysPerRequest: 32,
        rowRateLimit: "bound",
        requestRateLimit: "none: a client's requests per minute are not limited",
      },
      problems: [],
      memory: { budget: MEMORY.total, taken: expect.any(Object), peak: expect.any(Number), refused: 0 },
      models: [expect.objectContaining({ reference: "default", model: "tiny", version: model.version })],
      loads: { loaded: 1, failed: 0, refused: 0, evicted: 0, warmed: 0, unwarmed: 0 },
      fallbacks: { default: 0, bundled: 0, order: 0 },
      experiments: { state: "none", payload: null, since: null, problem: null },
    });
  });

  test("no answer, header, metric or log line has a token or its digest", async () => {
    const logs = [vi.spyOn(console, "log"), vi.spyOn(console, "warn"), vi.spyOn(console, "error")];
    for (const log of logs) log.mockReset().mockImplementation(() => {});
    const texts: string[] = [];
    for (const token of [scoreToken, adminToken, "dfe_wrong"]) {
      for (const bindings of [WITH_TOKENS, { AUTH: "off", TOKENS }, { AUTH: token }, { TOKENS: token }]) {
        const worker = startWorker(bindings);
        for (const route of [...ROUTES, EXPLAIN, METRICS, NOWHERE]) {
          const response = await send(worker, route, bearer(token));
          texts.push(JSON.stringify([...response.headers]), await response.text());
        }
      }
    }
    for (const log of logs) {
      texts.push(JSON.stringify(log.mock.calls));
      log.mockRestore();
    }
    const secrets = [scoreToken, adminToken, "dfe_wrong", ...TOKENS.split("\n").map((entry) => entry.split(":")[2])];
    for (const secret of secrets) expect(texts.join("\n")).not.toContain(secret);
  });

  test("a token in the wrong place of a request is not quoted in an error", async () => {
    const worker = startWorker({ AUTH: "off", TOKENS });
    const path = await problemOf(await send(worker, ["GET", `/${scoreToken}`, null]));
    expect(path.detail).toBe("got path /dfe_…, expected one of the documented routes");
    for (const body of [
      { records: [{ [scoreToken]: 1 }] },
      { records: [{ price: scoreToken }] },
      { [scoreToken]: 1 },
    ]) {
      const { status, errors } = await problemOf(await worker.score(body));
      expect([status, JSON.stringify(errors).includes("dfe_…")]).toEqual([422, true]);
    }
    expect(foundTokens()).toEqual([]);
  });

  test("the check under which all tests of the Worker run finds a token in a log line", () => {
    // Watched again, so that what it writes to is silent.
    const write = vi.spyOn(console, "info").mockImplementation(() => {});
    watchConsole();
    console.info(`{"token":"${adminToken}"}`);
    write.mockRestore();
    expect(foundTokens()).toEqual(['{"token":"dfe_…']);
  });
});

describe("without tokens", () => {
  test.each([
    ["nothing is decided", { AUTH: "", TOKENS: "" }],
    ["tokens are needed", { AUTH: "tokens", TOKENS: "" }],
    ["one of them is broken", { AUTH: "", TOKENS: `${TOKENS} x` }],
  ])("nobody has access where %s, and /readyz says what to set", async (_, bindings) => {
    const errors = loggedErrors();
    expect(await statuses(bindings, bearer(scoreToken))).toEqual([503, 503, 503, 503, 200]);
    const problem = await problemOf(await send(startWorker(bindings), READY));
    expect(problem.type).toBe("urn:deepfm-edge:problem:misconfigured");
    expect(problem.detail).toMatch(/^TOKENS: .*expected/);
    expect(errors()).toHaveLength(2); // once an isolate
  });

  test("everyone may score where AUTH is off, which the log and /readyz repeat", async () => {
    const warn = vi.spyOn(console, "warn").mockReset();
    const worker = startWorker({ AUTH: "off", TOKENS: "" });
    for (const route of ROUTES) expect((await send(worker, route)).status).toBe(200);
    expect(await (await send(worker, READY)).json()).toMatchObject({ auth: "off" });
    expect(warn.mock.calls.map(([line]) => JSON.parse(String(line)))).toEqual([
      { level: "warning", event: "auth_off", message: "anyone may score: AUTH is off" },
    ]);
    warn.mockRestore();
  });

  test("where AUTH is off, an admin needs a token, and another server's counts for nothing", async () => {
    const worker = startWorker({ AUTH: "off", TOKENS });
    const members = async (authorization: string): Promise<string[]> => {
      const { models } = await (await send(worker, MODELS, authorization)).json<{ models: [object] }>();
      return Object.keys(models[0]);
    };
    expect(await members("Basic eDp5")).toEqual(["model", "version", "fields", "example", "default"]);
    expect(await members(bearer(adminToken))).toContain("evidence");
  });
});
