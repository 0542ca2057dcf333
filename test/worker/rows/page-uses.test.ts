import { afterEach, expect, test, vi } from "vitest";
import { Page } from "../../../format/page.ts";
import { pageKey } from "../../../format/store.ts";
import type { PageRows } from "../../../runtime/batch-filler.ts";
import { placeBlob } from "../../../runtime/placed-blob.ts";
import { RowCache } from "../../../runtime/rows/row-cache.ts";
import { Scorer } from "../../../runtime/scorer.ts";
import { seeded } from "../../../testing/format/random.ts";
import { MEMORY, READ_GIVEN_UP_MS, READ_LOST_MS } from "../../../worker/limits.ts";
import { MemoryBudget } from "../../../worker/memory/memory-budget.ts";
import { bestKernelModule } from "../../../worker/models/kernel-modules.ts";
import { RowStore } from "../../../worker/rows/row-store.ts";
import { WorkSlices } from "../../../worker/rows/work-slices.ts";
import { scoreRequest } from "../../../worker/scoring/score-request.ts";
import type { Source } from "../../../worker/source/source.ts";
import { expectedScores, makeModel, pageOf } from "../tiny-model.ts";

const PAGES = 20;
const model = await makeModel(1, { pageCount: PAGES });
const scorer = new Scorer(placeBlob(bestKernelModule().module, model.blob));
/** Values whose rows are in pages. */
const SITES = Array.from({ length: 390 }, (_, i) => `site${10 + i}`);
const texts = new Map(model.pages.map(({ bytes, digest }) => [pageKey(digest), bytes.toBase64()]));

afterEach(() => {
  vi.restoreAllMocks();
});

/** Gives pages after a while, another each time, and remembers none. */
function slowSource(seed: number): Source {
  const random = seeded(seed);
  return {
    stream: async () => null,
    async pages(keys) {
      await new Promise((resolve) => setTimeout(resolve, 10 * random()));
      return new Map(keys.map((key) => [key, texts.get(key) ?? null]));
    },
  };
}

/** A store of rows whose cache has room for so many bytes. */
function storeFor(bytes: number): { rows: RowStore; memory: MemoryBudget } {
  const memory = new MemoryBudget(Date.now);
  vi.spyOn(memory, "maxRowBytes", "get").mockReturnValue(bytes);
  return { rows: new RowStore(memory, Date.now), memory };
}

test.each([0, 70_000])("requests that share pages score right whatever a cache of %i bytes has", async (room) => {
  const { rows, memory } = storeFor(room);
  const random = seeded(7 + room);
  const source = slowSource(room);
  const score = async (records: { site: string }[]): Promise<number[]> => {
    using lease = memory.lease("requests");
    const reading = { source, deadlineMs: 30_000, maxKeys: 100, charge: null, keepAlive() {} };
    const loaded = { model: "tiny", version: model.version, scorer };
    const { scores, missing } = await scoreRequest({ records }, { model: loaded, rows, ...reading, lease });
    expect(missing).toBeNull();
    return Array.from(scores);
  };
  const requests = Array.from({ length: 60 }, () =>
    Array.from({ length: 1 + Math.floor(8 * random()) }, () => ({ site: `site${Math.floor(400 * random())}` })),
  );
  const scored = await Promise.all(requests.map(score));
  for (const [i, records] of requests.entries()) expect(scored[i]).toEqual(await expectedScores(model, records));
});

/** Wants the rows of one value of each of these pages. */
async function fetch(
  rows: RowStore,
  { pages, ...reading }: { pages: number[] } & Partial<Parameters<RowStore["fetch"]>[0]>,
): ReturnType<RowStore["fetch"]> {
  const records = pages.map((page) => ({ site: SITES.find((site) => pageOf("site", site, model) === page) }));
  const located = scorer.locate(scorer.encode(records), 1, {}, rows.cached(scorer.manifest));
  const { manifest } = scorer;
  const { version } = model;
  const lease = new MemoryBudget(Date.now).lease("requests");
  const usual = { source: slowSource(3), deadlineMs: 30_000, maxKeys: 100, charge: null, keepAlive() {} };
  return rows.fetch({ manifest, version, located, lease, ...usual, ...reading });
}

