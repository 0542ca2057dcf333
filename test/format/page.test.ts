import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import * as c from "../../format/constants.ts";
import { FormatError } from "../../format/errors.ts";
import { toHex } from "../../format/hash.ts";
import { openPage, Page, pageDigest, writePage } from "../../format/page.ts";
import { rowStride } from "../../format/row.ts";
import { edited, viewOf } from "../../testing/format/edit-blob.ts";
import { rowKeyOf } from "../../testing/format/hash-key.ts";
import { integer, seeded } from "../../testing/format/random.ts";
import { TINY_LAYOUT, tinyModel, tinyPage } from "../../testing/format/tiny.ts";

const golden = new Uint8Array(readFileSync(new URL("../golden/tiny.page.bin", import.meta.url)));

describe("the golden page", () => {
  test("is what the writer writes", () => {
    expect(tinyPage()).toEqual(golden);
  });

  test("has the row of its key and no other", () => {
    const page = new Page(golden, TINY_LAYOUT, 0);
    const { lo, hi } = rowKeyOf("site", "shop");
    expect(page.row(lo, hi)).toEqual(golden.subarray(40));
    expect(page.row(lo + 1, hi)).toBeNull();
    expect(page.row(lo, hi - 1)).toBeNull();
    expect(page.row(0, 0)).toBeNull();
  });

  test("opens by the digest in the blob", async () => {
    const { pageDigests } = await tinyModel();
    expect((await openPage(golden, TINY_LAYOUT, 0, pageDigests)).bytes).toEqual(golden);
    expect(toHex(await pageDigest(golden))).toBe(toHex(pageDigests));
  });
});

test.each([0, 1, 2, 4])("copies rows, whether their words are aligned or not: at byte %i", (at) => {
  const layout = { rowType: c.TYPE_I8, embeddingDim: 5, pageCount: 1 };
  const stride = rowStride(c.TYPE_I8, 5);
  const random = seeded(at);
  const rows = Uint8Array.from({ length: 3 * stride }, () => 64 * random()); // whose floats are finite
  const bytes = writePage(layout, 0, Uint32Array.of(1, 7, 2, 9, 3, 11), rows);
  const placed = new Uint8Array(at + bytes.length).subarray(at);
  placed.set(bytes);
  const page = new Page(placed, layout, 0);
  const target = new Uint32Array(2 + stride / 4);
  page.copyRow(1, target, 1);
  const copied = new Uint8Array(target.buffer);
  expect(copied.subarray(4, 4 + stride)).toEqual(rows.subarray(stride, 2 * stride));
  expect([target[0], target.at(-1)]).toEqual([0, 0]);
});

test.each([c.TYPE_F32, c.TYPE_I8, c.TYPE_F16, c.TYPE_I4])(
  "a page of LR's rows, which have no vector, of type %i",
  (rowType) => {
    const layout = { rowType, embeddingDim: 0, pageCount: 1 };
    const rows = new Uint8Array(2 * rowStride(rowType, 0));
    rows[rows.length - 1] = 0x40; // w = 2
    const page = new Page(writePage(layout, 0, Uint32Array.of(1, 7, 2, 9), rows), layout, 0);
    expect(page.row(2, 9)).toEqual(rows.subarray(rows.length / 2));
    expect(page.row(1, 9)).toBeNull();
  },
);

describe("a page that is not the model's", () => {
  test("a page of another model, by its digest", async () => {
    const other = edited(golden, (view) => view.setFloat32(44, 1, true));
    const digest = await pageDigest(golden);
    const message = `page 0: got digest ${toHex(await pageDigest(other))}, expected ${toHex(digest)}`;
    await expect(openPage(other, TINY_LAYOUT, 0, digest)).rejects.toThrow(
      expect.objectContaining({ name: "FormatError", message }),
    );
  });

  test("a page cut short, by its digest", async () => {
    const digest = await pageDigest(golden);
    await expect(openPage(golden.subarray(0, 51), TINY_LAYOUT, 0, digest)).rejects.toThrow("page 0: got digest");
  });

  test("a page whose digest is right and whose bytes are wrong", async () => {
    const wrong = edited(golden, (view) => view.setUint32(c.PAGE_ROW_COUNT, 2, true));
    await expect(openPage(wrong, TINY_LAYOUT, 0, await pageDigest(wrong))).rejects.toThrow("expected 72 for 2 rows");
  });
});

const header =
  (at: number, value: number) =>
  (bytes: Uint8Array): Uint8Array =>
    edited(bytes, (view) => view.setUint32(at, value, true));

/** Page 1 of 2, f32 rows of k = 1, two keys. */
const layout = { rowType: c.TYPE_F32, embeddingDim: 1, pageCount: 2 };
const two = writePage(layout, 1, Uint32Array.of(7, 0x80000000, 3, 0xffffffff), new Uint8Array(16));

