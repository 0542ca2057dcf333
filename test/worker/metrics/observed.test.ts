import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { Hono } from "hono";
import { beforeAll, describe, expect, test, vi } from "vitest";
import experiments from "../../../docs/experiments.md?raw";
import reranking from "../../../docs/reranking.md?raw";
import serving from "../../../docs/serving.md?raw";
import { createApp } from "../../../worker/app.ts";
import { startWorker, type TestWorker } from "../client.ts";
import { makeModel, publishTiny } from "../tiny-model.ts";
import { TRANSPORTS } from "../transports.ts";

// What is counted, written and logged of requests.

const model = await makeModel(1);
const VERSION = { id: "5f3c1d9e-0000-4000-8000-1234567890ab", tag: "candidate", timestamp: "2026-01-01T00:00:00Z" };

beforeAll(async () => {
  await reset();
  await publishTiny(env.MODELS, model);
});

interface Point {
  indexes: string[];
  blobs: string[];
  doubles: number[];
}

/** A dataset that keeps its points, as Analytics Engine does nothing on this machine. */
function recorded(): { points: Point[]; writeDataPoint(point: Point): void } {
  const points: Point[] = [];
  return { points, writeDataPoint: (point) => void points.push(point) };
}

describe.each(TRANSPORTS)("a data point for each scoring request over %s", (name, start) => {
  test("says what it was scored with, or why it was not", async () => {
    const ANALYTICS = recorded();
    const client = start({ ANALYTICS, WORKER_VERSION: VERSION });
    const [route, by] = name === "RPC" ? ["", "rpc"] : ["/v1/", "http"];
    await client.ask("score", { records: [{ site: "site57" }, { site: "never seen" }, { device: "watch" }] });
    await client.ask("rank", { candidates: [{}], model: "tiny" });
    await client.ask("explain", { records: [{ colour: 1 }] });
    await client.ask("score", { records: [], model: "other" });
    const scored = ["tiny", model.version];
    const worker = [VERSION.id, VERSION.tag];
    const ms = expect.any(Number);
    const keys = expect.any(Number);
    expect(ANALYTICS.points).toEqual([
      {
        indexes: ["tiny"],
        blobs: [`${route}score`, by, ...scored, "ok", "", ...worker],
        doubles: [200, ms, 3, keys, 0, 2],
      },
      {
        indexes: ["tiny"],
        blobs: [`${route}rank`, by, ...scored, "ok", "", ...worker],
        doubles: [200, ms, 1, 0, 0, 0],
      },
      {
        indexes: ["none"],
        blobs: [`${route}explain`, by, "", "", "invalid-request", "", ...worker],
        doubles: [422, ms, 0, 0, 0, 0],
      },
      {
        indexes: ["none"],
        blobs: [`${route}score`, by, "", "", "unknown-model", "", ...worker],
        doubles: [404, ms, 0, 0, 0, 0],
      },
    ]);
    expect(ANALYTICS.points[0]?.doubles[3]).toBeGreaterThan(0);
  });

  test("that cannot be written is in the log, and the request is answered", async () => {
    const log = vi.spyOn(console, "log").mockReset();
    const ANALYTICS = {
      writeDataPoint() {
        throw new Error("no dataset");
      },
    };
    expect((await start({ ANALYTICS }).ask("score", { records: [] })).status).toBe(200);
    const lines = log.mock.calls.map(([line]) => JSON.parse(String(line)));
    log.mockRestore();
    expect(lines).toContainEqual(expect.objectContaining({ event: "analytics_failed", error: "Error: no dataset" }));
  });
});

test("no data point is written of what asks for no scores, and one of a refused token", async () => {
  const ANALYTICS = recorded();
  const worker = startWorker({ ANALYTICS, AUTH: "tokens" });
  for (const path of ["/healthz", "/readyz", "/v1/models", "/nowhere"]) await worker.fetch(path);
  expect(ANALYTICS.points).toEqual([]);
  await worker.score({ records: [] });
  expect(ANALYTICS.points.map(({ blobs, doubles }) => [blobs[0], blobs[4], doubles[0]])).toEqual([
    ["/v1/score", "unauthorized", 401],
  ]);
});

const series = async (worker: TestWorker, begin: string): Promise<string[]> =>
  (await worker.metrics()).split("\n").filter((line) => line.startsWith(begin));

