import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, onTestFinished, vi } from "vitest";
import { generateToken, writeTokenEntry } from "../../format/tokens.ts";
import { inspect } from "../../testing/tokens.ts";
import { createApp } from "../../worker/app.ts";
import type { MemoryReport } from "../../worker/memory/memory-budget.ts";
import type { AppOptions } from "../../worker/settings/app-options.ts";
import type { DefaultBindings } from "../../worker/settings/default-settings.ts";

/** A Worker as in a new isolate: no model, no pages, and a clock that stands still until a test moves it. */
export interface TestWorker {
  clock: { ms: number };
  /** Sends a request; waits for what the Worker does after it has answered, too. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** Sends a request with a token of the scope admin: POST with `body` as JSON, or as it is; GET without one. */
  asAdmin(path: string, body?: object | string): Promise<Response>;
  /** What the Worker's budget of memory says of itself. */
  memory(): Promise<MemoryReport>;
  /** The series of /metrics, without the label of the isolate. */
  metrics(): Promise<string>;
  /** POST with `body` as JSON. */
  post(path: string, body: unknown): Promise<Response>;
  /** POST /v1/score with `body` as JSON. */
  score(body: unknown): Promise<Response>;
}

export interface ScoreAnswer {
  scores: number[];
  model: string;
  version: string;
  degraded?: { rows: number; reason: string };
  unseen?: Record<string, number>;
}

export interface RankAnswer extends Omit<ScoreAnswer, "scores"> {
  items: { id: string | number; score: number; value?: number; rank: number }[];
}

export interface ProblemAnswer {
  type: string;
  title: string;
  status: number;
  detail: string;
  field?: string;
  errors?: { pointer: string; detail: string }[];
  cause?: string;
}

/** What `run` returns, once no minute of the clock began meanwhile: with each, a rate limit counts anew. */
export async function withinOneMinute<Result>(run: () => Promise<Result>): Promise<Result> {
  const minute = (): number => Math.floor(Date.now() / 60_000);
  for (;;) {
    const began = minute();
    const result = await run();
    if (began === minute()) return result;
  }
}

/** How long a test waits for what comes at once where the machine is not busy. */
export const PATIENCE = { timeout: 30_000 };

const ADMIN_TOKEN = generateToken();
/** The entry of the token that `asAdmin` sends. */
export const ADMIN_ENTRY = await writeTokenEntry("tests", "admin", ADMIN_TOKEN);

/** Bindings that tests set otherwise than wrangler.toml. */
export type TestBindings = Partial<Omit<Env, "ROW_RATE_LIMIT"> & DefaultBindings>;

/**
 * Those of wrangler.toml, open to everyone. The real deadline would make tests on a slow machine fail by chance, and
 * the workers of a test share the cache of a location.
 */
export function testBindings(overrides: TestBindings): TestBindings {
  const { ROW_RATE_LIMIT, WORKER_VERSION, ...unlimited } = env;
  return { ...unlimited, ...DEFAULTS, ...overrides };
}

const DEFAULTS = { AUTH: "off", TOKENS: ADMIN_ENTRY, ROW_DEADLINE_MS: 30_000, PAGE_CACHE: "off" };

export function startWorker(overrides: TestBindings = {}, options: AppOptions<TestBindings> = {}): TestWorker {
  const clock = { ms: Date.parse("2026-01-01T00:00:00Z") };
  const app = createApp<TestBindings>({ ...options, now: () => clock.ms });
  const bindings = testBindings(overrides);

  async function fetch(path: string, init?: RequestInit): Promise<Response> {
    const ctx = createExecutionContext();
    const response = await app.fetch(new Request(`https://edge.test${path}`, init), bindings, ctx);
    await waitOnExecutionContext(ctx);
    inspect(JSON.stringify([...response.headers]));
    if (response.body) inspect(await response.clone().text());
    return response;
  }

  function asAdmin(path: string, body?: object | string): Promise<Response> {
    const authorization = `Bearer ${ADMIN_TOKEN}`;
    if (body === undefined) return fetch(path, { headers: { authorization } });
    const headers = { authorization, "content-type": "application/json" };
    return fetch(path, { method: "POST", headers, body: textOf(body) });
  }

  async function memory(): Promise<MemoryReport> {
    return (await (await asAdmin("/readyz")).json<{ memory: MemoryReport }>()).memory;
  }

  async function metrics(): Promise<string> {
    const text = await (await asAdmin("/metrics")).text();
    return text.replaceAll(/isolate="[0-9a-f]{16}",?/g, "").replaceAll("{}", "");
  }

  function post(path: string, body: unknown): Promise<Response> {
    return fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: textOf(body),
    });
  }

  return { clock, fetch, asAdmin, memory, metrics, post, score: (body) => post("/v1/score", body) };
}

function textOf(body: unknown): string {
  return typeof body === "string" ? body : JSON.stringify(body);
}

/** Keys that a scoring request read from KV, as its `server-timing` header states them. */
export function kvKeys(response: Response): number {
  const match = /(?:^|, )kv;desc="(\d+)"/.exec(response.headers.get("server-timing") ?? "");
  return Number(match?.[1] ?? Number.NaN);
}

/** The errors that are logged from here on, one object a line. */
export function loggedErrors(): () => Record<string, unknown>[] {
  const spy = vi
    .spyOn(console, "error")
    .mockReset()
    .mockImplementation((line) => inspect(String(line)));
  onTestFinished(() => spy.mockRestore());
  return () => spy.mock.calls.map(([line]) => JSON.parse(String(line)));
}

/** The problem that a response is, and a problem it must be. */
export async function problemOf(response: Response): Promise<ProblemAnswer> {
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  const problem = await response.json<ProblemAnswer>();
  expect(problem.status).toBe(response.status);
  expect(problem.type).toMatch(/^urn:deepfm-edge:problem:[a-z-]+$/);
  return problem;
}
