import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import { MAX_PAGE_BYTES } from "../../../format/constants.ts";
import { writeHistory } from "../../../format/history.ts";
import { blobKey, historyKey, packedPagesKey, pageKey } from "../../../format/store.ts";
import { PAGE_RETRY_MS } from "../../../worker/limits.ts";
import { kvSource } from "../../../worker/source/kv-source.ts";
import { type R2Reader, r2Source } from "../../../worker/source/r2-source.ts";
import { loggedErrors, type ScoreAnswer, startWorker, type TestWorker } from "../client.ts";
import { expectedScores, makeModel, pageOf, publishTiny } from "../tiny-model.ts";

// A source that reads pages one by one: R2, of which each page is a range of one object.

const model = await makeModel(1, { pageCount: 4 });
/** A value of each page, which the blob does not have. */
const RECORDS = model.pages.map((_, page) => ({
  site: Array.from({ length: 390 }, (_, i) => `site${10 + i}`).find((site) => pageOf("site", site, model) === page),
}));
const { EXPOSURE_LOGS: BUCKET } = env as unknown as { EXPOSURE_LOGS: R2Bucket };

beforeEach(async () => {
  await reset();
  await publishTiny(env.MODELS, model);
});

/** Puts the pages into places that are so many bytes longer than the longest of them. */
async function pack(padding: number): Promise<void> {
  const placeBytes = Math.max(...model.pages.map(({ bytes }) => bytes.length)) + padding;
  const packed = new Uint8Array(model.pages.length * placeBytes);
  for (const [page, { bytes }] of model.pages.entries()) packed.set(bytes, page * placeBytes);
  await BUCKET.put(packedPagesKey(model.version), packed);
}

/** A Worker with its pages in R2, and all else in KV. */
function workerOf(bucket: R2Reader): TestWorker {
  return startWorker({}, { source: () => ({ ...r2Source(bucket), stream: kvSource(env.MODELS).stream }) });
}

async function score(worker: TestWorker): Promise<ScoreAnswer> {
  return (await worker.score({ records: RECORDS })).json();
}

const whole = async () => ({
  ...{ scores: await expectedScores(model, RECORDS), model: "tiny", version: model.version },
});

test("a read that fails takes no other page with it, and is tried again by the next request", async () => {
  await pack(0);
  const errors = loggedErrors();
  const failing = new Set([1, 2]);
  let reads = 0;
  const bucket: R2Reader = {
    head: (key) => BUCKET.head(key),
    async get(key, options) {
      if (failing.has(reads++)) throw new Error("get: We encountered an internal error. Please try again. (10001)");
      return BUCKET.get(key, options);
    },
  };
  const worker = workerOf(bucket);
  expect(await score(worker)).toEqual({
    ...(await whole()),
    ...{ scores: await expectedScores(model, RECORDS, [1, 2]), degraded: { rows: 2, reason: "unavailable" } },
  });
  expect(errors()).toEqual([expect.objectContaining({ event: "pages_unavailable", pages: 2 })]);
  expect(errors()[0]?.error).toContain("page 1: get: We encountered an internal error");
  expect(await score(worker)).toEqual(await whole());
  expect(reads).toBe(6);
});

test("where no page can be read, the log has that once", async () => {
  await pack(0);
  const errors = loggedErrors();
  const down = new Error("get: the bucket is down (10001)");
  const worker = workerOf({ head: (key) => BUCKET.head(key), get: () => Promise.reject(down) });
  expect((await score(worker)).degraded).toEqual({ rows: 4, reason: "unavailable" });
  expect(errors()).toEqual([expect.objectContaining({ event: "rows_unavailable", error: String(down), keys: 4 })]);
});

test("pages of an object that was written again with shorter places are found", async () => {
  await pack(2000);
  loggedErrors();
  const worker = workerOf(BUCKET);
  const first = [RECORDS[0]];
  expect((await (await worker.score({ records: first })).json<ScoreAnswer>()).degraded).toBeUndefined();
  await pack(0);
  expect((await score(worker)).degraded?.reason).toBe("unavailable");
  worker.clock.ms += PAGE_RETRY_MS;
  expect(await score(worker)).toEqual(await whole());
});

test("what a source gives that is no page, or no pages at all, is scored without", async () => {
  const errors = loggedErrors();
  for (const given of [null, {}, new Map(model.pages.map(({ digest }) => [pageKey(digest), 7]))]) {
    const pages = async (): Promise<never> => given as never;
    const worker = startWorker({}, { source: () => ({ ...kvSource(env.MODELS), pages }) });
    expect((await score(worker)).degraded).toEqual({ rows: 4, reason: "unavailable" });
    expect(errors().at(-1)).toMatchObject({ event: "pages_unavailable", pages: 4 });
  }
});

test("what is wrong with the object of one version says nothing of another's, though both have the same pages", async () => {
  const errors = loggedErrors();
  const other = await makeModel(1, { pageCount: 4, padding: 10 });
  expect(other.pages.map(({ digest }) => digest)).toEqual(model.pages.map(({ digest }) => digest));
  await env.MODELS.put(blobKey(other.version), other.blob);
  const history = [{ version: other.version, time: 1, metrics: {}, bytes: other.blob.length, note: "" }];
  await env.MODELS.put(historyKey("tiny"), writeHistory(history));
  await pack(0);
  const worker = workerOf(BUCKET);
  const lacking = await worker.score({ records: RECORDS, model: `tiny@${other.version}` });
  expect((await lacking.json<ScoreAnswer>()).degraded).toEqual({ rows: 4, reason: "unavailable" });
  expect(errors()[0]?.error).toContain(`pages/${other.version}: missing; \`publish --packed\` writes it`);
  expect(await score(worker)).toEqual(await whole());
});

test.each([
  ["that its pages have not", 4001],
  ["that would not fit into memory", 4 * (MAX_PAGE_BYTES + 4)],
])("an object of a length %s is looked at again after a while, as one that is missing", async (_, bytes) => {
  const errors = loggedErrors();
  const key = packedPagesKey(model.version);
  let looks = 0;
  const head = (of: string) => {
    looks++;
    return BUCKET.head(of);
  };
  const worker = workerOf({ head, get: (of, options) => BUCKET.get(of, options) });
  await BUCKET.put(key, new Uint8Array(bytes));
  for (let i = 0; i < 2; i++) expect((await score(worker)).degraded).toEqual({ rows: 4, reason: "unavailable" });
  expect(looks).toBe(1);
  expect(errors()).toEqual([expect.objectContaining({ event: "pages_unavailable", pages: 4 })]);
  expect(errors()[0]?.error).toContain(`${key}: got ${bytes} bytes, expected 4 pages of one length, 32 to 131072`);
  await pack(0);
  worker.clock.ms += PAGE_RETRY_MS;
  expect(await score(worker)).toEqual(await whole());
});
