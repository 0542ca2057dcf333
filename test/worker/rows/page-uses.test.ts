import { expect, test, vi } from "vitest";
import { Page } from "../../../format/page.ts";
import { pageKey } from "../../../format/store.ts";
import { placeBlob } from "../../../runtime/placed-blob.ts";
import { Scorer } from "../../../runtime/scorer.ts";
import { seeded } from "../../../testing/format/random.ts";
import { MemoryBudget } from "../../../worker/memory/memory-budget.ts";
import { bestKernelModule } from "../../../worker/models/kernel-modules.ts";
import { PageCache } from "../../../worker/rows/page-cache.ts";
import { PageUses } from "../../../worker/rows/page-uses.ts";
import { RowStore } from "../../../worker/rows/row-store.ts";
import { scoreRequest } from "../../../worker/scoring/score-request.ts";
import type { Source } from "../../../worker/source/source.ts";
import { expectedScores, makeModel } from "../tiny-model.ts";

const PAGES = 20;
const model = await makeModel(1, { pageCount: PAGES });
const scorer = new Scorer(placeBlob(bestKernelModule().module, model.blob));
const texts = new Map(model.pages.map(({ bytes, digest }) => [pageKey(digest), bytes.toBase64()]));

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

/** A store of rows whose cache has room for so many pages. */
function storeFor(pages: number): { rows: RowStore; memory: MemoryBudget } {
  const memory = new MemoryBudget(Date.now);
  const largest = Math.max(...model.pages.map(({ bytes }) => bytes.length));
  vi.spyOn(memory, "maxPageBytes", "get").mockReturnValue(pages * (largest + 1024));
  return { rows: new RowStore(memory, Date.now), memory };
}

test.each([0, 1, 3])("requests that share pages score right whatever a cache of %i pages drops", async (room) => {
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

test("a page's memory is given back when nobody uses it any more, and not before", async () => {
  const { rows } = storeFor(1);
  const { manifest } = scorer;
  const fetch = (numbers: number[]) =>
    rows.fetch({
      manifest,
      pages: new Map(numbers.map((number) => [number, 1])),
      ...{ source: slowSource(3), deadlineMs: 30_000, maxKeys: 100, charge: null, keepAlive() {} },
    });
  const size = (page: Page | undefined) => page?.bytes.byteLength;
  const first = await fetch([0, 1]);
  const second = await fetch([1, 2]);
  const [zero, one, two] = [first.pages.get(0), first.pages.get(1), second.pages.get(2)];
  expect([size(zero), size(one), size(two)]).not.toContain(0);
  first[Symbol.dispose]();
  expect(size(zero)).toBe(0);
  expect(() => zero?.row(1, 1)).toThrow("after its memory was given back");
  expect(second.pages.get(1)?.row(1, 1)).toBeNull();
  second[Symbol.dispose]();
  // One of them is the cache's.
  expect([size(one), size(two)].filter((bytes) => bytes !== 0)).toHaveLength(1);
  expect(first.pages.size + second.pages.size).toBe(0);
});

test("pages that come after a request's deadline are the cache's alone", async () => {
  const { rows } = storeFor(PAGES);
  let done: Promise<unknown> = Promise.resolve();
  const late = await rows.fetch({
    ...{ manifest: scorer.manifest, pages: new Map([[4, 1]]), source: slowSource(1), deadlineMs: 0, maxKeys: 100 },
    charge: null,
    keepAlive: (promise) => {
      done = promise;
    },
  });
  expect([late.shortfall, late.pages.size]).toEqual(["deadline", 0]);
  await done;
  await new Promise((resolve) => setTimeout(resolve, 1));
  expect(late.pages.size).toBe(0);
});

test("the cache's use ends when a page is replaced or dropped", () => {
  const cache = new PageCache(new MemoryBudget(Date.now), new PageUses());
  const { bytes } = model.pages[5];
  const [page, other] = [0, 1].map(() => new Page(bytes.slice(), model.layout, 5));
  cache.set("a", page);
  cache.set("a", page);
  expect(page.bytes).toEqual(bytes);
  cache.set("a", other);
  expect([page.bytes.length, other.bytes.length]).toEqual([0, bytes.length]);
  cache.delete("a");
  expect(other.bytes.length).toBe(0);
});
