import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import { pullLogs } from "../deploy/pull-logs.ts";
import { parseArm } from "../format/arm.ts";
import { EVENT_AGE_MS } from "../format/event.ts";
import { readMacKeys } from "../format/mac.ts";
import { makeRequestId } from "../format/request-id.ts";
import { generateToken } from "../format/tokens.ts";
import { analyzeExperiment } from "../lab/analysis/experiment/analyze.ts";
import { parsePlan } from "../lab/analysis/experiment/plan.ts";
import { startExperiment } from "../testing/shop/experiment.ts";
import { startOrigin } from "../testing/shop/origin.ts";
import { type Item, Shop } from "../testing/shop/shop.ts";
import { SHOP_CONFIG, startShopWorker } from "../testing/shop/worker.ts";

// From a list that the Worker has shown to what the analysis counts of its clicks: with workerd, the queue and R2. The
// Worker keeps no state of a list, so that a click that comes again is taken, and counts once when the log is read.

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-replayed-"));
afterAll(() => rmSync(folder, { recursive: true }));

const EXPERIMENT = "replayed";
const VISITORS = 8;

interface SeenList {
  /** The list's id, as the page knows it. */
  id: string;
  items: readonly Item[];
}

/** Looks again where the Worker did not have its experiments in time: such a list has no id, and is in no log. */
async function look(url: URL, visitor: number): Promise<SeenList> {
  const headers = { cookie: `uid=visitor${visitor}; segment=cooks; device=phone` };
  return vi.waitFor(
    async () => {
      const response = await fetch(new URL("/api/shelf/0", url), { headers });
      const { items } = (await response.json()) as { items: Item[] };
      const [, id] = /list-shelf;desc="([\w-]+)"/.exec(response.headers.get("server-timing") ?? "") ?? [];
      if (id === undefined) throw new Error(`got ${response.status} without the id of a list`);
      return { id, items };
    },
    { timeout: 120_000, interval: 100 },
  );
}

async function report(url: URL, events: readonly object[]): Promise<{ status: number; answer: unknown }> {
  const headers = { "content-type": "text/plain" };
  const init = { method: "POST", headers, body: JSON.stringify({ events }) };
  const response = await fetch(new URL("/v1/events", url), init);
  return { status: response.status, answer: await response.json() };
}

test("a click that is sent again counts once, and one that is forged, foreign or too old not at all", async () => {
  const store = join(folder, "kv");
  const secret = generateToken();
  const arms = ["origin", "same"].map((arm) => parseArm({ arm, model: null }, arm));
  await startExperiment(store, EXPERIMENT, arms);
  await using origin = await startOrigin(new Shop(5));
  await using worker = await startShopWorker(store, origin.url, secret);
  const lists = await Promise.all(Array.from({ length: VISITORS }, (_, n) => look(worker.url, n)));
  const [{ id, items }, other] = lists;
  const click = (of: string, item = items[2].id) => ({ id: of, type: "click", item });

  // Twice in one message, and once more in another; a click of the next item is another click.
  const twice = await report(worker.url, [click(id), click(id)]);
  expect(twice).toEqual({ status: 200, answer: { accepted: 2 } });
  const later = await report(worker.url, [click(id), click(id, items[3].id), click(other.id)]);
  expect(later).toEqual({ status: 200, answer: { accepted: 3 } });

  const idOf = (signer: string, at: number): string => makeRequestId(readMacKeys(signer, "secret"), at);
  const forged = id.slice(0, 10) + (id[10] === "A" ? "B" : "A") + id.slice(11);
  const foreign = idOf(generateToken(), Date.now());
  const old = idOf(secret, Date.now() - EVENT_AGE_MS.click - 1000);
  expect(
    await report(
      worker.url,
      [forged, foreign, old].map((of) => click(of)),
    ),
  ).toMatchObject({
    status: 422,
    answer: {
      accepted: 0,
      errors: ["one that this Worker has signed", "one that this Worker has signed", "one of the last 24 hours"].map(
        (expected, i) => ({ pointer: `/events/${i}/id`, detail: expect.stringContaining(`expected ${expected}`) }),
      ),
    },
  });
  // One of the Worker's own that no list was shown with: its secret alone makes such ids.
  const unshown = idOf(secret, Date.now());
  expect((await report(worker.url, [click(unshown)])).status).toBe(200);

  const logs = join(folder, "logs");
  const plan = parsePlan({ experiment: EXPERIMENT });
  const { log, phases } = await vi.waitFor(
    async () => {
      await pullLogs(logs, { config: SHOP_CONFIG, persistTo: store });
      const analysis = await analyzeExperiment({ logs: [logs], plan });
      expect(analysis.log).toMatchObject({ exposures: VISITORS, events: 6 });
      return analysis;
    },
    { timeout: 120_000, interval: 300 },
  );
  expect(log).toMatchObject({ bad: 0, duplicateEvents: 2, orphanEvents: 1, duplicateExposures: 0 });
  const [{ funnel, arms: counted, metrics }] = phases;
  expect(funnel).toMatchObject({ counted: VISITORS, events: { events: 3, foreign: 0, late: 0 } });
  // The two clicks of the list whose click came three times, and the one of the other.
  const clicks = metrics?.find(({ primary }) => primary)?.arms ?? [];
  const perArm = clicks.map(
    ({ arm, value }) => (value ?? Number.NaN) * (counted.find((one) => one.arm === arm)?.lists ?? 0),
  );
  expect(perArm.reduce((sum, count) => sum + count, 0)).toBeCloseTo(3, 9);
});
