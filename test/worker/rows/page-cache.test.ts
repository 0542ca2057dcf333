import { expect, test } from "vitest";
import { TYPE_F32 } from "../../../format/constants.ts";
import { Page, writePage } from "../../../format/page.ts";
import { PageCache } from "../../../worker/rows/page-cache.ts";

const LAYOUT = { rowType: TYPE_F32, embeddingDim: 1, pageCount: 1 };

/** A page of 32 + 16 · `rows` bytes, which the cache counts twice. */
function page(rows: number): Page {
  const keys = Uint32Array.from({ length: 2 * rows }, (_, i) => (i % 2 === 0 ? 0 : i));
  return new Page(writePage(LAYOUT, 0, keys, new Uint8Array(8 * rows)), LAYOUT, 0);
}

test("the page that was used least recently goes first", () => {
  const cache = new PageCache(3 * 2 * 48);
  for (const key of ["a", "b", "c"]) cache.set(key, page(1));
  cache.get("a");
  cache.set("d", page(1));
  expect(["a", "b", "c", "d"].filter((key) => cache.get(key))).toEqual(["a", "c", "d"]);
});

test("the cache never holds more than its budget", () => {
  const cache = new PageCache(10_000);
  for (let i = 0; i < 500; i++) {
    cache.set(`page ${i % 90}`, page(1 + (i % 40)));
    expect(cache.bytes).toBeLessThanOrEqual(10_000);
  }
});

test("a page set again replaces itself, and is counted once", () => {
  const cache = new PageCache(10_000);
  cache.set("a", page(3));
  const replacement = page(1);
  cache.set("a", replacement);
  expect(cache.get("a")).toBe(replacement);
  expect(cache.bytes).toBe(2 * 48);
});

test("a page beyond the whole budget is not kept", () => {
  const cache = new PageCache(100);
  cache.set("a", page(10));
  expect(cache.get("a")).toBeUndefined();
  expect(cache.bytes).toBe(0);
});
