import { describe, expect, test } from "vitest";
import * as c from "../../format/constants.ts";
import { FormatError } from "../../format/errors.ts";
import { readBlob, readManifest } from "../../format/read-blob.ts";
import { edited, inSection } from "../../testing/format/edit-blob.ts";
import { integer, seeded } from "../../testing/format/random.ts";
import { f32, head, layer, refuses, resized, tiny, u8, u32 } from "./refuse-blob.ts";

// One test for each check of read-blob.ts and read-layers.ts that comes after the head of section MODEL, in the order
// of the checks. Each has a blob that is wrong in one place and right everywhere else.

const M = "blob: section MODEL:";

describe("sections BUCKETS, KEYS, ROWS and PAGES", () => {
  refuses([
    ["a directory of another size", resized(c.SECTION_BUCKETS, 16), "blob: section BUCKETS: got 16 bytes, expected 12"],
    ["a key too few", resized(c.SECTION_KEYS, 8), "blob: section KEYS: got 8 bytes, expected 16"],
    ["a row too few", resized(c.SECTION_ROWS, 36), "blob: section ROWS: got 36 bytes, expected 48"],
    ["a digest too many", resized(c.SECTION_PAGES, 32), "blob: section PAGES: got 32 bytes, expected 16"],
    [
      "keys out of order",
      () => inSection(tiny, c.SECTION_KEYS, (_view, bytes) => bytes.set([...bytes.slice(8), ...bytes.slice(0, 8)])),
      "blob: section KEYS: got keys out of order, expected them ascending",
    ],
    [
      "a key twice",
      () => inSection(tiny, c.SECTION_KEYS, (_view, bytes) => bytes.copyWithin(8, 0, 8)),
      "blob: section KEYS: got keys out of order, expected them ascending",
    ],
    [
      "the key 0",
      () => inSection(tiny, c.SECTION_KEYS, (_view, bytes) => bytes.fill(0, 0, 8)),
      "blob: section KEYS: got key 0, which means OOV",
    ],
    [
      "a first start that is not 0",
      u32(c.SECTION_BUCKETS, 0, 1),
      "blob: section BUCKETS: got start 1 at 0, which the keys contradict",
    ],
    [
      "a start in the wrong place",
      u32(c.SECTION_BUCKETS, 4, 1),
      "blob: section BUCKETS: got start 1 at 1, which the keys contradict",
    ],
    [
      "a last start beyond the keys",
      u32(c.SECTION_BUCKETS, 8, 0xffffffff),
      "blob: section BUCKETS: got start 4294967295 at 2, which the keys contradict",
    ],
    [
      "a row's scale that is infinite",
      f32(c.SECTION_ROWS, 0, Number.POSITIVE_INFINITY),
      "blob: section ROWS: got row 0 with a number that is not finite",
    ],
    [
      "a row's weight that is NaN",
      f32(c.SECTION_ROWS, 3 * 12 + 4, Number.NaN),
      "blob: section ROWS: got row 3 with a number that is not finite",
    ],
  ]);
});

const D = "blob: section DENSE: got a";
const WHERE = "where those before end";

