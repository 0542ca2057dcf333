import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, expect, test, vi } from "vitest";
import { pageKey } from "../../../format/store.ts";
import { DEFAULT_ROW_KEYS_PER_REQUEST, MAX_ROW_KEYS_PER_REQUEST, PAGE_RETRY_MS } from "../../../worker/limits.ts";
import { kvKeys, loggedErrors, type ScoreAnswer, startWorker } from "../client.ts";
import { expectedScores, makeModel, pageOf, publishTiny, type TinyModel } from "../tiny-model.ts";

const model = await makeModel(1);
const RECORDS = [{ site: "site57" }, { site: "site3" }];
const PAGE = pageOf("site", "site57", model);
const OTHER_PAGE = (PAGE + 1) % model.pages.length;

beforeEach(async () => {
  await reset();
  await publishTiny(env.MODELS, model);
});

function keyOf(page: number, of: TinyModel = model): string {
  return pageKey(of.pages[page]?.digest ?? new Uint8Array());
}

function bytesOf(page: number, of: TinyModel = model): Uint8Array {
  return of.pages[page]?.bytes.slice() ?? new Uint8Array();
}

/** What is in KV in place of the page, and what the log must say of it. */
const BROKEN_PAGES: { what: string; put: () => Promise<void>; log: string }[] = [
  {
    what: "is missing",
    put: () => env.MODELS.delete(keyOf(PAGE)),
    log: "missing, expected it under page/",
  },
  {
    what: "is another page of the model",
    put: () => env.MODELS.put(keyOf(PAGE), bytesOf(OTHER_PAGE).toBase64()),
    log: "got digest",
  },
  {
    what: "is a page of another model",
    put: async () => env.MODELS.put(keyOf(PAGE), bytesOf(PAGE, await makeModel(2)).toBase64()),
    log: "got digest",
  },
  {
    what: "is not base64",
    put: () => env.MODELS.put(keyOf(PAGE), "*** not base64 ***"),
    log: "not base64",
  },
  {
    what: "is empty",
    put: () => env.MODELS.put(keyOf(PAGE), ""),
    log: "got digest",
  },
  {
    what: "is cut off",
    put: () => env.MODELS.put(keyOf(PAGE), bytesOf(PAGE).subarray(0, 100).toBase64()),
    log: "got digest",
  },
  {
    what: "has a flipped bit",
    put: () => {
      const bytes = bytesOf(PAGE);
      bytes[60] = (bytes[60] ?? 0) ^ 1;
      return env.MODELS.put(keyOf(PAGE), bytes.toBase64());
    },
    log: "got digest",
  },
];

test.each(BROKEN_PAGES)("a page that $what is scored without, and logged", async ({ put, log }) => {
  await put();
  const errors = loggedErrors();
  const worker = startWorker();
  const response = await worker.score({ records: RECORDS });
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({
    scores: await expectedScores(model, RECORDS, [PAGE]),
    model: "tiny",
    version: model.version,
    degraded: { rows: 1, reason: "unavailable" },
  });
  expect(errors()).toEqual([expect.objectContaining({ event: "pages_unavailable", pages: 1 })]);
  expect(errors()[0]?.error).toContain(`page ${PAGE}: ${log}`);

  // The isolate goes on, with the rows that are there.
  const other = [{ site: "site3" }, { site: "site4", tags: "tag5" }];
  expect((await (await worker.score({ records: other })).json<ScoreAnswer>()).degraded).toBeUndefined();
});

test("a page that failed is not asked for again at once, but later", async () => {
  await env.MODELS.delete(keyOf(PAGE));
  const worker = startWorker();
  expect(kvKeys(await worker.score({ records: RECORDS }))).toBe(1);

  await publishTiny(env.MODELS, model);
  const soon = await worker.score({ records: RECORDS });
  expect(kvKeys(soon)).toBe(0);
  expect((await soon.json<ScoreAnswer>()).degraded).toEqual({ rows: 1, reason: "unavailable" });

  worker.clock.ms += PAGE_RETRY_MS;
  const later = await worker.score({ records: RECORDS });
  expect(kvKeys(later)).toBe(1);
  expect(await later.json()).toEqual({
    scores: await expectedScores(model, RECORDS),
    model: "tiny",
    version: model.version,
  });
});

/** The real KV, whose bulk reads first wait for `before`. */
function kvWithBulkReads(before: () => Promise<void>): KVNamespace {
  const { MODELS } = env;
  async function get(key: string | string[], options: KVNamespaceGetOptions<"text">): Promise<unknown> {
    if (Array.isArray(key)) {
      await before();
      return MODELS.get(key, options);
    }
    return MODELS.get(key, options);
  }
  return new Proxy(MODELS, {
    get: (target, name) => (name === "get" ? get : Reflect.get(target, name)),
  });
}

