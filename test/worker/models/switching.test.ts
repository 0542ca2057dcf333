import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import { blobKey, pageKey } from "../../../format/store.ts";
import { KV_MIN_CACHE_SECONDS, POINTER_MAX_AGE_MS } from "../../../worker/limits.ts";
import { kvKeys, loggedErrors, type ScoreAnswer, startWorker, type TestWorker } from "../client.ts";
import { expectedScores, makeModel, publishTiny, storeTiny } from "../tiny-model.ts";
import { failingKv } from "./bundled-worker.ts";

// One version replaces another while requests go on.

const COLD = [{ site: "site57", tags: "tag1|tag77", device: "phone", price: 4 }, { site: "site3" }];
const [before, after] = [await makeModel(1), await makeModel(2, { hotPages: [2, 0, 3, 1] })];

beforeEach(reset);

async function followPointer(worker: TestWorker): Promise<void> {
  worker.clock.ms += POINTER_MAX_AGE_MS;
  await worker.score({ records: [] });
}

async function loadsOf(worker: TestWorker): Promise<Record<string, number>> {
  return (await (await worker.asAdmin("/readyz")).json<{ loads: Record<string, number> }>()).loads;
}

test("the hottest pages of a version are read in one read before it replaces another, and not in a new isolate", async () => {
  const bulk: string[][] = [];
  const MODELS = failingKv(async (keys) => {
    if (Array.isArray(keys)) bulk.push(keys);
  });
  await publishTiny(env.MODELS, after);
  const fresh = startWorker({ MODELS });
  await fresh.score({ records: [] });
  expect(bulk).toEqual([]);

  const worker = startWorker({ MODELS });
  await publishTiny(env.MODELS, before);
  await worker.score({ records: [] });
  await publishTiny(env.MODELS, after);
  await followPointer(worker);
  expect(bulk).toEqual([[2, 0, 3, 1].map((page) => pageKey(after.pages[page]?.digest ?? new Uint8Array(0)))]);
  const response = await worker.score({ records: COLD });
  expect(kvKeys(response)).toBe(0);
  expect(await response.json()).toMatchObject({ version: after.version, scores: await expectedScores(after, COLD) });
  expect(await loadsOf(worker)).toMatchObject({ loaded: 2, warmed: 4, unwarmed: 0 });
});

test("hot pages that cannot be read keep no version from serving", async () => {
  loggedErrors();
  const MODELS = failingKv(async (keys) => {
    if (Array.isArray(keys)) throw new Error("KV is down");
  });
  const worker = startWorker({ MODELS });
  await publishTiny(env.MODELS, before);
  await worker.score({ records: [] });
  await publishTiny(env.MODELS, after);
  await followPointer(worker);
  const { version } = await (await worker.score({ records: [] })).json<ScoreAnswer>();
  expect(version).toBe(after.version);
  expect(await loadsOf(worker)).toMatchObject({ warmed: 0, unwarmed: 4 });
  expect(await worker.metrics()).toContain('deepfm_edge_warm_pages_total{result="missing"} 4\n');
});

/** The KV namespace behind the cache of a location, which keeps a value as long as a read says that it may be old. */
function cachedKv(now: () => number): KVNamespace {
  const cached = new Map<string, { at: number; value: Uint8Array | null }>();
  const get = async (key: string, { cacheTtl }: { cacheTtl: number }): Promise<ReadableStream | null> => {
    let found = cached.get(key);
    if (!found || now() - found.at >= 1000 * cacheTtl) {
      const value = await env.MODELS.get(key, "arrayBuffer");
      found = { at: now(), value: value && new Uint8Array(value) };
      cached.set(key, found);
    }
    return found.value && new Response(found.value as Uint8Array<ArrayBuffer>).body;
  };
  return new Proxy(env.MODELS, { get: (kv, name) => (name === "get" ? get : Reflect.get(kv, name)) });
}

test("a blob that was broken is read past KV's cache, and serves once it is repaired", async () => {
  loggedErrors();
  const clock = { ms: 0 };
  const worker = startWorker({ MODELS: cachedKv(() => clock.ms) });
  await publishTiny(env.MODELS, before);
  await env.MODELS.put(blobKey(before.version), before.blob.slice(0, 2000));
  const statusAfter = async (ms: number): Promise<number> => {
    clock.ms += ms;
    worker.clock.ms += ms;
    return (await worker.score({ records: [] })).status;
  };
  expect(await statusAfter(0)).toBe(503);
  await storeTiny(env.MODELS, before);
  expect(await statusAfter(1000 * KV_MIN_CACHE_SECONDS)).toBe(200);
});

test("100 switches under requests lose none, keep none waiting for a load, and mix no versions", async () => {
  const scores = new Map<string, number[]>();
  for (const model of [before, after]) {
    await storeTiny(env.MODELS, model);
    scores.set(model.version, await expectedScores(model, COLD));
  }
  const worker = startWorker();
  await publishTiny(env.MODELS, before);
  await worker.score({ records: COLD });
  const seen: string[] = [];
  for (let i = 1; i <= 100; i++) {
    await publishTiny(env.MODELS, i % 2 === 1 ? after : before);
    worker.clock.ms += POINTER_MAX_AGE_MS;
    const answers = await Promise.all(Array.from({ length: 4 }, () => worker.score({ records: COLD })));
    for (const response of answers) {
      expect(response.status).toBe(200);
      const answer = await response.json<ScoreAnswer>();
      expect(answer.degraded).toBeUndefined();
      expect(answer.scores).toEqual(scores.get(answer.version));
      seen.push(answer.version);
    }
    // The request that finds the pointer old does not wait for what it then points to.
    expect(seen.at(-4)).toBe((i % 2 === 1 ? before : after).version);
  }
  expect(seen).toHaveLength(400);
  expect(await loadsOf(worker)).toMatchObject({ failed: 0, refused: 0, loaded: 101 });
  const { taken } = await worker.memory();
  expect(taken.models).toBeLessThan(2 * 2 ** 20);
});
