import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { SECTION_EVIDENCE } from "../../../format/constants.ts";
import { writeDefault, writePointer } from "../../../format/pointer.ts";
import { sealBlob } from "../../../format/seal.ts";
import { blobPartKeys, defaultKey, pointerKey } from "../../../format/store.ts";
import { withSection } from "../../../testing/format/edit-blob.ts";
import { LOAD_RETRY_MS, MEMORY, MODEL_IDLE_MS, POINTER_MAX_AGE_MS } from "../../../worker/limits.ts";
import { type Lease, MemoryBudget, type MemoryReport } from "../../../worker/memory/memory-budget.ts";
import { bestKernelModule } from "../../../worker/models/kernel-modules.ts";
import { ModelStore } from "../../../worker/models/model-store.ts";
import { kvSource } from "../../../worker/source/kv-source.ts";
import { loggedErrors, type ProblemAnswer, type ScoreAnswer, startWorker, type TestWorker } from "../client.ts";
import { makeModel, pointerTo, storeTiny } from "../tiny-model.ts";
import { originOf, warmNone } from "./origin.ts";

// Models of 20 MiB, of which two fit into the memory of an isolate, and one of 26 MiB, which is stored in two parts.

const MIB = 2 ** 20;
const NAMES = ["a", "b", "c", "large"];
/** By the name that they have at first. */
const versions = new Map<string, string>();

beforeAll(async () => {
  await reset();
  const small = await makeModel(1);
  for (const name of NAMES) {
    const size = name === "large" ? 26 : 20;
    const evidence = new TextEncoder().encode(JSON.stringify({ padding: name[0]?.repeat(size * MIB) }));
    const blob = withSection(small.blob, SECTION_EVIDENCE, evidence);
    const model = { ...small, blob, version: await sealBlob(blob) };
    await storeTiny(env.MODELS, model);
    versions.set(name, model.version);
  }
}, 300_000); // 86 MiB go into Workers KV

beforeEach(async () => {
  vi.spyOn(console, "log").mockImplementation(() => {});
  onTestFinished(() => {
    vi.restoreAllMocks();
  });
  for (const name of NAMES) await point(name, name);
  await env.MODELS.put(defaultKey(), writeDefault("a"));
});

/** Lets the version of a model serve under a name. */
async function point(name: string, of: string): Promise<void> {
  await env.MODELS.put(pointerKey(name), pointerTo(versions.get(of) ?? ""));
}

async function statusOf(worker: TestWorker, model: string): Promise<number> {
  const response = await worker.score({ records: [{ site: "site3" }], model });
  if (response.status === 200)
    expect(await response.json<ScoreAnswer>()).toMatchObject({ model, version: versions.get(model) });
  return response.status;
}

interface Ready {
  models: { reference: string; memoryBytes?: number; problem?: string }[];
  loads: { loaded: number; refused: number; evicted: number };
  memory: MemoryReport;
}

async function readyOf(worker: TestWorker): Promise<Ready> {
  return (await worker.asAdmin("/readyz")).json();
}

/** Bytes of a page's digest, of which a tiny model has four. */
const DIGESTS = 4 * 16;

test("a model that does not fit beside those in use is refused with both numbers, and they go on", async () => {
  const errors = loggedErrors();
  const worker = startWorker();
  for (let i = 0; i < 500; i++) {
    expect(await statusOf(worker, "a")).toBe(200);
    expect(await statusOf(worker, "b")).toBe(200);
    if (i % 100 > 0) continue;
    worker.clock.ms += 5000;
    const response = await worker.score({ records: [], model: "c" });
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("5");
    const { detail } = await response.json<ProblemAnswer>();
    expect(detail).toMatch(
      /^the model c cannot be loaded now: got the model that takes 22\d{6} bytes of memory, expected at most the \d+ that/,
    );
  }
  expect(errors()).toHaveLength(5);
  expect(errors()[0]).toMatchObject({ event: "model_load_failed", model: "c" });

  const { models: reports, loads, memory } = await readyOf(worker);
  expect(reports.find(({ reference }) => reference === "c")?.problem).toMatch(
    /that takes \d+ bytes of memory, expected/,
  );
  expect(loads).toMatchObject({ loaded: 2, refused: 5, evicted: 0 });
  const real = ["a", "b"].map((name) => reports.find(({ reference }) => reference === name)?.memoryBytes ?? 0);
  expect(memory.taken.models).toBe(real.reduce((sum, bytes) => sum + bytes + DIGESTS, 0));
  expect(memory.taken.models).toBeLessThan(MEMORY.models);
  expect(memory.taken.requests).toBe(0);
  expect(memory.peak).toBeLessThanOrEqual(MEMORY.total);
  const metrics = await worker.metrics();
  expect(metrics).toContain('deepfm_edge_model_loads_total{result="refused"} 5\n');
  expect(metrics).toContain(`deepfm_edge_memory_bytes{share="models"} ${memory.taken.models}\n`);
});

