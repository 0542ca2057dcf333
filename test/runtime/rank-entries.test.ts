import { beforeAll, describe, expect, it } from "vitest";
import { TYPE_F32, TYPE_I8 } from "../../format/constants.ts";
import type { ItemPage } from "../../format/item-page.ts";
import { pageOfKey } from "../../format/keys.ts";
import type { Page } from "../../format/page.ts";
import { readManifest } from "../../format/read-blob.ts";
import { MODEL_TYPES } from "../../format/spec.ts";
import { placeBlob } from "../../runtime/placed-blob.ts";
import { CachedRows } from "../../runtime/rows/cached-rows.ts";
import { RowCache, type RowMemory } from "../../runtime/rows/row-cache.ts";
import { Scorer } from "../../runtime/scorer.ts";
import { rowKeyOf } from "../../testing/format/hash-key.ts";
import { KERNELS, type TestKernel } from "../../testing/kernel/harness.ts";
import { ADS, KNOWN, openPagedShop, openShop, type PagedShop, type Shop, SITES } from "../format/shop.ts";

// A catalogue of entries: items score as whole candidates, to the bit, wherever their records come from.

const RELEASE = KERNELS.filter(({ debug }) => !debug);
const [SCALAR] = RELEASE as [TestKernel];
const IDS = Array.from({ length: 200 }, (_, i) => (i % 11 === 5 ? `new${i}` : `ad${(i * 37) % ADS.length}`));
const CONTEXT = { site: SITES[1], hour: 7 };
const SOME_BYTES = 3000;
const ALL_BYTES = 1e6;

/** The items that the ids stand for: the whole item, or the id alone where it is not in the catalogue. */
function candidates(ids: readonly string[]): object[] {
  return ids.map((id) => ADS.slice(0, KNOWN).find(({ ad }) => ad === id) ?? { ad: id });
}

function wholeLogits(scorer: Scorer, pages: ReadonlyMap<number, Page | ItemPage>): Float32Array {
  return scorer.rank(scorer.locate(scorer.encodeCandidates(CONTEXT, candidates(IDS))), pages).logits;
}

describe.each(MODEL_TYPES.flatMap((type) => [TYPE_I8, TYPE_F32].map((layerType) => ({ type, layerType }))))(
  "$type, layers of type $layerType",
  ({ type, layerType }) => {
    let shop: Shop;
    beforeAll(async () => {
      shop = await openShop(SCALAR.module, type, layerType);
    });

    it.each(RELEASE)("$name ranks ids as the whole candidates, to the bit", async ({ module }) => {
      for (const bytes of [0, SOME_BYTES, ALL_BYTES]) {
        const { blob, pages, itemPages } = await openPagedShop(module, shop, bytes);
        expect(itemPages.length > 0).toBe(bytes < ALL_BYTES);
        const scorer = new Scorer(placeBlob(module, blob));
        const ranked = scorer.rankItems(scorer.locateItems(CONTEXT, IDS), pages);
        expect(ranked.logits).toEqual(wholeLogits(scorer, pages));
        expect(ranked.rowsMissing).toBe(0);
      }
    });
  },
);

