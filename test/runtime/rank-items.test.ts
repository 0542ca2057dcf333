import { beforeAll, describe, expect, it } from "vitest";
import { TYPE_F32, TYPE_I8 } from "../../format/constants.ts";
import { FormatError } from "../../format/errors.ts";
import { findKey } from "../../format/keys.ts";
import type { RawValue } from "../../format/raw-value.ts";
import { readBlob, readManifest } from "../../format/read-blob.ts";
import { NO_ITEM } from "../../runtime/kernel.ts";
import { placeBlob } from "../../runtime/placed-blob.ts";
import { Scorer } from "../../runtime/scorer.ts";
import { rowKeyOf } from "../../testing/format/hash-key.ts";
import { KERNELS, type TestKernel } from "../../testing/kernel/harness.ts";
import { AD, ADS, KNOWN, openShop, SHOP_TYPES, type Shop, SITES } from "../format/shop.ts";

// Scorer.locateItems, rankItems and precomputeItems: from ids to scores.

const RELEASE = KERNELS.filter(({ debug }) => !debug);
const [SCALAR] = RELEASE as [TestKernel];
/** How far float32 sums in another order may be from each other, relative to a logit. */
const ROUNDING = 1e-5;

/** Known ids out of order, some of them twice, and among them new and unknown ones. */
const IDS = Array.from({ length: 200 }, (_, i) => (i % 11 === 5 ? `new${i}` : `ad${(i * 37) % ADS.length}`));
const CONTEXT = { site: SITES[1], hour: 7 };

/** The items that the ids stand for: the whole item, or the id alone where it is not in the catalogue. */
function candidates(ids: readonly string[]): object[] {
  return ids.map((id) => ADS.slice(0, KNOWN).find(({ ad }) => ad === id) ?? { ad: id });
}

describe.each(SHOP_TYPES.flatMap((type) => [TYPE_I8, TYPE_F32].map((layerType) => ({ type, layerType }))))(
  "$type, layers of type $layerType",
  ({ type, layerType }) => {
    let shop: Shop;
    beforeAll(async () => {
      shop = await openShop(SCALAR.module, type, layerType);
    });

    it.each(RELEASE)("$name ranks ids as the whole candidates, in their order", ({ module }) => {
      const scorer = new Scorer(placeBlob(module, shop.blob));
      const located = scorer.locateItems(CONTEXT, IDS);
      const ranked = scorer.rankItems(located, shop.pages);
      const whole = scorer.locate(scorer.encodeCandidates(CONTEXT, candidates(IDS)));
      const expected = scorer.rank(whole, shop.pages);
      expect(ranked.rowsMissing).toBe(0);
      expect(ranked.logits).toHaveLength(IDS.length);
      expected.logits.forEach((logit, i) => {
        const bound = ROUNDING * Math.max(1, Math.abs(logit));
        expect(Math.abs(ranked.logits[i] - logit), `item ${i}`).toBeLessThan(bound);
        expect(ranked.scores[i]).toBeCloseTo(1 / (1 + Math.exp(-logit)), 5);
      });
      // Ids that no row knows all have the OOV row.
      const unheard = IDS.filter((id) => id.startsWith("new")).length;
      expect(new Set(expected.logits).size).toBe(new Set(IDS).size - unheard + 1);
    });

    it.each(RELEASE)("$name makes the records that the catalogue has", ({ module }) => {
      const { keys, records } = readBlob(shop.blob).items;
      const made = new Scorer(placeBlob(module, shop.plain)).precomputeItems(ADS.slice(0, KNOWN), AD, shop.pages);
      const stride = records.length / KNOWN;
      made.records.forEach((record, i) => {
        const at = stride * findKey(keys, made.keys[2 * i], made.keys[2 * i + 1]);
        // A relaxed build may round float32 otherwise.
        if (layerType === TYPE_I8 || type === "FM") expect(record).toEqual(records.slice(at, at + stride));
        else expectClose(record, records.slice(at, at + stride));
      });
    });
  },
);

function expectClose(record: Uint8Array, kept: Uint8Array): void {
  const expected = new Float32Array(kept.buffer);
  new Float32Array(record.buffer).forEach((x, i) => {
    expect(x).toBeCloseTo(expected[i], 5);
  });
}

