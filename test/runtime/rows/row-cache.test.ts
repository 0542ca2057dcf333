import { expect, test, vi } from "vitest";
import { TYPE_F32, TYPE_I8 } from "../../../format/constants.ts";
import { pageOfKey } from "../../../format/keys.ts";
import { openPage, type Page, type PageLayout, pageDigest, writePage } from "../../../format/page.ts";
import { rowStride, writeRow } from "../../../format/row.ts";
import { NO_ROW, UNKNOWN_ROW } from "../../../runtime/kept-rows.ts";
import { CachedRows } from "../../../runtime/rows/cached-rows.ts";
import { CACHED_ABSENCE, NOT_CACHED, RowCache } from "../../../runtime/rows/row-cache.ts";
import { integer, seeded } from "../../../testing/format/random.ts";
import { MEMORY } from "../../../worker/limits.ts";
import { MemoryBudget } from "../../../worker/memory/memory-budget.ts";

const ROW_WORDS = 6;
/** A row and its entry's head. */
const ENTRY_BYTES = 4 * (3 + ROW_WORDS);

/** A cache that may take `bytes`: models take all that it could have beside them. */
function cacheOf(bytes: number): { cache: RowCache; memory: MemoryBudget } {
  const memory = new MemoryBudget(Date.now);
  vi.spyOn(memory, "maxRowBytes", "get").mockReturnValue(bytes);
  return { cache: new RowCache(memory), memory };
}

/** A row that says whose it is. */
function rowOf(name: number, words = ROW_WORDS): Uint8Array {
  return new Uint8Array(Uint32Array.from({ length: words }, (_, i) => name + i).buffer);
}

/** What names row number `name`: low words whose last bits are often equal, so that probes meet. */
function wordsOf(name: number): [lo: number, hi: number] {
  return [Math.imul(name >>> 2, 0x9e3779b1) >>> 0, name];
}

/** The row under a name as the cache has it. */
function found(cache: RowCache, name: number, words = ROW_WORDS): number[] | typeof NOT_CACHED | typeof CACHED_ABSENCE {
  const position = cache.find(...wordsOf(name), words);
  if (position < 0) return position as typeof NOT_CACHED;
  const copy = new Uint32Array(words + 2);
  cache.copy(position, words, copy, 1);
  if (copy[0] !== 0 || copy[words + 1] !== 0) throw new Error(`row ${name}: more was written than its words`);
  return [...copy.subarray(1, words + 1)];
}

const isRow = (name: number, words = ROW_WORDS): number[] => [...new Uint32Array(rowOf(name, words).buffer)];

test("what is found is what was kept, whatever was dropped, and the memory stays within the budget", () => {
  const { cache, memory } = cacheOf(400_000);
  const random = seeded(5);
  const names = 20_000;
  let [hits, absences, wrong, most] = [0, 0, 0, 0];
  for (let step = 0; step < 60_000; step++) {
    const name = Math.floor(names * random() ** 3);
    const words = name % 5 === 0 ? 40 : ROW_WORDS; // two models' rows side by side
    const got = found(cache, name, words);
    if (got === NOT_CACHED) cache.keep(...wordsOf(name), name % 7 === 0 ? null : rowOf(name, words));
    else if (name % 7 === 0 && got === CACHED_ABSENCE) absences++;
    else if (String(got) === String(isRow(name, words))) hits++;
    else wrong++;
    most = Math.max(most, cache.bytes);
  }
  expect(wrong).toBe(0);
  expect(most).toBeLessThanOrEqual(400_000);
  expect(memory.report().taken.rows).toBe(cache.bytes);
  expect(cache.bytes).toBeGreaterThan(300_000);
  expect(hits).toBeGreaterThan(20_000);
  expect(absences).toBeGreaterThan(2_000);
  // More than there is room for was never kept.
  expect(cache.count).toBeLessThan(names);
});

test("rows that are used stay, and those that are not go", () => {
  const { cache } = cacheOf(200_000);
  const room = Math.floor(200_000 / ENTRY_BYTES);
  for (let name = 0; name < 1000; name++) cache.keep(...wordsOf(name), rowOf(name));
  for (let name = 1000; name < 4 * room; name++) {
    cache.keep(...wordsOf(name), rowOf(name));
    if (name % 500 === 0) for (let used = 0; used < 1000; used++) found(cache, used);
  }
  const there = (from: number, to: number): number =>
    Array.from({ length: to - from }, (_, i) => found(cache, from + i)).filter((got) => got !== NOT_CACHED).length;
  expect(there(0, 1000)).toBe(1000);
  expect(there(1000, 2 * room)).toBe(0);
  expect(there(4 * room - 500, 4 * room)).toBe(500);
});

test("a cache without memory keeps nothing, and says so", () => {
  for (const bytes of [0, 1000, 50_000]) {
    const { cache } = cacheOf(bytes);
    cache.keep(...wordsOf(1), rowOf(1));
    expect([cache.count, found(cache, 1)]).toEqual([0, NOT_CACHED]);
  }
});

