import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import { pageKey } from "../../format/store.ts";
import { LOAD_RETRY_MS, PAGE_RETRY_MS, POINTER_MAX_AGE_MS } from "../../worker/limits.ts";
import { steadyClock } from "../../worker/steady-clock.ts";
import { loggedErrors, type ScoreAnswer, startWorker } from "./client.ts";
import { expectedScores, makeModel, pageOf, publishTiny, storeTiny } from "./tiny-model.ts";

// A clock that is set back, as that of a machine is once it learns the time, keeps nothing from being tried again.

const HOUR = 3_600_000;
const RECORDS = [{ site: "site57" }];
const model = await makeModel(1);

beforeEach(reset);

test("goes on with the clock that it follows, and from where it was where that is set back", () => {
  let time = 1000;
  const now = steadyClock(() => time);
  const read = [1000, 1500, 700, 900, 899, 2000].map((ms) => {
    time = ms;
    return now();
  });
  expect(read).toEqual([1000, 1500, 1500, 1700, 1700, 2801]);
});

test("a model that could not be loaded is loaded once it is there, and newer versions are followed", async () => {
  loggedErrors();
  const worker = startWorker();
  expect((await worker.score({ records: RECORDS })).status).toBe(503);
  await publishTiny(env.MODELS, model);
  worker.clock.ms -= HOUR;
  expect((await worker.score({ records: RECORDS })).status).toBe(503);
  worker.clock.ms += LOAD_RETRY_MS;
  expect((await worker.score({ records: RECORDS })).status).toBe(200);

  const other = await makeModel(2);
  await publishTiny(env.MODELS, other);
  worker.clock.ms -= HOUR;
  await worker.score({ records: RECORDS });
  worker.clock.ms += POINTER_MAX_AGE_MS;
  await worker.score({ records: RECORDS });
  expect(await (await worker.score({ records: RECORDS })).json()).toMatchObject({ version: other.version });
});

test("a page that was missing is read once it is there", async () => {
  loggedErrors();
  await publishTiny(env.MODELS, model);
  const page = model.pages[pageOf("site", "site57", model)];
  if (page) await env.MODELS.delete(pageKey(page.digest));
  const worker = startWorker();
  const score = async (): Promise<ScoreAnswer> => (await worker.score({ records: RECORDS })).json();
  expect((await score()).degraded).toEqual({ rows: 1, reason: "unavailable" });
  await storeTiny(env.MODELS, model);
  worker.clock.ms -= HOUR;
  expect((await score()).degraded).toEqual({ rows: 1, reason: "unavailable" });
  worker.clock.ms += PAGE_RETRY_MS;
  expect((await score()).scores).toEqual(await expectedScores(model, RECORDS));
});
