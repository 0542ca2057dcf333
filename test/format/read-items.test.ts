import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import * as c from "../../format/constants.ts";
import { checkItems, itemStride } from "../../format/items.ts";
import { findHeavyLane, LANE, laneSums } from "../../format/layer.ts";
import { readBlob, readManifest } from "../../format/read-blob.ts";
import { writeBlob } from "../../format/write-blob.ts";
import { inSection, sectionOf, withSection } from "../../testing/format/edit-blob.ts";
import { integer, seeded } from "../../testing/format/random.ts";
import { tinyPnn, tinyTowers } from "../../testing/format/tiny.ts";
import { tinyCatalogue } from "../../testing/format/tiny-catalogue.ts";
import { type Case, refuses } from "./refuse-blob.ts";

// One test for each check of what the golden catalogue has and the tiny blob has not: items, and lanes that could be
// too heavy.

const catalogue = new Uint8Array(readFileSync(new URL("../golden/catalogue.blob.bin", import.meta.url)));
/**
 * The bytes of a record: 16, the FM sums of fmDim 2, padded to 8 numbers, and the 3 sums of the first layer, padded to
 * 8.
 */
const STRIDE = 16 + 32 + 32;

const edit = (id: number, change: (view: DataView, bytes: Uint8Array) => void) => (): Uint8Array =>
  inSection(catalogue, id, change);
const u32 = (id: number, at: number, value: number) => edit(id, (view) => view.setUint32(at, value, true));
const f32 = (id: number, at: number, value: number) => edit(id, (view) => view.setFloat32(at, value, true));
const head = (at: number, value: number) => u32(c.SECTION_MODEL, at, value);
/** Sets weights of output n, those of the lane that begins at input k, in layer 0, which is int8, 8 → 3. */
const weights = (n: number, k: number, values: number[]) =>
  edit(c.SECTION_DENSE, (view) => {
    values.forEach((w, i) => {
      const input = k + LANE[i];
      view.setInt8(16 * (input >> 2) + 4 * n + (input & 3), w);
    });
  });

const HEAVY = "blob: section DENSE: got layer 0 weights of output";
const BOUND = "expected at most 258 and at least -258";

describe("lanes", () => {
  test("the golden blob has lanes at either bound, in either place", () => {
    const q = readBlob(catalogue).layers[0]?.weights as Int8Array;
    expect(laneSums(q, 8, 0, 0)).toEqual({ above: 258, below: 0 });
    expect(laneSums(q, 8, 0, 2)).toEqual({ above: 0, below: -258 });
    expect(laneSums(q, 8, 1, 2)).toEqual({ above: 258, below: -120 });
    expect(laneSums(q, 8, 2, 0)).toEqual({ above: 127, below: -258 });
  });

  refuses([
    [
      "weights that add up to 259",
      weights(0, 0, [127, 127, 5, 0]),
      `${HEAVY} 0 that add up to 259 and 0 in the lane of input 0, ${BOUND}`,
    ],
    [
      "weights that add up to −259",
      weights(1, 2, [-128, -128, -3, 127]),
      `${HEAVY} 1 that add up to 127 and -259 in the lane of input 2, ${BOUND}`,
    ],
    [
      "the heaviest weights above and below 0",
      weights(2, 2, [127, 127, 127, -128]),
      `${HEAVY} 2 that add up to 381 and -128 in the lane of input 2, ${BOUND}`,
    ],
  ]);

  test("weights above and below 0 do not make each other lighter", () => {
    expect(() => readBlob(weights(0, 0, [127, 127, 4, -128])())).not.toThrow();
    expect(() => readBlob(weights(0, 0, [127, 127, 127, -128])())).toThrow("381 and -128");
  });

  test("the first heavy lane is found wherever it is, in layers of any width", () => {
    const random = seeded(21);
    for (let inputs = 1; inputs <= 26; inputs++) {
      const outputs = integer(random, 1, 4);
      const q = Int8Array.from({ length: inputs * outputs }, () => integer(random, -64, 64));
      expect(findHeavyLane(q, inputs, outputs)).toBeNull();
      for (let n = 0; n < outputs; n++) {
        for (let k = 0; k < inputs; k++) {
          const first = k - (k % 8) + (k & 2);
          const lane = LANE.map((offset) => first + offset).filter((at) => at < inputs);
          const changed = q.slice();
          for (const at of lane) changed[n * inputs + at] = 127;
          // Two of 127 are light; the third is not.
          expect(findHeavyLane(changed, inputs, outputs), `${n}, ${k} of ${outputs} × ${inputs}`).toEqual(
            lane.length > 2 ? { n, k: first } : null,
          );
        }
      }
    }
  });
});

const MODEL = "blob: section MODEL:";
const CANNOT_NAME = "expected a categorical one of the item's side with a vocabulary";

/** The catalogue with another item field in SPEC. */
const asField = (change: (spec: string) => string) => (): Uint8Array => {
  const text = new TextDecoder().decode(sectionOf(catalogue, c.SECTION_SPEC));
  const changed = change(text);
  expect(changed).not.toBe(text);
  return withSection(catalogue, c.SECTION_SPEC, new TextEncoder().encode(changed));
};
const AD = '"name":"ad","side":"item","kv":true,"type":"categorical","encoding":{"kind":"vocabulary"}';

