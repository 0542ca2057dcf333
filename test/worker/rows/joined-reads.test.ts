import { env, exports } from "cloudflare:workers";
import { beforeAll, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { RowStore } from "../../../worker/rows/row-store.ts";
import { kvKeys, loggedErrors, type ScoreAnswer } from "../client.ts";
import { type ReadFault, restart, sleep } from "../faulty-worker.ts";
import { expectedScores, makeModel, pageOf, publishTiny } from "../tiny-model.ts";

// Requests that want the same pages at the same time, each with a context of its own, as when deployed.

const model = await makeModel(1, { pageCount: 50 });
const RECORDS = Array.from({ length: 14 }, (_, i) => ({ site: `site${20 + i}`, price: 3 }));
const ONE = [{ site: "site57" }];
const PAGES = new Set(RECORDS.map(({ site }) => pageOf("site", site, model)));

beforeAll(() => publishTiny(env.MODELS, model));

const { fetch: fetchRows } = RowStore.prototype;
/** Requests that have come to their pages, and those of them that have joined the reads under way, or begun others. */
let [arrived, joined] = [0, 0];
/** So many requests wait for one another before they ask for their pages, so that none waits long for the others. */
let together = 1;

beforeEach(() => {
  together = 1;
  vi.spyOn(RowStore.prototype, "fetch").mockImplementation(async function (this: RowStore, request) {
    arrived++;
    while (arrived < together) await sleep(1);
    const fetched = fetchRows.call(this, request);
    joined++;
    return fetched;
  });
  onTestFinished(() => {
    ended++;
    vi.restoreAllMocks();
  });
});

/** Waits until so many requests wait for their pages. */
async function joinOf(requests: number): Promise<void> {
  while (joined < requests) await sleep(5);
}

interface Sent {
  records: unknown[];
  signal?: AbortSignal;
  address?: string;
}

function score({ records, signal, address = "192.0.2.1" }: Sent): Promise<Response> {
  return exports.FaultyWorker.fetch("https://edge.test/v1/score", {
    method: "POST",
    headers: { "content-type": "application/json", "cf-connecting-ip": address },
    body: JSON.stringify({ records }),
    ...(signal && { signal }),
  });
}

/** How many tests have ended. */
let ended = 0;
/** Hangs until its test ends: workerd waits for it, and its reader would say that it is given up, in another test. */
const hangs: ReadFault = async (read) => {
  for (const own = ended; ended === own; ) await sleep(5);
  return read();
};
/** A read that so many requests can join. */
const joinedBy =
  (requests: number): ReadFault =>
  async (read) => {
    await joinOf(requests);
    return read();
  };
const failsFor =
  (requests: number): ReadFault =>
  async () => {
    await joinOf(requests);
    throw new Error("KV GET failed: 503");
  };

/** The Worker with the model loaded, so that requests come to their rows at the same time. */
async function warm(behavior: Partial<Parameters<typeof restart>[0]> = {}): Promise<string[][]> {
  const reads = restart({ rowDeadlineMs: 30_000, rowRateLimit: null, faults: [], ...behavior });
  expect((await score({ records: [] })).status).toBe(200);
  [arrived, joined] = [0, 0];
  return reads;
}

const complete = async (records: unknown[]) => ({
  scores: await expectedScores(model, records),
  model: "tiny",
  version: model.version,
});

test("100 equal requests read each page once", async () => {
  const reads = await warm({ faults: [joinedBy(100)] });
  together = 100;
  const responses = await Promise.all(Array.from({ length: 100 }, () => score({ records: RECORDS })));
  expect(reads.flat()).toHaveLength(PAGES.size);
  expect(responses.reduce((sum, response) => sum + kvKeys(response), 0)).toBe(PAGES.size);
  const expected = await complete(RECORDS);
  for (const response of responses) expect(await response.json()).toEqual(expected);
});

test("requests that share some pages read the others themselves", async () => {
  const reads = await warm({ faults: [joinedBy(2), joinedBy(2)] });
  together = 2;
  const [first, second] = await Promise.all([score({ records: RECORDS.slice(0, 8) }), score({ records: RECORDS })]);
  expect(await first?.json()).toEqual(await complete(RECORDS.slice(0, 8)));
  expect(await second?.json()).toEqual(await complete(RECORDS));
  expect(reads.flat().toSorted()).toEqual([...new Set(reads.flat())].toSorted());
  expect(reads.flat()).toHaveLength(PAGES.size);
});

test("a request that is given up does not take those that joined it along", async () => {
  const reads = await warm({ faults: [joinedBy(21)] });
  const client = new AbortController();
  const abandoned = score({ records: ONE, signal: client.signal }).catch(() => null);
  while (reads.length === 0) await sleep(1);
  together = 21;
  const others = Array.from({ length: 20 }, () => score({ records: ONE }));
  client.abort();
  await abandoned;
  for (const response of await Promise.all(others)) expect(await response.json()).toEqual(await complete(ONE));
  expect(reads).toHaveLength(1);
});

test("a read that hangs holds those that joined it for their deadline, and no longer", async () => {
  const reads = await warm({ faults: [hangs], rowDeadlineMs: 50 });
  const without = await expectedScores(model, ONE, [pageOf("site", "site57", model)]);
  together = 20;
  const responses = await Promise.all(Array.from({ length: 20 }, () => score({ records: ONE })));
  for (const response of responses) {
    expect(await response.json()).toEqual({
      ...(await complete(ONE)),
      scores: without,
      degraded: { rows: 1, reason: "deadline" },
    });
  }
  expect(reads).toHaveLength(1);
});

test("a read that is lost is begun again by those that have the time, once", async () => {
  const reads = await warm({ faults: [hangs], rowDeadlineMs: 4_000 });
  const first = score({ records: ONE });
  while (reads.length === 0) await sleep(1);
  const others = Array.from({ length: 20 }, () => score({ records: ONE }));
  for (const response of await Promise.all(others)) expect(await response.json()).toEqual(await complete(ONE));
  expect(reads).toHaveLength(2);
  expect((await (await first).json<ScoreAnswer>()).degraded).toEqual({ rows: 1, reason: "deadline" });
});

test("a read that fails fails once, for all that joined it, and the next request reads again", async () => {
  const errors = loggedErrors();
  const reads = await warm({ faults: [failsFor(20)] });
  together = 20;
  const responses = await Promise.all(Array.from({ length: 20 }, () => score({ records: ONE })));
  for (const response of responses) {
    expect((await response.json<ScoreAnswer>()).degraded).toEqual({ rows: 1, reason: "unavailable" });
  }
  expect(reads).toHaveLength(1);
  expect(errors()).toEqual([expect.objectContaining({ error: expect.stringContaining("KV GET failed: 503") })]);
  expect(await (await score({ records: ONE })).json()).toEqual(await complete(ONE));
});

test("a client that may read no more does not take those along that joined its read", async () => {
  // The limit takes its time, so that others join before it refuses.
  let asked = false;
  const rowRateLimit = {
    async limit({ key }: { key: string }) {
      asked = true;
      await sleep(20);
      return { success: key !== "network 192.0.2.66" };
    },
  };
  const reads = await warm({ rowRateLimit });
  const refused = score({ records: ONE, address: "192.0.2.66" });
  while (!asked) await sleep(1);
  const others = Array.from({ length: 5 }, () => score({ records: ONE }));
  expect((await refused).status).toBe(429);
  for (const response of await Promise.all(others)) expect(await response.json()).toEqual(await complete(ONE));
  expect(new Set(reads.flat()).size).toBe(1);
});
