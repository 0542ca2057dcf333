import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import { pageKey } from "../../../format/store.ts";
import { LOCATION_CACHE_PAGES } from "../../../worker/limits.ts";
import { type CacheApi, locationCache } from "../../../worker/source/location-cache.ts";
import { kvKeys, loggedErrors, type ScoreAnswer, startWorker, type TestWorker } from "../client.ts";
import { expectedScores, makeModel, pageOf, publishTiny } from "../tiny-model.ts";

// Workers that are new isolates of one location, whose cache is workerd's own.

const model = await makeModel(1, { pageCount: 60 });
const RECORDS = Array.from({ length: 300 }, (_, i) => ({ site: `site${60 + i}` }));
const PAGES = new Set(RECORDS.map(({ site }) => pageOf("site", site, model)));
const scores = await expectedScores(model, RECORDS);

beforeEach(async () => {
  await reset();
  await publishTiny(env.MODELS, model);
});

function start(): TestWorker {
  return startWorker({ PAGE_CACHE: "on", ROW_KEYS_PER_REQUEST: 100 });
}

/** A new isolate that has tried the cache, for a page. */
async function startTried(): Promise<TestWorker> {
  const worker = start();
  expect((await worker.score({ records: [{ site: "site57" }] })).status).toBe(200);
  return worker;
}

function urlOf(page: number): string {
  return `https://pages.deepfm-edge.invalid/${pageKey(model.pages[page]?.digest ?? new Uint8Array())}`;
}

function nearby(response: Response): number {
  return Number(/ location;desc="(\d+)"/.exec(response.headers.get("server-timing") ?? "")?.[1]);
}

async function ask(worker: TestWorker): Promise<{ kv: number; location: number }> {
  const response = await worker.score({ records: RECORDS });
  expect((await response.json<ScoreAnswer>()).scores).toEqual(scores);
  return { kv: kvKeys(response), location: nearby(response) };
}

test("pages that an isolate has read cost the next one no key, as far as it may ask the cache", async () => {
  expect(PAGES.size).toBeGreaterThan(LOCATION_CACHE_PAGES);
  const first = await ask(await startTried());
  expect(first.location).toBe(0);
  const second = await startTried();
  const { kv, location } = await ask(second);
  expect(kv + location).toBe(first.kv);
  expect(location).toBeGreaterThanOrEqual(LOCATION_CACHE_PAGES);
  expect(await second.metrics()).toMatch(new RegExp(`^deepfm_edge_location_pages_total\\{[^}]*\\} ${location}$`, "m"));
});

test("a page that is broken in the cache is read from KV, and put there again", async () => {
  const errors = loggedErrors();
  // Not of the page that the cache is tried for.
  const record = RECORDS.find(({ site }) => pageOf("site", site, model) !== pageOf("site", "site57", model));
  const page = pageOf("site", record?.site ?? "", model);
  const headers = { "cache-control": "max-age=1000" };
  const other = model.pages[(page + 1) % 60]?.bytes ?? new Uint8Array();
  await caches.default.put(urlOf(page), new Response(new Uint8Array(other), { headers }));
  const worker = await startTried();
  const [score] = await expectedScores(model, [record ?? {}]);
  const response = await worker.score({ records: [record] });
  expect(await response.json()).toEqual({ scores: [score], model: "tiny", version: model.version });
  expect([kvKeys(response), nearby(response)]).toEqual([1, 0]);
  const again = await (await startTried()).score({ records: [record] });
  expect((await again.json<ScoreAnswer>()).scores).toEqual([score]);
  expect([kvKeys(again), nearby(again)]).toEqual([0, 1]);
  expect(errors()).toEqual([]);
});

test("a new isolate asks the source until it knows that the cache keeps what is put there", async () => {
  await ask(await startTried());
  const response = await start().score({ records: [RECORDS[0]] });
  expect(nearby(response)).toBe(0);
});

const FAULTS: [string, CacheApi][] = [
  ["keeps nothing", { match: async () => undefined, put: async () => {} }],
  ["fails", { match: () => Promise.reject(new Error("no")), put: () => Promise.reject(new Error("no")) }],
];

test.each(FAULTS)("a cache that %s is asked no more", async (_, cache) => {
  let matches = 0;
  const match: CacheApi["match"] = (url) => {
    matches++;
    return cache.match(url);
  };
  const pages = locationCache({ ...cache, match });
  const tries: Promise<unknown>[] = [];
  for (let i = 0; i < 3; i++) {
    expect(await pages.find(["page/1"], 1000, (done) => tries.push(done))).toEqual(new Map());
    await Promise.all(tries);
    await pages.keep("page/1", Uint8Array.of(1));
  }
  expect([tries.length, matches <= 1]).toEqual([1, true]);
});

test("what hangs is not waited for, and what is late is not taken", async () => {
  const hanging = new Set(["page/2"]);
  const put = caches.default.put.bind(caches.default);
  const match = (url: string): Promise<Response | undefined> =>
    hanging.has(new URL(url).pathname.slice(1)) ? new Promise(() => {}) : caches.default.match(url);
  const pages = locationCache({ put, match });
  const tries: Promise<unknown>[] = [];
  const keys = ["page/1", "page/2", "page/3"];
  await pages.find(keys, 1000, (done) => tries.push(done));
  await Promise.all(tries);
  for (const key of keys) await pages.keep(key, new TextEncoder().encode(key));
  const found = await pages.find(keys, 1000, () => {});
  expect([...found.keys()].sort()).toEqual(["page/1", "page/3"]);
});