describe("a shop whose blob has some of the items", () => {
  let shop: PagedShop;
  let scorer: Scorer;
  let expected: Float32Array;
  beforeAll(async () => {
    shop = await openPagedShop(SCALAR.module, await openShop(SCALAR.module, "DeepFM", TYPE_I8), SOME_BYTES);
    scorer = new Scorer(placeBlob(SCALAR.module, shop.blob));
    expected = wholeLogits(scorer, shop.pages);
  });

  it("says in its manifest where the items are", () => {
    const { items, itemPages, pageCount, pageDigests, rowCount } = readManifest(shop.blob);
    expect(items).toEqual({ field: "ad", count: expect.any(Number), pages: shop.itemPages.length });
    expect(items?.count).toBeGreaterThan(20);
    expect(items?.count).toBeLessThan(KNOWN - 20);
    expect({ itemPages, pageCount }).toEqual({ itemPages: shop.itemPages.length, pageCount: 2 });
    expect(pageDigests).toHaveLength(16 * (2 + itemPages));
    expect(rowCount).toBeGreaterThan(5);
  });

  it("names the item pages of ids that the blob does not have, and none for ids that no page has", () => {
    const { pages, itemKeys } = scorer.locateItems({ site: "site0" }, ["ad0", "ad1", "new", "AD7"]).records;
    expect(pages).toEqual(new Map());
    expect(itemKeys).toHaveLength(0);
    const cold = scorer.locateItems({ site: "site0" }, ["ad139", "ad0", "ad139"]).records;
    const { lo, hi } = rowKeyOf("ad", "ad139");
    expect(cold.pages).toEqual(new Map([[2 + pageOfKey(hi, shop.itemPages.length), 2]]));
    expect([...cold.itemKeys]).toEqual([lo, hi, lo, hi]);
    expect(scorer.locateItems({ site: "site0" }, ["ad139"], { maxPages: 0 }).records.pages.size).toBe(0);
  });

  it("scores an item whose page has not come by its id alone, and says how many values that lacks", () => {
    const ids = ["ad139", "ad0", "new", "ad138"];
    const located = () => scorer.locateItems(CONTEXT, ids);
    const all = scorer.rankItems(located(), shop.pages);
    const rowPages = new Map([...shop.pages].filter(([number]) => number < 2));
    const late = scorer.rankItems(located(), rowPages);
    const alone = scorer.rank(
      scorer.locate(scorer.encodeCandidates(CONTEXT, [{ ad: "ad139" }, { ad: "ad138" }])),
      rowPages,
    );
    expect([late.logits[0], late.logits[3]]).toEqual([...alone.logits]);
    expect(late.logits[0]).not.toBe(all.logits[0]);
    expect([late.logits[1], late.logits[2]]).toEqual([all.logits[1], all.logits[2]]);
    // An item has three fields, of which the row of the id is at hand in a page of rows.
    expect(late.rowsMissing).toBe(2 * 2);
    expect(all.rowsMissing).toBe(0);
    const nothing = scorer.rankItems(scorer.locateItems({ site: "site0" }, ["ad139"]), new Map());
    expect(nothing.rowsMissing).toBeGreaterThanOrEqual(2);
  });

  it("scores items that are cached as those of a page, and those that are known to be absent by their ids", () => {
    const memory: RowMemory = { maxRowBytes: 2 ** 20, setRows() {}, trimRowsWith() {} };
    const cached = new CachedRows(new RowCache(memory), scorer.manifest);
    const before = scorer.locateItems(CONTEXT, IDS, {}, cached);
    expect(before.records.itemsKept).toBe(0);
    for (const [number, page] of shop.pages) cached.keepAll(number, page);
    const { lo, hi } = rowKeyOf("ad", "ad138");
    const after = scorer.locateItems(CONTEXT, IDS, {}, cached);
    expect(after.records.pages).toEqual(new Map());
    expect(after.records.itemsKept).toBeGreaterThan(50);
    expect(scorer.rankItems(after, new Map()).logits).toEqual(expected);

    const empty = new CachedRows(new RowCache(memory), scorer.manifest);
    empty.keep(lo, hi, 2 + pageOfKey(hi, shop.itemPages.length), null);
    const absent = scorer.locateItems(CONTEXT, ["ad138"], {}, empty);
    expect(absent.found?.unknown).toBe(1);
    const alone = scorer.rank(scorer.locate(scorer.encodeCandidates(CONTEXT, [{ ad: "ad138" }])), shop.pages);
    expect(scorer.rankItems(absent, shop.pages).logits).toEqual(alone.logits);
  });

  it("is cached apart from a model with other rows, whose pages of items are the same", () => {
    const memory: RowMemory = { maxRowBytes: 2 ** 20, setRows() {}, trimRowsWith() {} };
    const cache = new RowCache(memory);
    const cached = new CachedRows(cache, scorer.manifest);
    for (const [number, page] of shop.pages) cached.keepAll(number, page);
    const other = new CachedRows(cache, { ...scorer.manifest, rowCount: scorer.manifest.rowCount + 1 });
    expect(scorer.locateItems(CONTEXT, IDS, {}, other).records.itemsKept).toBe(0);
    expect(scorer.locateItems(CONTEXT, IDS, {}, cached).records.itemsKept).toBeGreaterThan(0);
  });

  it("tells how much memory records are to take before it copies them", () => {
    const told: number[] = [];
    scorer.locateItems(
      CONTEXT,
      Array.from({ length: 5000 }, () => "ad0"),
      { reserve: (bytes) => told.push(bytes) },
    );
    expect(Math.max(...told)).toBeGreaterThan(5000 * 4 * 5);
    const refuse = (bytes: number): void => {
      if (bytes > 100_000) throw new Error("no memory");
    };
    const many = Array.from({ length: 5000 }, () => "ad0");
    expect(() => scorer.locateItems(CONTEXT, many, { reserve: refuse })).toThrow("no memory");
  });
});
