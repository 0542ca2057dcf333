import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import * as c from "../../format/constants.ts";
import { toHex } from "../../format/hash.ts";
import { faultOfEntries, writeItemEntries } from "../../format/item-entries.ts";
import { ItemPage, openItemPage, writeItemPage } from "../../format/item-page.ts";
import { pageDigest } from "../../format/page.ts";
import { readBlob, readManifest } from "../../format/read-blob.ts";
import { edited } from "../../testing/format/edit-blob.ts";
import { rowKeyOf } from "../../testing/format/hash-key.ts";
import { tinyCatalogue, tinyEntries } from "../../testing/format/tiny-catalogue.ts";

const golden = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../golden/${name}`, import.meta.url)));
const manifest = readManifest(golden("entries.blob.bin"));
const page = golden("entries.items0.bin");

describe("the golden item page", () => {
  test("has the records of its items and no others, at any place in memory", () => {
    const { lo, hi } = rowKeyOf("ad", "lamp");
    for (const shift of [0, 1, 4]) {
      const memory = new Uint8Array(page.length + shift);
      memory.set(page, shift);
      const opened = new ItemPage(memory.subarray(shift), manifest, 0);
      expect([opened.rowCount, opened.hottest(0), opened.hottest(1)]).toEqual([2, 1, 0]);
      const record = opened.row(lo, hi);
      // Two entries with values, and the row of the lamp: a word, two, two, and five.
      expect(record).toHaveLength(4 * 10);
      expect(new DataView((record as Uint8Array).slice().buffer).getFloat32(4 * 4, true)).toBe(-3.25);
      for (const ad of ["boots", "tent"]) {
        const other = rowKeyOf("ad", ad);
        expect(opened.row(other.lo, other.hi)).toBeNull();
      }
    }
  });

  test("opens by the last digest in the blob", async () => {
    const digest = manifest.pageDigests.subarray(-16);
    expect((await openItemPage(page, manifest, 0, digest)).bytes).toEqual(page);
    const other = edited(page, (view) => view.setUint8(page.length - 1, 7));
    const message = `item page 0: got digest ${toHex(await pageDigest(other))}, expected ${toHex(digest)}`;
    await expect(openItemPage(other, manifest, 0, digest)).rejects.toThrow(
      expect.objectContaining({ name: "FormatError", message }),
    );
  });

  test("is asked for nothing once its memory was given back", () => {
    const opened = new ItemPage(page.slice(), manifest, 0);
    opened.giveBack();
    expect(() => opened.row(1, 1)).toThrow("after its memory was given back");
  });
});

/** Item page 1 of 2 of a model of rows of one f32 and w, with 3 rows and the sides context, item. */
const LAYOUT = { rowType: c.TYPE_F32, embeddingDim: 1, rowCount: 3, sides: Uint8Array.of(0, 1), itemPages: 2 };
const own = (bits: number): Uint8Array => new Uint8Array(Uint32Array.of(0, bits).buffer);
const RECORDS = [
  writeItemEntries({ fields: [1], rows: [own(0)], values: [1] }, 2, "a"), // 4 words
  writeItemEntries({ fields: [1, 1], rows: [1, 2], values: [1, 0.5] }, 2, "b"), // 5 words
];
/** Keys from 32, starts from 48, the order from 60, records from 64. */
const two = writeItemPage(LAYOUT, 1, Uint32Array.of(7, 0x80000000, 3, 0xffffffff), RECORDS, Uint16Array.of(1, 0));
const u32 = (at: number, value: number) => (): Uint8Array => edited(two, (view) => view.setUint32(at, value, true));

describe("refused item pages", () => {
  test.each<[string, () => Uint8Array, string]>([
    ["an empty file", () => new Uint8Array(0), "got 0 bytes, expected a multiple of 4 from 36 to 131072"],
    ["a length of no whole words", () => two.subarray(0, 50), "got 50 bytes, expected a multiple of 4"],
    ["a file longer than a page", () => new Uint8Array(131_076), "got 131076 bytes, expected a multiple of 4"],
    ["a page of rows", u32(0, c.PAGE_MAGIC), `got magic ${c.PAGE_MAGIC}, expected ${c.ITEM_PAGE_MAGIC}`],
    ["another version", u32(4, 2), "got version 2, expected 1"],
    ["another length", u32(8, 64), "got length 64, expected 100"],
    ["a page cut short", () => two.subarray(0, 96), "got length 100, expected 96"],
    ["another row type", u32(12, 1), "got row type 1, expected 0"],
    ["another dimension", u32(16, 2), "got embedding dimension 2, expected 1"],
    ["more items than it has room for", u32(20, 8), "got 100 bytes, expected more for 8 items"],
    ["the most items that can be said", u32(20, 0xffffffff), "got 100 bytes, expected more for 4294967295 items"],
    ["another page", u32(24, 0), "got page number 0, expected 1"],
    ["another number of pages", u32(28, 3), "got page count 3, expected 2"],
    ["keys out of order", u32(36, 0xffffffff), "got keys out of order, expected them ascending"],
    ["a key of another page", u32(36, 0), "got a key of page 0, expected keys of page 1"],
    ["records that begin later", u32(48, 1), "got records from 1 to 9, expected them from 0 to 9"],
    ["records that end before the page", u32(56, 8), "got records from 0 to 8, expected them from 0 to 9"],
    ["an empty record", u32(52, 0), "got item 0 from 0 to 0, expected it within 9 words"],
    ["a record that ends beyond the page", u32(52, 10), "got item 0 from 0 to 10, expected it within 9 words"],
    ["a record of another length", u32(52, 5), "got item 0 with 5 words, expected 4"],
    ["an entry of the context", u32(68, 1), "got item 0 with a value of field 0, expected ascending fields"],
    ["an entry of no field", u32(68, 2 ** 25), "got item 0 with a value of field 2, expected ascending fields"],
    [
      "a row that is not there",
      u32(84, 2 ** 24 + 3),
      "got item 1 with row 3, expected one of the blob's 3 or of its own 0",
    ],
    ["a row that is not finite", u32(76, 0x7f800000), "got item 0 with a row that has a number which is not finite"],
    ["a value that is not finite", u32(92, 0x7fc00000), "got item 1 with a value that is not finite"],
    ["an order with an item that is not there", u32(60, 2), "got item 2 in the order, expected one of 2"],
    ["reserved bits", u32(80, 2 ** 26 + 2), "got item 1 with 5 words, expected 3"],
  ])("%s", (_name, bytes, message) => {
    expect(() => new ItemPage(bytes(), LAYOUT, 1)).toThrow(expect.objectContaining({ name: "FormatError" }));
    expect(() => new ItemPage(bytes(), LAYOUT, 1)).toThrow(`item page 1: ${message}`);
  });

  test("the key 0", () => {
    const none = writeItemPage(
      { ...LAYOUT, itemPages: 1 },
      0,
      Uint32Array.of(1, 0),
      [RECORDS[0] as Uint32Array],
      new Uint16Array(1),
    );
    const zero = edited(none, (view) => view.setUint32(32, 0, true));
    expect(() => new ItemPage(zero, { ...LAYOUT, itemPages: 1 }, 0)).toThrow("got key 0, which means OOV");
  });

  test("the writer refuses what the reader would", () => {
    const bad = writeItemEntries({ fields: [0], rows: [1], values: [1] }, 2, "a");
    expect(() => writeItemPage(LAYOUT, 1, Uint32Array.of(7, 0x80000000), [bad], new Uint16Array(1))).toThrow(
      "a value of field 0",
    );
  });
});

test("a record of entries has at most 4,096 words", () => {
  const entries = (count: number) => ({
    ...{ fields: new Array(count).fill(1), rows: new Array(count).fill(0), values: new Array(count).fill(1) },
  });
  const longest = writeItemEntries(entries(4095), 2, "a");
  expect(faultOfEntries(longest, 0, longest.length, LAYOUT)).toBeNull();
  expect(() => writeItemEntries(entries(4096), 2, "items[3]")).toThrow(
    "items[3]: got 4096 values with 0 rows that the blob does not have, 16388 bytes in all, expected at most 16384",
  );
});

test("a blob of entries is read as it was written; without their form, older readers saw nothing of them", async () => {
  const model = await tinyEntries();
  const { items, pageDigests } = readBlob(golden("entries.blob.bin"));
  expect(items).toEqual(model.items);
  expect(pageDigests).toEqual(model.pageDigests);
  expect(readBlob(golden("catalogue.blob.bin")).items).toEqual((await tinyCatalogue()).items);
  expect(readManifest(golden("catalogue.blob.bin"))).toMatchObject({ itemEntries: null, itemPages: 0 });
  expect(manifest).toMatchObject({ items: { field: "ad", count: 1, pages: 1 }, itemPages: 1, pageCount: 2 });
});
