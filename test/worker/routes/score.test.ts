import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import { kvKeys, type ScoreAnswer, startWorker } from "../client.ts";
import { expectedScores, makeModel, publishTiny } from "../tiny-model.ts";

const model = await makeModel(1);
const ALL_PAGES = [0, 1, 2, 3];

beforeEach(async () => {
  await reset();
  await publishTiny(env.MODELS, model);
});

const RECORDS = [
  { site: "site0", device: "phone", tags: ["tag1", "tag2"], price: 12.5 },
  { site: "site57", device: "desktop", tags: "tag3|tag200|tag201", price: "9" },
  { site: "site300", device: "tv", tags: [], price: null },
  {},
];

test("scores are those of the kernel on the same blob and pages", async () => {
  const worker = startWorker();
  const response = await worker.score({ records: RECORDS });
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("application/json");
  expect(await response.json<ScoreAnswer>()).toEqual({
    scores: await expectedScores(model, RECORDS),
    model: "tiny",
    version: model.version,
  });
});

test("rows come from pages in KV", async () => {
  const worker = startWorker();
  const records = [{ site: "site57" }];
  const withRow = await expectedScores(model, records);
  const withoutRow = await expectedScores(model, records, ALL_PAGES);
  expect(withRow).not.toEqual(withoutRow);

  const response = await worker.score({ records });
  expect(kvKeys(response)).toBe(1);
  expect((await response.json<ScoreAnswer>()).scores).toEqual(withRow);
});

test("rows of the blob, and unseen values of fields that are in the blob alone, read no key", async () => {
  const response = await startWorker().score({
    records: [{ site: "site3", tags: "tag4", device: "never seen", price: 3 }],
  });
  expect(response.status).toBe(200);
  expect(kvKeys(response)).toBe(0);
});

test("an unseen value of a field with pages scores with the OOV row, and is not degraded", async () => {
  const answer = await (await startWorker().score({ records: [{ site: "never seen" }] })).json<ScoreAnswer>();
  expect(answer.scores).toEqual(await expectedScores(model, [{ site: "never seen" }], ALL_PAGES));
  expect(answer.degraded).toBeUndefined();
});

test("a page is read once", async () => {
  const worker = startWorker();
  const first = await worker.score({ records: RECORDS });
  const second = await worker.score({ records: RECORDS });
  expect(kvKeys(first)).toBeGreaterThan(0);
  expect(kvKeys(second)).toBe(0);
  expect(await second.json()).toEqual(await first.json());
});

test("records in one request score as they do alone, across the kernel's batches", async () => {
  const worker = startWorker();
  const records = Array.from({ length: 200 }, (_, i) => ({
    site: `site${(7 * i) % 450}`,
    device: i % 2 ? "phone" : "desktop",
    tags: Array.from({ length: i % 150 }, (_, j) => `tag${(i + 3 * j) % 450}`),
    price: i,
  }));
  const together = await (await worker.score({ records })).json<ScoreAnswer>();
  expect(together.scores).toEqual(await expectedScores(model, records));
  for (const i of [0, 63, 64, 199]) {
    const alone = await (await worker.score({ records: [records[i]] })).json<ScoreAnswer>();
    expect(alone.scores[0]).toBe(together.scores[i]);
  }
});

test("no records, no scores", async () => {
  const answer = await (await startWorker().score({ records: [] })).json();
  expect(answer).toEqual({ scores: [], model: "tiny", version: model.version });
});

test("10,000 records are one request", async () => {
  const records = Array.from({ length: 10_000 }, (_, i) => ({ site: `site${i % 400}`, price: i % 100 }));
  const answer = await (await startWorker().score({ records })).json<ScoreAnswer>();
  expect(answer.scores).toHaveLength(10_000);
  expect(answer.degraded).toBeUndefined();
});

test("concurrent requests with different pages do not disturb one another", async () => {
  const worker = startWorker();
  const requests = Array.from({ length: 30 }, (_, i) => [{ site: `site${10 + 11 * i}`, tags: `tag${20 + i}` }]);
  const responses = await Promise.all(requests.map((records) => worker.score({ records })));
  for (const [i, response] of responses.entries()) {
    const { scores } = await response.json<ScoreAnswer>();
    expect(scores).toEqual(await expectedScores(model, requests[i] ?? []));
  }
});

test("a model without pages scores cold values with the OOV row, from no key", async () => {
  const blobOnly = await makeModel(2, { pageCount: 0 });
  await publishTiny(env.MODELS, blobOnly);
  const response = await startWorker().score({ records: RECORDS });
  expect(kvKeys(response)).toBe(0);
  expect((await response.json<ScoreAnswer>()).scores).toEqual(await expectedScores(blobOnly, RECORDS));
});

test("server-timing states the keys read, where rows were found, and the time of each step", async () => {
  const response = await startWorker().score({ records: [{ site: "site57", tags: "tag9" }] });
  expect(response.headers.get("server-timing")).toMatch(
    /^kv;desc="1", blob;desc="1", isolate;desc="0", source;desc="1", encode;dur=\d+\.\d\d, rows;dur=\d+\.\d\d, kernel;dur=\d+\.\d\d$/,
  );
});