test("pages that are late are scored without, and are there for the next request", async () => {
  const slow = kvWithBulkReads(() => new Promise((resolve) => setTimeout(resolve, 500)));
  const worker = startWorker({ MODELS: slow, ROW_DEADLINE_MS: 20 });
  const late = await worker.score({ records: RECORDS });
  expect(await late.json()).toEqual({
    scores: await expectedScores(model, RECORDS, [PAGE]),
    model: "tiny",
    version: model.version,
    degraded: { rows: 1, reason: "deadline" },
  });
  const next = await worker.score({ records: RECORDS });
  expect(kvKeys(next)).toBe(0);
  expect(await next.json()).toEqual({
    scores: await expectedScores(model, RECORDS),
    model: "tiny",
    version: model.version,
  });
});

test("a KV that fails is scored without, and asked again by the next request", async () => {
  const errors = loggedErrors();
  const before = vi.fn<() => Promise<void>>().mockRejectedValueOnce(new Error("KV GET failed: 503"));
  const worker = startWorker({ MODELS: kvWithBulkReads(before) });
  const failed = await worker.score({ records: RECORDS });
  expect((await failed.json<ScoreAnswer>()).degraded).toEqual({ rows: 1, reason: "unavailable" });
  expect(errors()).toEqual([
    expect.objectContaining({ event: "rows_unavailable", error: "Error: KV GET failed: 503" }),
  ]);
  const next = await worker.score({ records: RECORDS });
  expect(await next.json()).toEqual({
    scores: await expectedScores(model, RECORDS),
    model: "tiny",
    version: model.version,
  });
});

test("a value that training did not see reads no page, and every one that it saw is found", async () => {
  const wide = await makeModel(4, { pageCount: 500 });
  await publishTiny(env.MODELS, wide);
  const worker = startWorker({ ROW_KEYS_PER_REQUEST: MAX_ROW_KEYS_PER_REQUEST });
  const unseen = Array.from({ length: 1000 }, (_, i) => ({ site: `unseen${i}`, tags: `never${i}` }));
  // 2,000 values, of which a filter of 12 bits a row lets 0.53 % through.
  const response = await worker.score({ records: unseen });
  expect(kvKeys(response)).toBeLessThan(30);
  expect((await response.json<ScoreAnswer>()).scores).toEqual(await expectedScores(wide, unseen));

  const seen = Array.from({ length: 400 }, (_, i) => ({ site: `site${i}`, tags: `tag${399 - i}` }));
  const answer = await (await worker.score({ records: seen })).json<ScoreAnswer>();
  const without = await makeModel(4, { pageCount: 500, filtered: false });
  expect(answer.scores).toEqual(await expectedScores(without, seen));
  expect(answer.degraded).toBeUndefined();
});

test("a request reads at most its budget of keys, in reads of at most 100", async () => {
  const wide = await makeModel(3, { pageCount: MAX_ROW_KEYS_PER_REQUEST + 200, filtered: false });
  await publishTiny(env.MODELS, wide);
  const before = vi.fn(async () => {});
  const bindings = { MODELS: kvWithBulkReads(before), ROW_KEYS_PER_REQUEST: MAX_ROW_KEYS_PER_REQUEST };
  const worker = startWorker(bindings);
  const records = Array.from({ length: 8000 }, (_, i) => ({ site: `unseen${i}` }));
  const response = await worker.score({ records });
  expect(kvKeys(response)).toBe(MAX_ROW_KEYS_PER_REQUEST);
  // The first read is of fewer, as it is not known yet how large pages are.
  expect(before.mock.calls.length).toBeGreaterThanOrEqual(10);
  expect(before.mock.calls.length).toBeLessThanOrEqual(11);
  expect((await response.json<ScoreAnswer>()).degraded).toEqual({ rows: expect.any(Number), reason: "limit" });

  // What was read stays, so the same request reads the rest.
  const again = await worker.score({ records });
  expect(kvKeys(again)).toBeLessThanOrEqual(200);
  expect((await again.json<ScoreAnswer>()).degraded).toBeUndefined();

  // Unseen values, made up to read every page.
  const usual = await startWorker().score({ records });
  expect(kvKeys(usual)).toBe(DEFAULT_ROW_KEYS_PER_REQUEST);
});

test("the budget goes to the pages with the most rows to find: a context's serves every candidate", async () => {
  const wide = await makeModel(3, { pageCount: 200 });
  await publishTiny(env.MODELS, wide);
  const site = "site57";
  const elsewhere = Array.from({ length: 300 }, (_, i) => `tag${20 + i}`).filter(
    (tag) => pageOf("tags", tag, wide) !== pageOf("site", site, wide),
  );
  const worker = startWorker({ ROW_KEYS_PER_REQUEST: 1 });
  const candidates = elsewhere.slice(0, 3).map((tags) => ({ tags }));
  const response = await worker.post("/v1/rank", { context: { site }, candidates, sort: false });
  expect(kvKeys(response)).toBe(1);
  const without = wide.pages.map((_, page) => page).filter((page) => page !== pageOf("site", site, wide));
  expect(await response.json()).toMatchObject({
    scores: await expectedScores(
      wide,
      candidates.map((candidate) => ({ site, ...candidate })),
      without,
    ),
    degraded: { rows: 3, reason: "limit" },
  });
});