const NAMING: Case[] = [
  ["an item field that is not there", head(c.MODEL_ITEM_FIELD, 4), `${MODEL} got item field 4, expected 0 to 3`],
  ["an item field of the context", head(c.MODEL_ITEM_FIELD, 0), `${MODEL} got item field 0, ${CANNOT_NAME}`],
  ["an item field of numbers", head(c.MODEL_ITEM_FIELD, 3), `${MODEL} got item field 3, ${CANNOT_NAME}`],
  ["a field of no items", head(c.MODEL_ITEM_COUNT, 0), `${MODEL} got item field 1, expected 0`],
  [
    "an item field of hashed values",
    asField((text) => text.replace(AD, AD.replace('{"kind":"vocabulary"}', '{"kind":"hash","buckets":8}'))),
    `${MODEL} got item field 1, ${CANNOT_NAME}`,
  ],
  [
    "an item field of many values",
    asField((text) => text.replace(AD, AD.replace("categorical", "multi-categorical"))),
    `${MODEL} got item field 1, ${CANNOT_NAME}`,
  ],
];

describe("what names the items", () => {
  refuses(NAMING);

  test.each(NAMING)("%s, in the manifest", (_name, blob, message) => {
    expect(() => readManifest(blob())).toThrow(expect.objectContaining({ name: "FormatError", message }));
  });
});

const KEYS = "blob: section ITEM_KEYS:";
const ITEMS = "blob: section ITEMS:";
const BROKEN = "with a number that is not finite, or not zero in its padding";

describe("sections ITEM_KEYS and ITEMS", () => {
  refuses([
    ["an item more than keys", head(c.MODEL_ITEM_COUNT, 4), `${KEYS} got 24 bytes, expected 32`],
    ["an item less than keys", head(c.MODEL_ITEM_COUNT, 2), `${KEYS} got 24 bytes, expected 16`],
    [
      "more items than 32 bits can have bytes of",
      head(c.MODEL_ITEM_COUNT, 2 ** 29 + 3),
      `${KEYS} got 24 bytes, expected ${8 * (2 ** 29 + 3)}`,
    ],
    [
      "a record too short",
      () => withSection(catalogue, c.SECTION_ITEMS, sectionOf(catalogue, c.SECTION_ITEMS).subarray(4)),
      `${ITEMS} got 236 bytes, expected 3 items of 80`,
    ],
    [
      "a record too many",
      () => withSection(catalogue, c.SECTION_ITEMS, new Uint8Array(4 * STRIDE)),
      `${ITEMS} got 320 bytes, expected 3 items of 80`,
    ],
    [
      "keys out of order",
      edit(c.SECTION_ITEM_KEYS, (_view, bytes) => bytes.set([...bytes.slice(8, 16), ...bytes.slice(0, 8)])),
      `${KEYS} got keys out of order, expected them ascending`,
    ],
    [
      "a key twice",
      edit(c.SECTION_ITEM_KEYS, (_view, bytes) => bytes.copyWithin(16, 8, 16)),
      `${KEYS} got keys out of order, expected them ascending`,
    ],
    [
      "the key 0",
      edit(c.SECTION_ITEM_KEYS, (_view, bytes) => bytes.fill(0, 0, 8)),
      `${KEYS} got key 0, which means OOV`,
    ],
    ["a logit that is NaN", f32(c.SECTION_ITEMS, 0, Number.NaN), `${ITEMS} got item 0 ${BROKEN}`],
    [
      "a byte behind a logit",
      edit(c.SECTION_ITEMS, (view) => view.setUint8(STRIDE + 15, 1)),
      `${ITEMS} got item 1 ${BROKEN}`,
    ],
    [
      "a sum of FM that is infinite",
      f32(c.SECTION_ITEMS, 2 * STRIDE + 20, Number.NEGATIVE_INFINITY),
      `${ITEMS} got item 2 ${BROKEN}`,
    ],
    ["a sum of FM that is padding", f32(c.SECTION_ITEMS, 24, 1), `${ITEMS} got item 0 ${BROKEN}`],
    [
      "a sum of the first layer that is padding",
      u32(c.SECTION_ITEMS, STRIDE + 48 + 12, 1),
      `${ITEMS} got item 1 ${BROKEN}`,
    ],
    ["−0 as padding", f32(c.SECTION_ITEMS, 24, -0), `${ITEMS} got item 0 ${BROKEN}`],
  ]);

  test("integer sums may be any", () => {
    expect(() => readBlob(f32(c.SECTION_ITEMS, 48, Number.NaN)())).not.toThrow();
    expect(() => readBlob(u32(c.SECTION_ITEMS, 48, 0x80000000)())).not.toThrow();
  });

  test("floats of a first layer of f32, and of a tower, must be finite", async () => {
    const float = (await tinyCatalogue()).layers.toReversed();
    for (const model of [await tinyTowers(), { ...(await tinyCatalogue()), layers: float }]) {
      const records = new Uint8Array(itemStride(model));
      const items = { field: 0, keys: Uint32Array.of(1, 0), records };
      expect(() => checkItems(items, model)).not.toThrow();
      new DataView(records.buffer).setFloat32(records.length - 32, Number.NaN, true);
      expect(() => checkItems(items, model)).toThrow(`got item 0 ${BROKEN}`);
    }
  });

  test("a model with products has no items", async () => {
    const model = await tinyPnn();
    expect(itemStride(model)).toBe(0);
    const items = { field: 1, keys: Uint32Array.of(1, 0), records: new Uint8Array(0) };
    expect(() => checkItems(items, model)).toThrow("blob: section MODEL: got 1 items, expected none with products");
  });

  test("the writer refuses records that are no whole items", async () => {
    const model = await tinyCatalogue();
    const records = model.items.records.subarray(1);
    expect(() => writeBlob({ ...model, items: { ...model.items, records } })).toThrow(
      "blob: section ITEMS: got 239 bytes, expected 3 items of 80",
    );
  });
});