describe("a shop", () => {
  let shop: Shop;
  let scorer: Scorer;
  beforeAll(async () => {
    shop = await openShop(SCALAR.module, "DeepFM", TYPE_I8);
    scorer = new Scorer(placeBlob(SCALAR.module, shop.blob));
  });

  it("says in its manifest which field names the items, and how many there are", () => {
    expect(readManifest(shop.blob).items).toEqual({ field: "ad", count: KNOWN });
    expect(readManifest(shop.plain).items).toBeNull();
  });

  it("finds the ids of its catalogue, of any text that means the same, and no others", () => {
    const { numbers, records } = scorer.locateItems(CONTEXT, ["ad7", "new", "ad139", "ad140", "AD7", 7, "ad7"]);
    const { keys } = readBlob(shop.blob).items;
    const numberOf = (ad: string): number => {
      const { lo, hi } = rowKeyOf("ad", ad);
      return findKey(keys, lo, hi);
    };
    const [none, ...others] = [NO_ITEM, NO_ITEM, NO_ITEM, NO_ITEM];
    expect([...numbers]).toEqual([numberOf("ad7"), none, numberOf("ad139"), ...others, numberOf("ad7")]);
    expect(records.encoded.count).toBe(1 + 4);
  });

  it("needs no page for what its catalogue has, and the pages of the context and of the ids alone", () => {
    const known = ADS.slice(0, KNOWN).map(({ ad }) => ad);
    const hot = scorer.locateItems({ site: "site0" }, known);
    expect(hot.records.pages).toEqual(new Map());
    const { logits, rowsMissing } = scorer.rankItems(hot, new Map());
    expect(rowsMissing).toBe(0);
    expect(logits).toEqual(scorer.rankItems(hot, shop.pages).logits);

    const cold = scorer.locateItems({ site: "site1" }, ["ad141", ...known, "ad143"]);
    expect(cold.records.pages.size).toBeGreaterThan(0);
    const without = scorer.rankItems(cold, new Map());
    expect(without.rowsMissing).toBe(3);
    expect(without.logits).not.toEqual(scorer.rankItems(cold, shop.pages).logits);
  });

  it("ranks no ids, and none that it knows", () => {
    expect(scorer.rankItems(scorer.locateItems(CONTEXT, []), shop.pages).logits).toHaveLength(0);
    const located = scorer.locateItems(CONTEXT, ["x", "y"]);
    const expected = scorer.rank(
      scorer.locate(scorer.encodeCandidates(CONTEXT, [{ ad: "x" }, { ad: "y" }])),
      shop.pages,
    );
    expect(scorer.rankItems(located, shop.pages)).toEqual(expected);
  });

  it.each([
    [["ad1", ""], "items[1]: got no id"],
    [[null], "items[0]: got no id"],
    [["ad1", "ad2", undefined], "items[2]: got no id"],
    [["ad1", ["ad2"]], "items[1]"],
    [[{ ad: "ad1" }], "items[0]"],
    [[2 ** 53], "items[0]"],
  ])("refuses the ids %j", (ids, message) => {
    expect(() => scorer.locateItems(CONTEXT, ids as RawValue[])).toThrow(FormatError);
    expect(() => scorer.locateItems(CONTEXT, ids as RawValue[])).toThrow(message);
  });

  it("refuses a context with a field of the item, and more values than asked for", () => {
    expect(() => scorer.locateItems({ ad: "ad1" }, ["ad1"])).toThrow(
      "context.ad: got a field of the item, expected the context's",
    );
    expect(() => scorer.locateItems(CONTEXT, ["ad1", "new"], { maxEntries: 2 })).toThrow(
      "items: got 4 values up to here, expected at most 2 in a request",
    );
    expect(() => scorer.locateItems(CONTEXT, ["ad1", "ad2"], { maxEntries: 2 })).not.toThrow();
  });

  it("refuses ids without a catalogue", () => {
    const plain = new Scorer(placeBlob(SCALAR.module, shop.plain));
    expect(() => plain.locateItems(CONTEXT, ["ad1"])).toThrow(
      expect.objectContaining({
        name: "FormatError",
        message: "items: got ids, but the model has no catalogue of items",
      }),
    );
  });

  it("precomputes items of item fields alone, each with an id", () => {
    const precompute = (items: unknown[]) => () => scorer.precomputeItems(items, AD, shop.pages);
    expect(precompute([ADS[0], { ad: "a", site: "b" }])).toThrow(
      "items[1].site: got a field of the context, expected the item's",
    );
    for (const ad of ["", null, undefined])
      expect(precompute([ADS[0], ADS[1], { price: 3, ad }])).toThrow("items[2].ad: got no id");
  });
});

it("no item can be made of a model with products", async () => {
  const scorer = new Scorer(placeBlob(SCALAR.module, (await openShop(SCALAR.module, "IPNN", TYPE_I8)).plain));
  expect(() => scorer.precomputeItems(ADS.slice(0, 1), AD, new Map())).toThrow("products");
});
