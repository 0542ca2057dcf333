import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { type ScoreAnswer, startWorker } from "../client.ts";
import { expectedScores, makeModel, publishTiny } from "../tiny-model.ts";
import { TRANSPORTS } from "../transports.ts";

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

describe.each(TRANSPORTS)("over %s", (_, start) => {
  test("scores are those of the kernel on the same blob and pages", async () => {
    const { status, answer } = await start().ask<ScoreAnswer>("score", { records: RECORDS });
    expect(status).toBe(200);
    expect(answer).toEqual({ scores: await expectedScores(model, RECORDS), model: "tiny", version: model.version });
  });

  test("rows come from pages in KV", async () => {
    const records = [{ site: "site57" }];
    const withRow = await expectedScores(model, records);
    const withoutRow = await expectedScores(model, records, ALL_PAGES);
    expect(withRow).not.toEqual(withoutRow);

    const { keys, answer } = await start().ask<ScoreAnswer>("score", { records });
    expect(keys).toBe(1);
    expect(answer.scores).toEqual(withRow);
  });

  test("rows of the blob, and unseen values of fields that are in the blob alone, read no key", async () => {
    const records = [{ site: "site3", tags: "tag4", device: "never seen", price: 3 }];
    expect(await start().ask("score", { records })).toMatchObject({ status: 200, keys: 0 });
  });

  test("an unseen value of a field with pages scores with the OOV row, and is not degraded", async () => {
    const { answer } = await start().ask<ScoreAnswer>("score", { records: [{ site: "never seen" }] });
    expect(answer.scores).toEqual(await expectedScores(model, [{ site: "never seen" }], ALL_PAGES));
    expect(answer.degraded).toBeUndefined();
  });

  test("a page is read once", async () => {
    const client = start();
    const first = await client.ask("score", { records: RECORDS });
    const second = await client.ask("score", { records: RECORDS });
    expect(first.keys).toBeGreaterThan(0);
    expect(second.keys).toBe(0);
    expect(second.answer).toEqual(first.answer);
  });

  test("records in one request score as they do alone, across the kernel's batches", async () => {
    const client = start();
    const records = Array.from({ length: 200 }, (_, i) => ({
      site: `site${(7 * i) % 450}`,
      device: i % 2 ? "phone" : "desktop",
      tags: Array.from({ length: i % 150 }, (_, j) => `tag${(i + 3 * j) % 450}`),
      price: i,
    }));
    const { answer: together } = await client.ask<ScoreAnswer>("score", { records });
    expect(together.scores).toEqual(await expectedScores(model, records));
    for (const i of [0, 63, 64, 199]) {
      const alone = await client.ask<ScoreAnswer>("score", { records: [records[i]] });
      expect(alone.answer.scores[0]).toBe(together.scores[i]);
    }
  });

  test("no records, no scores", async () => {
    const { answer } = await start().ask("score", { records: [] });
    expect(answer).toEqual({ scores: [], model: "tiny", version: model.version });
  });

  test("10,000 records are one request", async () => {
    const records = Array.from({ length: 10_000 }, (_, i) => ({ site: `site${i % 400}`, price: i % 100 }));
    const { answer } = await start().ask<ScoreAnswer>("score", { records });
    expect(answer.scores).toHaveLength(10_000);
    expect(answer.degraded).toBeUndefined();
  });

  test("concurrent requests with different pages do not disturb one another", async () => {
    const client = start();
    const requests = Array.from({ length: 30 }, (_, i) => [{ site: `site${10 + 11 * i}`, tags: `tag${20 + i}` }]);
    const replies = await Promise.all(requests.map((records) => client.ask<ScoreAnswer>("score", { records })));
    for (const [i, { answer }] of replies.entries())
      expect(answer.scores).toEqual(await expectedScores(model, requests[i] ?? []));
  });

  test("a model without pages scores cold values with the OOV row, from no key", async () => {
    const blobOnly = await makeModel(2, { pageCount: 0 });
    await publishTiny(env.MODELS, blobOnly);
    const { keys, answer } = await start().ask<ScoreAnswer>("score", { records: RECORDS });
    expect(keys).toBe(0);
    expect(answer.scores).toEqual(await expectedScores(blobOnly, RECORDS));
  });

  test.each([
    [{ records: [{}, { price: "ten" }] }, "records[1].price", "/records/1/price"],
    [{ records: [{ colour: 1 }] }, "records[0].colour", "/records/0/colour"],
    [{ records: {} }, "records", "/records"],
    [{ records: [], record: 1 }, "record", "/record"],
    [{ records: [7] }, "records[0]", "/records/0"],
    [{}, "records", "/records"],
  ])("%j is refused at its place", async (body, field, pointer) => {
    expect(await start().problem("score", body)).toMatchObject({ status: 422, field, errors: [{ pointer }] });
  });
});

test("an answer is JSON", async () => {
  const response = await startWorker().score({ records: RECORDS });
  expect(response.headers.get("content-type")).toBe("application/json");
});

test("server-timing states the keys read, where rows were found, and the time of each step", async () => {
  const response = await startWorker().score({ records: [{ site: "site57", tags: "tag9" }] });
  expect(response.headers.get("server-timing")).toMatch(
    /^kv;desc="1", blob;desc="1", isolate;desc="0", source;desc="1", location;desc="0", encode;dur=\d+\.\d\d, rows;dur=\d+\.\d\d, kernel;dur=\d+\.\d\d$/,
  );
});