describe("GET /metrics", () => {
  test("has the requests by route and status, and no path that a client made up", async () => {
    const worker = startWorker();
    await worker.score({ records: [{}] });
    await worker.score({ records: [{ colour: 1 }] });
    await worker.fetch("/made/up");
    await worker.fetch("/v1/score");
    const counts = await series(worker, "http_server_request_duration_seconds_count");
    const of = (method: string, route: string, status: number, count: number): string =>
      `http_server_request_duration_seconds_count{http_request_method="${method}",http_route="${route}",` +
      `http_response_status_code="${status}"} ${count}`;
    expect(counts).toEqual([
      of("POST", "/v1/score", 200, 1),
      of("POST", "/v1/score", 422, 1),
      of("GET", "/*", 404, 1),
      of("GET", "/v1/score", 405, 1),
    ]);
    const buckets = await series(worker, "http_server_request_duration_seconds_bucket");
    expect(buckets).toHaveLength(4 * 15 + 15); // the first look at the metrics is a request, too
    expect(buckets.filter((line) => line.includes('le="+Inf"')).every((line) => line.endsWith(" 1"))).toBe(true);
    expect(await series(worker, "nv_inference_request")).toEqual([
      'nv_inference_request_failure{reason="invalid-request"} 1',
      `nv_inference_request_success{model="tiny",version="${model.version}"} 1`,
    ]);
  });

  test("says of each series which isolate it is of", async () => {
    const worker = startWorker({ WORKER_VERSION: VERSION });
    const lines = (await (await worker.asAdmin("/metrics")).text()).split("\n").filter((line) => /^\w/.test(line));
    const isolates = lines.map((line) => /[{]isolate="([0-9a-f]{16})"[,}]/.exec(line)?.[1]);
    expect(new Set(isolates).size).toBe(1);
    expect(isolates[0]).toBeDefined();
    expect(await series(worker, "deepfm_edge_worker_info")).toEqual([
      `deepfm_edge_worker_info{id="${VERSION.id}",tag="candidate"} 1`,
    ]);
  });

  test("has nothing that the documents do not name", async () => {
    const text = await startWorker({ WORKER_VERSION: VERSION }).metrics();
    const names = Array.from(text.matchAll(/^# TYPE (\w+) /gm), ([, name]) => name);
    expect(names.length).toBeGreaterThan(30);
    const documents = [serving, experiments, reranking].join("\n");
    expect(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(documents))).toEqual([]);
  });

  test("has the routes of a mounted application with the path below which it is", async () => {
    const host = new Hono().route("/ctr", createApp());
    const ANALYTICS = recorded();
    const bindings = { MODELS: env.MODELS, AUTH: "off", ANALYTICS };
    const init = { method: "POST", headers: { "content-type": "application/json" }, body: '{"records":7}' };
    const response = await host.fetch(new Request("https://edge.test/ctr/v1/score", init), bindings);
    expect(response.status).toBe(422);
    expect(ANALYTICS.points.map(({ blobs }) => blobs.slice(0, 5))).toEqual([
      ["/ctr/v1/score", "http", "", "", "invalid-request"],
    ]);
  });
});

describe("the version of the Worker", () => {
  test("is in every line of the log from the first request on", async () => {
    const warn = vi.spyOn(console, "warn").mockReset();
    await startWorker({ WORKER_VERSION: VERSION, AUTH: "off" }).fetch("/readyz");
    const lines = warn.mock.calls.map(([line]) => JSON.parse(String(line)));
    warn.mockRestore();
    expect(lines).toEqual([expect.objectContaining({ event: "auth_off", worker: VERSION.id, workerTag: VERSION.tag })]);
  });

  test("is that of the binding of wrangler.toml", () => {
    expect(env.WORKER_VERSION).toMatchObject({ id: expect.stringMatching(/./), tag: expect.any(String) });
  });

  test("that is none is refused, and named", async () => {
    const error = vi.spyOn(console, "error").mockReset();
    const response = await startWorker({ WORKER_VERSION: { id: 7 } as never }).fetch("/readyz");
    error.mockRestore();
    expect(await response.json()).toMatchObject({ status: 503, detail: expect.stringMatching(/^WORKER_VERSION.*id/) });
  });
});