test("a page's memory is given back when nobody uses it any more, and not before", async () => {
  const { rows } = storeFor(0);
  const size = (page: PageRows | undefined) => (page instanceof Page ? page.bytes.byteLength : null);
  let joined: ReturnType<RowStore["fetch"]> | undefined;
  const kept: Promise<unknown>[] = [];
  const keepAlive = (promise: Promise<unknown>) => void kept.push(promise);
  const source: Source = {
    ...slowSource(3),
    async pages(keys, ...how) {
      joined ??= fetch(rows, { pages: [1], keepAlive });
      return slowSource(3).pages(keys, ...how);
    },
  };
  const first = await fetch(rows, { pages: [0, 1], source, keepAlive });
  const second = await joined;
  await Promise.all(kept);
  const [zero, one] = [first.pages.get(0), first.pages.get(1)];
  expect(second?.pages.get(1)).toBe(one);
  expect([size(zero), size(one)]).not.toContain(0);
  first[Symbol.dispose]();
  expect(size(zero)).toBe(0);
  expect(() => zero?.row(1, 1)).toThrow("after its memory was given back");
  expect(one?.row(1, 1)).toBeNull();
  second?.[Symbol.dispose]();
  expect(size(one)).toBe(0);
  expect(first.pages.size + (second?.pages.size ?? 0)).toBe(0);
});

/** A source whose pages come at once, and all together. */
const quickSource: Source = {
  stream: async () => null,
  pages: async (keys) => new Map(keys.map((key) => [key, texts.get(key) ?? null])),
};

test("rows of pages are kept once the request is answered, and others find them there until then", async () => {
  const { rows, memory } = storeFor(MEMORY.maxRows);
  const keepPage = vi.spyOn(RowCache.prototype, "keepWhileRoom");
  const kept: Promise<unknown>[] = [];
  const keepAlive = (promise: Promise<unknown>) => void kept.push(promise);
  const pages = [3, 4];
  using first = await fetch(rows, { pages, source: quickSource, keepAlive });
  expect([first.pages.size, first.pagesRead, keepPage.mock.calls.length]).toEqual([2, 2, 0]);
  // The second value of a page that nobody has asked for yet: its row is not among those cached.
  const sites = pages.map((page) => SITES.filter((site) => pageOf("site", site, model) === page)[1]);
  const located = scorer.locate(scorer.encode(sites.map((site) => ({ site }))), 1, {}, rows.cached(scorer.manifest));
  expect([...located.pages.keys()].sort()).toEqual(pages);
  const reading = { deadlineMs: 30_000, maxKeys: 100, charge: null, keepAlive() {}, lease: memory.lease("requests") };
  const { manifest } = scorer;
  const unread: Source = { ...quickSource, pages: () => Promise.reject(new Error("read again")) };
  using second = await rows.fetch({ manifest, version: model.version, located, source: unread, ...reading });
  expect([second.pages.get(3), second.pages.get(4)]).toEqual([first.pages.get(3), first.pages.get(4)]);
  await Promise.all(kept);
  expect(keepPage).toHaveBeenCalledTimes(2);
  expect(rows.cached(manifest).find(...keyOf(first.pages.get(3)), 3)).toBeGreaterThan(0);
  expect(memory.report().taken.requests).toBe(0);
});

/** The key of a page's last row. */
function keyOf(page: PageRows | undefined): [lo: number, hi: number] {
  if (!(page instanceof Page)) throw new Error("got no page");
  return [page.keyWord(2 * page.rowCount - 2), page.keyWord(2 * page.rowCount - 1)];
}