test("rows give way to models, down to a share of their own, and come back", () => {
  const memory = new MemoryBudget(Date.now);
  const cache = new RowCache(memory);
  const row = rowOf(1, 200);
  const fill = (from: number): void => {
    for (let name = from; name < from + 60_000; name++) cache.keep(...wordsOf(name), row);
  };
  fill(0);
  expect(cache.bytes).toBeLessThanOrEqual(MEMORY.maxRows);
  expect(cache.bytes).toBeGreaterThan(0.95 * MEMORY.maxRows);
  using first = memory.lease("models");
  using second = memory.lease("models");
  first.resize(MEMORY.models / 2);
  expect(cache.bytes).toBeGreaterThan(MEMORY.minRows);
  second.resize(MEMORY.models / 2);
  expect(cache.bytes).toBeLessThanOrEqual(MEMORY.minRows);
  expect(cache.bytes).toBeGreaterThan(0.9 * MEMORY.minRows);
  expect(found(cache, 59_999, 200)).toHaveLength(200);
  expect(found(cache, 0, 200)).toBe(NOT_CACHED);
  fill(60_000);
  expect(cache.bytes).toBeLessThanOrEqual(MEMORY.minRows);
  second.end();
  fill(120_000);
  expect(cache.bytes).toBeGreaterThan(2 * MEMORY.minRows);
  expect(memory.report().peak).toBeLessThanOrEqual(MEMORY.total);
});

const LAYOUT = { rowType: TYPE_I8, embeddingDim: 16, pageCount: 3 };

async function pageWith(seed: number, layout: PageLayout, number: number): Promise<{ page: Page; digest: Uint8Array }> {
  const random = seeded(seed);
  const keys: number[] = [];
  for (let hi = 0, lo = 1; keys.length < 400; hi += 1_000_000, lo += 7)
    if (pageOfKey(hi, layout.pageCount) === number) keys.push(lo, hi);
  const stride = rowStride(layout.rowType, layout.embeddingDim);
  const rows = new Uint8Array((keys.length / 2) * stride);
  const values = Float32Array.from({ length: 1 + layout.embeddingDim }, () => random());
  for (let at = 0; at < rows.length; at += stride) {
    values[0] = integer(random, 0, 1000);
    writeRow(layout.rowType, layout.embeddingDim, values, 0, new DataView(rows.buffer), at);
  }
  const bytes = writePage(layout, number, Uint32Array.from(keys.slice(0, 400)), rows.subarray(0, 200 * stride));
  const digest = await pageDigest(bytes);
  return { page: await openPage(bytes, layout, number, digest), digest };
}

/** The cached rows of a model with these digests of pages. */
function modelOf(cache: RowCache, layout: PageLayout, digests: readonly Uint8Array[]): CachedRows {
  const pageDigests = new Uint8Array(16 * layout.pageCount);
  digests.forEach((digest, i) => {
    pageDigests.set(digest, 16 * i);
  });
  return new CachedRows(cache, { ...layout, pageDigests });
}

test("models share the rows of equal pages, and never those of others", async () => {
  const { cache } = cacheOf(1_000_000);
  const [one, two] = [await pageWith(1, LAYOUT, 1), await pageWith(2, LAYOUT, 1)];
  const other = new Uint8Array(16).fill(9);
  const before = modelOf(cache, LAYOUT, [other, one.digest, other]);
  const after = modelOf(cache, LAYOUT, [one.digest, two.digest, other]);
  const same = modelOf(cache, LAYOUT, [two.digest, one.digest, one.digest]);
  const elsewhere = modelOf(cache, { ...LAYOUT, rowType: TYPE_F32, embeddingDim: 5 }, [other, one.digest, other]);
  const [lo, hi] = [one.page.keyWord(0), one.page.keyWord(1)];

  cache.keepWhileRoom(one.page, 1, before.tags);
  expect(cache.count).toBe(200);
  for (let i = 0; i < 200; i++) {
    const [keyLo, keyHi] = [one.page.keyWord(2 * i), one.page.keyWord(2 * i + 1)];
    const copy = new Uint32Array(before.rowWords);
    before.copy(before.find(keyLo, keyHi, 1), copy, 0);
    expect(new Uint8Array(copy.buffer)).toEqual(one.page.row(keyLo, keyHi));
  }
  expect(same.find(lo, hi, 1)).toBe(before.find(lo, hi, 1));
  // Another page of that number, the same page under another number, rows of another type in as many bytes.
  expect([after.find(lo, hi, 1), after.find(lo, hi, 0), same.find(lo, hi, 2)]).toEqual(Array(3).fill(UNKNOWN_ROW));
  expect(elsewhere.find(lo, hi, 1)).toBe(UNKNOWN_ROW);

  after.keep(lo, hi, 1, null);
  expect([after.find(lo, hi, 1), before.find(lo, hi, 1) >= 0]).toEqual([NO_ROW, true]);
});

test("a page's other rows are kept while there is room, and drop nothing", async () => {
  const { cache } = cacheOf(90_000);
  const { page, digest } = await pageWith(3, LAYOUT, 1);
  const rows = modelOf(cache, LAYOUT, [digest, digest, digest]);
  for (let name = 0; name < 1700; name++) cache.keep(...wordsOf(name), rowOf(name));
  const before = cache.count;
  cache.keepWhileRoom(page, 1, rows.tags);
  expect(cache.count).toBeGreaterThan(before);
  expect(cache.count).toBeLessThan(before + 200);
  expect(cache.bytes).toBeLessThanOrEqual(90_000);
  const there = Array.from({ length: 1700 }, (_, name) => found(cache, name)).filter((got) => got !== NOT_CACHED);
  expect(there).toHaveLength(1700);

  // The room that is made by dropping rows is not for rows that nobody looked for.
  for (let name = 2000; name < 6000; name++) cache.keep(...wordsOf(name), rowOf(name));
  const full = cache.count;
  cache.keepWhileRoom(
    page,
    1,
    modelOf(
      cache,
      LAYOUT,
      [page.bytes, page.bytes, page.bytes].map((b) => b.slice(0, 16)),
    ).tags,
  );
  expect(cache.count).toBe(full);
});
