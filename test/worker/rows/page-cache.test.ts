import { expect, test, vi } from "vitest";
import { TYPE_F32 } from "../../../format/constants.ts";
import { Page, writePage } from "../../../format/page.ts";
import { MEMORY } from "../../../worker/limits.ts";
import { MemoryBudget } from "../../../worker/memory/memory-budget.ts";
import { PageCache } from "../../../worker/rows/page-cache.ts";
import { PageUses } from "../../../worker/rows/page-uses.ts";

const LAYOUT = { rowType: TYPE_F32, embeddingDim: 1, pageCount: 1 };

/** A page of 32 + 16 · `rows` bytes. */
function page(rows: number): Page {
  const keys = Uint32Array.from({ length: 2 * rows }, (_, i) => (i % 2 === 0 ? 0 : i));
  return new Page(writePage(LAYOUT, 0, keys, new Uint8Array(8 * rows)), LAYOUT, 0);
}

/** What the cache counts for a page. */
function cost(rows: number): number {
  const cache = new PageCache(new MemoryBudget(Date.now), new PageUses());
  cache.set("a", page(rows));
  return cache.bytes;
}

/** A cache of `bytes`: models take all that it could have beside them. */
function cacheOf(bytes: number): PageCache {
  const memory = new MemoryBudget(Date.now);
  const cache = new PageCache(memory, new PageUses());
  vi.spyOn(memory, "maxPageBytes", "get").mockReturnValue(bytes);
  return cache;
}

test("the page that was used least recently goes first", () => {
  const cache = cacheOf(3 * cost(1));
  for (const key of ["a", "b", "c"]) cache.set(key, page(1));
  cache.get("a");
  cache.set("d", page(1));
  expect(["a", "b", "c", "d"].filter((key) => cache.get(key))).toEqual(["a", "c", "d"]);
});

test("the cache never holds more than its budget", () => {
  const cache = cacheOf(50_000);
  for (let i = 0; i < 500; i++) {
    cache.set(`page ${i % 90}`, page(1 + (i % 40)));
    expect(cache.bytes).toBeLessThanOrEqual(50_000);
    expect(cache.bytes).toBeGreaterThan(i < 40 ? 0 : 40_000);
  }
});

test("a page set again replaces itself, and is counted once", () => {
  const cache = cacheOf(10_000);
  cache.set("a", page(3));
  const replacement = page(1);
  cache.set("a", replacement);
  expect(cache.get("a")).toBe(replacement);
  expect(cache.bytes).toBe(cost(1));
});

test("a page beyond the whole budget is not kept", () => {
  const cache = cacheOf(100);
  cache.set("a", page(10));
  expect(cache.get("a")).toBeUndefined();
  expect(cache.bytes).toBe(0);
});

test("pages give way to models, down to a share of their own", () => {
  const memory = new MemoryBudget(Date.now);
  const cache = new PageCache(memory, new PageUses());
  for (let i = 0; cache.bytes < MEMORY.maxPages - 200_000; i++) cache.set(`page ${i}`, page(5000));
  const [first, second] = [memory.lease("models"), memory.lease("models")];
  first.resize(MEMORY.models / 2);
  expect(cache.bytes).toBeGreaterThan(MEMORY.minPages);
  second.resize(MEMORY.models / 2);
  expect(cache.bytes).toBeLessThanOrEqual(MEMORY.minPages);
  expect(cache.bytes).toBeGreaterThan(MEMORY.minPages / 2);
  expect(memory.report().peak).toBeLessThanOrEqual(MEMORY.total);
});