test("of a read that is under way when a request's time is over, it has the pages that are there", async () => {
  const { rows } = storeFor(MEMORY.maxRows);
  vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout"] });
  try {
    // Turns of the isolate between slices of pages come when the clock is moved on.
    vi.spyOn(WorkSlices.prototype, "after").mockImplementation(() => new Promise((turn) => setTimeout(turn, 20)));
    const fetched = fetch(rows, { pages: [5, 6, 7, 8], source: quickSource, deadlineMs: 50 });
    await vi.advanceTimersByTimeAsync(50);
    using late = await fetched;
    expect([late.shortfall, late.pages.size]).toEqual(["deadline", 3]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(late.pages.size).toBe(3);
  } finally {
    vi.useRealTimers();
  }
});

test("rows that come after a request's deadline are the cache's alone, and those alone that it looked for", async () => {
  const { rows } = storeFor(70_000);
  vi.spyOn(RowCache.prototype, "keepWhileRoom").mockImplementation(() => {}); // as if there were no room
  let done: Promise<unknown> = Promise.resolve();
  const keepAlive = (promise: Promise<unknown>): void => {
    done = promise;
  };
  const late = await fetch(rows, { pages: [4], deadlineMs: 0, keepAlive });
  expect([late.shortfall, late.pages.size]).toEqual(["deadline", 0]);
  await done;
  await new Promise((resolve) => setTimeout(resolve, 1));
  expect(late.pages.size).toBe(0);
  const of4 = SITES.filter((site) => pageOf("site", site, model) === 4);
  const records = of4.map((site) => ({ site }));
  const located = scorer.locate(scorer.encode(records), 1, {}, rows.cached(scorer.manifest));
  expect([located.keptCount, located.addresses.filter((address) => address === 0).length]).toEqual([1, of4.length - 1]);
});

test("cached rows that a request waits beside others with stay its own, whatever the cache drops", async () => {
  const { rows, memory } = storeFor(70_000);
  const both = SITES.slice(0, 2).map((site) => ({ site }));
  const score = (records: object[], source = slowSource(1)) => {
    const lease = memory.lease("requests");
    const reading = { source, deadlineMs: 30_000, maxKeys: 100, charge: null, keepAlive() {}, lease };
    return scoreRequest({ records }, { model: { model: "tiny", version: model.version, scorer }, rows, ...reading });
  };
  vi.spyOn(RowCache.prototype, "keepWhileRoom").mockImplementation(() => {});
  await score(both.slice(0, 1));
  // While the second row is read, the cache loses all that it has.
  const dropping: Source = {
    ...slowSource(2),
    async pages(keys, ...how) {
      const pages = await slowSource(2).pages(keys, ...how);
      const cached = rows.cached(scorer.manifest);
      for (let i = 0; i < 20_000; i++) cached.keep(i, 2 ** 31 + i, 1, new Uint8Array(4 * cached.rowWords).fill(255));
      return pages;
    },
  };
  const { scores, missing, rowsFound } = await score(both, dropping);
  expect(Array.from(scores)).toEqual(await expectedScores(model, both));
  expect([missing, rowsFound.isolate, rowsFound.source]).toEqual([null, 1, 1]);
  const again = scorer.locate(scorer.encode(both.slice(0, 1)), 1, {}, rows.cached(scorer.manifest));
  expect(again.keptCount).toBe(0);
});

test("a source that hangs does not take the memory of requests, and its reads are given up", async () => {
  vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout"] });
  const errors = vi.spyOn(console, "error").mockImplementation(() => {});
  try {
    const { rows, memory } = storeFor(0);
    const source: Source = { ...slowSource(1), pages: () => new Promise(() => {}) };
    const kept: Promise<unknown>[] = [];
    const keepAlive = (promise: Promise<unknown>) => void kept.push(promise);
    for (let i = 0; i < 200; i++) {
      const fetched = fetch(rows, { pages: [i % PAGES], source, deadlineMs: 50, keepAlive });
      await vi.advanceTimersByTimeAsync(50);
      expect((await fetched).shortfall).toBe("deadline");
      // A small request finds room at any time.
      using lease = memory.lease("requests");
      expect(lease.tryResize(MEMORY.smallRequest)).toBe(true);
    }
    expect(memory.report().taken.requests).toBeGreaterThan(0);
    await vi.advanceTimersByTimeAsync(READ_LOST_MS + READ_GIVEN_UP_MS);
    expect(new Set(await Promise.all(kept))).toEqual(new Set(["failed"]));
    expect(memory.report().taken.requests).toBe(0);
    expect(errors.mock.calls.flat().join()).toContain(`got no pages in ${READ_GIVEN_UP_MS} ms`);
  } finally {
    vi.useRealTimers();
  }
});