test("a blob in parts is served beside another one, and not without one of its parts", async () => {
  const errors = loggedErrors();
  const version = versions.get("large") ?? "";
  const [, second = ""] = blobPartKeys(version, 26 * MIB);
  expect(second).toBe(`blob/${version}.1`);
  const worker = startWorker();
  await worker.score({ records: [] });
  expect(await statusOf(worker, "large")).toBe(200);
  const { models: reports } = await readyOf(worker);
  const { memoryBytes } = reports.find(({ reference }) => reference === "large") ?? {};
  expect(memoryBytes).toBeGreaterThan(26 * MIB);

  await env.MODELS.delete(second);
  expect(await statusOf(startWorker(), "large")).toBe(503);
  expect(errors()[0]).toMatchObject({ error: expect.stringContaining("blob: got no part 1, expected 10") });
});

test("the one unused longest makes room, never the default, and comes back when it is asked for", async () => {
  loggedErrors();
  const worker = startWorker();
  expect(await statusOf(worker, "b")).toBe(200);
  await worker.score({ records: [] });
  worker.clock.ms += MODEL_IDLE_MS - 1;
  expect(await statusOf(worker, "c")).toBe(503);
  worker.clock.ms += 5000;
  expect(await statusOf(worker, "c")).toBe(200);
  expect((await readyOf(worker)).loads).toMatchObject({ loaded: 3, evicted: 1 });
  expect(await statusOf(worker, "b")).toBe(503);
  worker.clock.ms += MODEL_IDLE_MS;
  expect(await statusOf(worker, "a")).toBe(200);
  // A part of KV shows a pointer from before, which the isolate does not go back to.
  await env.MODELS.put(pointerKey("b"), writePointer({ version: versions.get("a") ?? "", since: 1, previous: null }));
  expect(await statusOf(worker, "b")).toBe(200);
  const { models: reports, loads, memory } = await readyOf(worker);
  expect(loads).toMatchObject({ loaded: 4, evicted: 2 });
  expect(reports.map(({ reference }) => reference)).not.toContain("c");
  expect(memory.taken.models).toBeLessThan(MEMORY.models);
});

test("the default has room made at once, and a new version of it replaces it beside another model", async () => {
  const worker = startWorker();
  expect(await statusOf(worker, "b")).toBe(200);
  expect(await statusOf(worker, "c")).toBe(200);
  expect((await worker.score({ records: [] })).status).toBe(200);
  const { loads } = await readyOf(worker);
  expect(loads).toMatchObject({ loaded: 3, refused: 0, evicted: 1 });
  expect(await statusOf(worker, "c")).toBe(200);

  // Both versions of the default are there for a moment, so that the other model has to go. Its next request brings it
  // back.
  await point("a", "b");
  worker.clock.ms += POINTER_MAX_AGE_MS;
  await worker.score({ records: [] });
  const answer = await (await worker.score({ records: [] })).json<ScoreAnswer>();
  expect(answer).toMatchObject({ model: "a", version: versions.get("b") });
  expect(await statusOf(worker, "c")).toBe(200);
  expect((await worker.memory()).taken.models).toBeLessThan(MEMORY.models);
});

test("a model that a request uses is never evicted, however long ago the request began", async () => {
  const clock = { ms: 1e12 };
  const memory = new MemoryBudget(() => clock.ms);
  const store = new ModelStore(bestKernelModule(), memory, warmNone, () => clock.ms);
  const use = async (model: string | null, lease: Lease): Promise<string> => {
    const access = { ...originOf(kvSource(env.MODELS)), keepAlive: () => {}, charge: null, lease };
    return (await store.use(model, access, 30_000)).model;
  };
  const [long, short] = [memory.lease("requests"), memory.lease("requests")];
  expect(await use("b", long)).toBe("b");
  expect(await use("c", short)).toBe("c");
  short.end();
  clock.ms += MODEL_IDLE_MS;
  // Of b and c, b is unused longer; but a request still uses it.
  expect(await use(null, memory.lease("requests"))).toBe("a");
  expect(store.status().map(({ reference }) => reference)).toEqual([null, "b"]);
  await expect(use("c", memory.lease("requests"))).rejects.toThrow("the model c cannot be loaded now");
  long.end();
  clock.ms += LOAD_RETRY_MS;
  expect(await use("c", memory.lease("requests"))).toBe("c");
  expect(memory.report().taken.models).toBeLessThan(MEMORY.models);
});