describe("refused pages", () => {
  test.each<[string, (bytes: Uint8Array) => Uint8Array, string]>([
    ["an empty file", () => new Uint8Array(0), "got 0 bytes, expected at least 32"],
    ["a file shorter than its header", (bytes) => bytes.subarray(0, 31), "got 31 bytes, expected at least 32"],
    [
      "a file beyond the limit",
      () => new Uint8Array(c.MAX_PAGE_BYTES + 1),
      "got 131073 bytes, expected at most 131072",
    ],
    ["another magic", header(0, c.BLOB_MAGIC), "got magic 1296385604, expected 1346717252"],
    ["another version", header(4, 2), "got version 2, expected 1"],
    ["another length", header(c.PAGE_BYTES, 63), "got length 63, expected 64"],
    ["another row type", header(c.PAGE_ROW_TYPE, 1), "got row type 1, expected 0"],
    ["another embedding dimension", header(c.PAGE_EMBEDDING_DIM, 2), "got embedding dimension 2, expected 1"],
    ["another page number", header(c.PAGE_NUMBER, 0), "got page number 0, expected 1"],
    ["another page count", header(c.PAGE_PAGE_COUNT, 3), "got page count 3, expected 2"],
    ["more rows than it has", header(c.PAGE_ROW_COUNT, 3), "got 64 bytes, expected 80 for 3 rows"],
    ["fewer rows than it has", header(c.PAGE_ROW_COUNT, 1), "got 64 bytes, expected 48 for 1 rows"],
    [
      "a count that 32 bits would wrap",
      header(c.PAGE_ROW_COUNT, 2 ** 28 + 2),
      "got 64 bytes, expected 4294967360 for 268435458 rows",
    ],
    ["keys out of order", header(36, 0xffffffff), "got keys out of order, expected them ascending"],
    [
      "a key twice",
      (bytes) => edited(bytes, (_view, all) => all.copyWithin(40, 32, 40)),
      "got keys out of order, expected them ascending",
    ],
    ["a key of another page", header(36, 0x7fffffff), "got a key of page 0, expected keys of page 1"],
    [
      "a weight that is NaN",
      (bytes) => edited(bytes, (view) => view.setFloat32(48, Number.NaN, true)),
      "got row 0 with a number that is not finite",
    ],
    [
      "a vector that is infinite",
      (bytes) => edited(bytes, (view) => view.setFloat32(60, Number.POSITIVE_INFINITY, true)),
      "got row 1 with a number that is not finite",
    ],
  ])("%s", (_name, edit, problem) => {
    expect(() => new Page(edit(two), layout, 1)).toThrow(
      expect.objectContaining({ name: "FormatError", message: `page 1: ${problem}` }),
    );
  });

  test("the key 0", () => {
    const zero = edited(golden, (_view, bytes) => bytes.fill(0, 32, 40));
    expect(() => new Page(zero, TINY_LAYOUT, 0)).toThrow("page 0: got key 0, which means OOV");
  });

  test("an int8 row whose scale is NaN", () => {
    const broken = edited(golden, (view) => view.setFloat32(40, Number.NaN, true));
    expect(() => new Page(broken, TINY_LAYOUT, 0)).toThrow("page 0: got row 0 with a number that is not finite");
  });
});

describe("the writer refuses", () => {
  test("keys out of order", () => {
    const keys = Uint32Array.of(0, 2, 0, 1);
    expect(() => writePage({ ...layout, pageCount: 1 }, 0, keys, new Uint8Array(16))).toThrow("keys out of order");
  });

  test("keys of another page", () => {
    expect(() => writePage(layout, 0, Uint32Array.of(0, 2 ** 31), new Uint8Array(8))).toThrow("got a key of page 1");
  });

  test("rows that are not one a key", () => {
    expect(() => writePage(layout, 0, Uint32Array.of(0, 1), new Uint8Array(16))).toThrow("expected 48 for 1 rows");
  });

  test("a page beyond the limit", () => {
    const rows = new Uint8Array(c.MAX_PAGE_BYTES);
    expect(() => writePage(layout, 0, new Uint32Array(0), rows)).toThrow("got 131104 bytes, expected at most 131072");
  });
});

describe("round trip", () => {
  test("of a page without rows", () => {
    const page = new Page(writePage(layout, 0, new Uint32Array(0), new Uint8Array(0)), layout, 0);
    expect(page.row(1, 0)).toBeNull();
  });

  test("of 100 pages of odd sizes, from within larger buffers", () => {
    const random = seeded(3);
    for (let round = 0; round < 100; round++) {
      const shape = {
        rowType: integer(random, c.TYPE_F32, c.TYPE_I4),
        embeddingDim: integer(random, 1, 9),
        pageCount: integer(random, 1, 1000),
      };
      const number = integer(random, 0, shape.pageCount - 1);
      // The page's keys are those whose high word lies in [low, high).
      const low = Math.ceil((number * 2 ** 32) / shape.pageCount);
      const high = Math.ceil(((number + 1) * 2 ** 32) / shape.pageCount);
      const his = Array.from({ length: integer(random, 0, 50) }, () => integer(random, low, high - 1));
      const keys = Uint32Array.from(his.sort((a, b) => a - b).flatMap((hi, i) => [i + 1, hi]));
      const stride = rowStride(shape.rowType, shape.embeddingDim);
      // Such bytes are finite numbers, as f32 and as f16.
      const rows = Uint8Array.from({ length: his.length * stride }, () => integer(random, 0, 120));
      const bytes = writePage(shape, number, keys, rows);
      const larger = new Uint8Array(bytes.length + 7);
      larger.set(bytes, 3);
      const page = new Page(larger.subarray(3, 3 + bytes.length), shape, number);
      for (let i = 0; i < his.length; i++) {
        const row = page.row(keys[2 * i] ?? 0, keys[2 * i + 1] ?? 0);
        expect(row, `round ${round}, key ${i}`).toEqual(rows.subarray(i * stride, (i + 1) * stride));
      }
      expect(page.row(his.length + 1, his.at(-1) ?? low)).toBeNull();
    }
  });
});

test("a page with any byte changed opens as itself or throws a FormatError", () => {
  for (let at = 0; at < golden.length; at++) {
    for (const value of [0, 1, 127, 128, 255]) {
      const changed = edited(golden, (_view, bytes) => bytes.fill(value, at, at + 1));
      try {
        expect(viewOf(new Page(changed, TINY_LAYOUT, 0).bytes).byteLength).toBe(52);
      } catch (error) {
        expect(error).toBeInstanceOf(FormatError);
      }
    }
  }
});