describe("layers and section DENSE", () => {
  refuses([
    [
      "a first layer that does not take the embeddings",
      layer(0, c.LAYER_INPUTS, 5),
      `${M} got layer 0 inputs 5, expected 4`,
    ],
    [
      "a layer that does not take its predecessor",
      layer(1, c.LAYER_INPUTS, 4),
      `${M} got layer 1 inputs 4, expected 3`,
    ],
    ["a layer without outputs", layer(1, c.LAYER_OUTPUTS, 0), `${M} got layer 1 outputs 0, expected 1 to 8192`],
    ["a layer too wide", layer(1, c.LAYER_OUTPUTS, 8193), `${M} got layer 1 outputs 8193, expected 1 to 8192`],
    ["an unknown weight type", layer(0, c.LAYER_WEIGHT_TYPE, 2), `${M} got layer 0 weight type 2, expected 0 to 1`],
    [
      "an MLP's layer without activation",
      layer(1, c.LAYER_ACTIVATION, c.ACTIVATION_NONE),
      `${M} got layer 1 activation 0, expected 1 to 3`,
    ],
    ["an unknown activation", layer(0, c.LAYER_ACTIVATION, 4), `${M} got layer 0 activation 4, expected 1 to 3`],
    ["weights beyond DENSE", layer(0, c.LAYER_WEIGHTS, 640), `${M} got layer 0 weights offset 640, expected 0 to 576`],
    [
      "weights at no multiple of 64",
      layer(0, c.LAYER_WEIGHTS, 16),
      `${M} got layer 0 weights at 16, expected an aligned place for 64 bytes in 576`,
    ],
    [
      "weights that reach beyond DENSE",
      layer(1, c.LAYER_WEIGHTS, 384),
      `${M} got layer 1 weight at 384, expected an aligned place for 256 bytes in 576`,
    ],
    [
      "scales at no multiple of 64",
      layer(0, c.LAYER_SCALES, 68),
      `${M} got layer 0 scale at 68, expected an aligned place for 32 bytes in 576`,
    ],
    [
      "scales beyond DENSE",
      layer(0, c.LAYER_SCALES, 576),
      `${M} got layer 0 scale at 576, expected an aligned place for 32 bytes in 576`,
    ],
    [
      "an offset that 32 bits would wrap",
      layer(0, c.LAYER_SCALES, 0xffffffc0),
      `${M} got layer 0 scale at 4294967232, expected an aligned place for 32 bytes in 576`,
    ],
    [
      "scales in the weights",
      layer(0, c.LAYER_SCALES, 0),
      `${M} got layer 0 scale at 0, expected at least 64, ${WHERE}`,
    ],
    [
      "biases in the scales",
      layer(0, c.LAYER_BIASES, 64),
      `${M} got layer 0 bias at 64, expected at least 96, ${WHERE}`,
    ],
    [
      "a layer that takes the weights of the one before",
      layer(1, c.LAYER_WEIGHTS, 0),
      `${M} got layer 1 weight at 0, expected at least 160, ${WHERE}`,
    ],
    [
      "output weights in the last layer",
      head(c.MODEL_OUTPUT_WEIGHTS, 448),
      `${M} got output weight at 448, expected at least 480, ${WHERE}`,
    ],
    [
      "a weight of an output that is padding",
      u8(c.SECTION_DENSE, 12, 1),
      `${D} layer 0 weight that is not zero in its padding`,
    ],
    [
      "a weight of an input that is padding",
      f32(7, 192 + 4 * 12, 1),
      `${D} layer 1 weight that is not zero in its padding`,
    ],
    ["a scale that is padding", f32(7, 64 + 12, 1), `${D} layer 0 scale that is not zero in its padding`],
    ["a bias that is padding", f32(7, 448 + 28, -1), `${D} layer 1 bias that is not zero in its padding`],
    ["an output weight that is padding", f32(7, 512 + 8, 1), `${D} output weight that is not zero in its padding`],
    ["a scale that is NaN", f32(7, 64, Number.NaN), `${D} layer 0 scale that is not a finite number`],
    ["a scale's padding that is NaN", f32(7, 92, Number.NaN), `${D} layer 0 scale that is not a finite number`],
    [
      "biases at no multiple of 64",
      layer(1, c.LAYER_BIASES, 4),
      `${M} got layer 1 bias at 4, expected an aligned place for 32 bytes in 576`,
    ],
    [
      "biases beyond DENSE",
      layer(1, c.LAYER_BIASES, 576),
      `${M} got layer 1 bias at 576, expected an aligned place for 32 bytes in 576`,
    ],
    ["a bias that is infinite", f32(7, 128, Number.NEGATIVE_INFINITY), `${D} layer 0 bias that is not a finite number`],
    ["a weight that is NaN", f32(7, 196, Number.NaN), `${D} layer 1 weight that is not a finite number`],
    [
      "an inverse scale that is infinite",
      f32(2, c.MODEL_HEAD_BYTES + c.LAYER_INPUT_INVERSE_SCALE, Number.POSITIVE_INFINITY),
      `${M} got layer 0 input scale Infinity, expected a finite number`,
    ],
    [
      "a zero point that is NaN",
      f32(2, c.MODEL_HEAD_BYTES + c.LAYER_INPUT_ZERO, Number.NaN),
      `${M} got layer 0 input zero NaN, expected a finite number`,
    ],
    [
      "an output that does not take the last layer",
      head(c.MODEL_OUTPUT_WIDTH, 3),
      `${M} got output width 3, expected 2`,
    ],
    [
      "output weights far beyond DENSE",
      head(c.MODEL_OUTPUT_WEIGHTS, 640),
      `${M} got output weights offset 640, expected 0 to 576`,
    ],
    [
      "output weights that reach beyond DENSE",
      head(c.MODEL_OUTPUT_WEIGHTS, 576),
      `${M} got output weight at 576, expected an aligned place for 32 bytes in 576`,
    ],
    [
      "output weights at no multiple of 64",
      head(c.MODEL_OUTPUT_WEIGHTS, 508),
      `${M} got output weight at 508, expected an aligned place for 32 bytes in 576`,
    ],
    ["an output weight that is NaN", f32(7, 512, Number.NaN), `${D} output weight that is not a finite number`],
  ]);
});

describe("the manifest", () => {
  test("of a blob whose MODEL is shorter than its head is refused", () => {
    expect(() => readManifest(resized(c.SECTION_MODEL, 5)())).toThrow(`${M} got 5 bytes, expected at least 128`);
  });

  test("of a blob whose MODEL has another number of fields is refused", () => {
    expect(() => readManifest(head(c.MODEL_FIELDS, 1)())).toThrow(`${M} got fields 1, expected 2`);
  });

  test("of a blob whose sides are not SPEC's is refused", () => {
    const swapped = (): Uint8Array => inSection(tiny, c.SECTION_MODEL, (_view, bytes) => bytes.set([1, 0], 256));
    expect(() => readManifest(swapped())).toThrow(`${M} got side 1 of field 0, expected 0 as in SPEC`);
  });

  test("is read without a pass over rows and weights", () => {
    expect(readManifest(edited(tiny, (view) => view.setUint8(1344, 1))).embeddingDim).toBe(2);
  });
});

test("random words in MODEL, BUCKETS and KEYS are refused as FormatError, or harmless", () => {
  const random = seeded(7);
  const words = [0, 1, 2, 3, 4, 5, 64, 255, 2 ** 16, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 64, 2 ** 32 - 1];
  for (let round = 0; round < 3000; round++) {
    const id = integer(random, c.SECTION_MODEL, c.SECTION_KEYS);
    const blob = inSection(tiny, id, (view) => {
      for (let edits = integer(random, 1, 3); edits > 0; edits--) {
        const at = 4 * integer(random, 0, (view.byteLength >> 2) - 1);
        view.setUint32(at, words[integer(random, 0, words.length - 1)] ?? 0, true);
      }
    });
    try {
      readBlob(blob);
    } catch (error) {
      expect(error).toBeInstanceOf(FormatError);
    }
  }
});
