import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { bucketBits, bucketStarts, type ModelBlob } from "../../format/blob.ts";
import * as c from "../../format/constants.ts";
import { FormatError } from "../../format/errors.ts";
import { readBlob, readManifest } from "../../format/read-blob.ts";
import { MODEL_TYPES } from "../../format/spec.ts";
import { writeBlob } from "../../format/write-blob.ts";
import { entryOf, sectionOf, viewOf, withSection } from "../../testing/format/edit-blob.ts";
import { goldenBlob } from "../../testing/format/golden.ts";
import { integer, seeded } from "../../testing/format/random.ts";
import { shapeOfType } from "../../testing/format/shapes.ts";
import { TINY_RECORDS, TINY_SPEC, tinyModel } from "../../testing/format/tiny.ts";
import { cycled, randomModel } from "../../testing/kernel/random-model.ts";

const golden = new Uint8Array(readFileSync(new URL("../golden/tiny.blob.bin", import.meta.url)));

describe("the golden blob", () => {
  test("is what the writer writes", async () => {
    expect(await goldenBlob(await tinyModel())).toEqual(golden);
  });

  test("reads as the model that was written", async () => {
    const { evidence, golden: records, ...model } = readBlob(golden);
    const { evidence: _, golden: __, ...written } = await tinyModel();
    expect(model).toEqual(written);
    expect(evidence).toEqual({ provenance: { note: "made by hand" } });
    expect(records.records.map(({ record }) => record)).toEqual(TINY_RECORDS);
  });

  test("reads alike from within a larger buffer", async () => {
    const larger = new Uint8Array(golden.length + 13);
    larger.set(golden, 5);
    expect(readBlob(larger.subarray(5, 5 + golden.length))).toEqual(readBlob(golden));
  });

  test("has the manifest of the model", async () => {
    const { spec, producer, rowType, embeddingDim, terms, bias, fmDim, ...rest } = readBlob(golden);
    const { pageDigests, evidence, golden: records } = rest;
    const manifest = {
      spec,
      producer,
      ...{ rowType, embeddingDim, terms, bias, fmDim },
      pageDigests,
      pageCount: 1,
      filter: { offset: 2624, bytes: 32 },
      hotPages: [0],
      items: null,
      itemEntries: null,
      itemPages: 0,
      rowCount: 4,
      sides: Uint8Array.of(0, 1),
      evidence,
      golden: records,
    };
    expect(readManifest(golden)).toEqual(manifest);
  });

  test("has all sections, blob end included, at multiples of 64", () => {
    const view = viewOf(golden);
    for (let id = 1; id <= c.SECTION_COUNT; id++) expect(view.getUint32(entryOf(id) + 4, true) % 64).toBe(0);
    expect(golden.length % 64).toBe(0);
  });
});

/** A model of odd sizes, of the type that the seed modulo 10 says. */
function oddModel(seed: number): ModelBlob {
  const random = seeded(seed);
  const type = cycled(MODEL_TYPES, seed);
  const list = (length: number, low: number, high: number): number[] =>
    Array.from({ length }, () => integer(random, low, high));
  return randomModel({
    ...shapeOfType(type, integer(random, 1, 9)),
    fields: integer(random, type === "two-tower" ? 2 : 1, 9),
    hidden: list(integer(random, 1, 3), 1, 19),
    layerTypes: list(5, c.TYPE_F32, c.TYPE_I8),
    activations: list(7, c.ACTIVATION_RELU, c.ACTIVATION_SIGMOID),
    rowType: integer(random, c.TYPE_F32, c.TYPE_I4),
    hotRows: integer(random, 0, 40),
    pages: integer(random, 0, 3),
    seed,
  });
}

describe("round trip", () => {
  test("of 200 models of odd sizes, 20 of each type", () => {
    for (let seed = 1; seed <= 200; seed++) {
      const model = oddModel(seed);
      expect(readBlob(writeBlob(model)), `seed ${seed}`).toEqual(model);
    }
  });

  test("of golden records with a field of any name", async () => {
    const names = ["constructor", "prototype", "toString"];
    const [site] = TINY_SPEC.fields;
    const spec = { ...TINY_SPEC, fields: names.map((name) => ({ ...site, name })) } as typeof TINY_SPEC;
    const record = Object.fromEntries(names.map((name) => [name, "x"]));
    const model = { ...randomModel({ fields: 3, embeddingDim: 2 }), spec, sides: new Uint8Array(3) };
    const golden = { tolerance: 1, records: [{ record, logit: 0 }] };
    expect(readBlob(writeBlob({ ...model, golden })).golden).toEqual(golden);
  });

  test("of all texts in producer and spec", async () => {
    const spec = { ...TINY_SPEC, label: "größe 😀 日本語" };
    const model = { ...(await tinyModel()), producer: "ü", spec };
    expect(readBlob(writeBlob(model))).toEqual(model);
  });

  test("SPEC may have members that this version does not know", async () => {
    const parsed = JSON.parse(new TextDecoder().decode(sectionOf(golden, c.SECTION_SPEC)));
    const text = JSON.stringify({ ...parsed, later: true });
    const blob = withSection(golden, c.SECTION_SPEC, new TextEncoder().encode(text));
    expect(readBlob(blob)).toEqual(readBlob(golden));
  });
});

describe("the writer refuses", () => {
  test.each<[string, (model: ModelBlob) => void, string]>([
    [
      "weights of another number",
      ({ layers: [layer] }) => Object.assign(layer ?? {}, { weights: new Int8Array(11) }),
      "layers[0].weights: got 11 numbers, expected 12",
    ],
    [
      "int8 weights without scales",
      ({ layers: [layer] }) => Object.assign(layer ?? {}, { scales: new Float32Array(0) }),
      "layers[0].scales: got 0 numbers, expected 3",
    ],
    [
      "f32 weights with scales",
      ({ layers: [, layer] }) => Object.assign(layer ?? {}, { scales: new Float32Array(2) }),
      "layers[1].scales: got 2 numbers, expected 0",
    ],
    [
      "more biases than outputs",
      ({ layers: [layer] }) => Object.assign(layer ?? {}, { biases: new Float32Array(9) }),
      "layers[0].biases: got 9 numbers, expected 3",
    ],
    [
      "sides that are not one a field",
      (model) => Object.assign(model, { sides: new Uint8Array(3) }),
      "sides: got 3 numbers, expected 2",
    ],
    [
      "sides that are not the spec's",
      (model) => Object.assign(model, { sides: new Uint8Array(2) }),
      "blob: section MODEL: got side 0 of field 1, expected 1 as in SPEC",
    ],
    [
      "rows that are not one a key",
      (model) => Object.assign(model, { rows: model.rows.subarray(12) }),
      "blob: section ROWS: got 36 bytes, expected 48",
    ],
    [
      "half a key",
      (model) => Object.assign(model, { keys: model.keys.subarray(0, 3) }),
      "blob: section KEYS: got 12 bytes, expected 8",
    ],
    [
      "half a digest",
      (model) => Object.assign(model, { pageDigests: new Uint8Array(24) }),
      "blob: section PAGES: got 24 bytes, expected 16",
    ],
    [
      "weights that training has lost",
      ({ layers: [, layer] }) => layer?.weights.fill(Number.NaN),
      "blob: section DENSE: got a layer 1 weight that is not a finite number",
    ],
    [
      "a model too large for the store",
      (model) => Object.assign(model, { producer: "x".repeat(c.MAX_BLOB_BYTES) }),
      `blob: got ${c.MAX_BLOB_BYTES + 2304} bytes, expected at most ${c.MAX_BLOB_BYTES}`,
    ],
  ])("%s", async (_name, spoil, message) => {
    const model = await tinyModel();
    spoil(model);
    expect(() => writeBlob(model)).toThrow(expect.objectContaining({ name: "FormatError", message }));
  });
});

describe("buckets", () => {
  test.each([
    [0, 1],
    [1, 1],
    [3, 1],
    [4, 2],
    [7, 2],
    [8, 3],
    [1023, 9],
    [1024, 10],
    [2 ** 30, c.MAX_BUCKET_BITS],
  ])("%i keys have %i bits", (keys, bits) => {
    expect(bucketBits(keys)).toBe(bits);
  });

  test("bucket i holds the keys whose highest bits are i", () => {
    const keys = Uint32Array.of(5, 0, 6, 0x3fffffff, 0, 0x40000000, 1, 0xc0000000);
    expect(Array.from(bucketStarts(keys, 2))).toEqual([0, 2, 3, 3, 4]);
    expect(Array.from(bucketStarts(new Uint32Array(0), 1))).toEqual([0, 0, 0]);
  });
});

test("a byte changed anywhere is refused, or belongs to the envelope, to padding or to what is reserved", async () => {
  const model = readBlob(golden);
  let meaningless = 0;
  for (let at = 0; at < golden.length; at++) {
    const changed = golden.slice();
    changed[at] = (changed[at] ?? 0) ^ 0x10;
    const error = thrownBy(() => readBlob(changed));
    if (error) expect(error).toBeInstanceOf(FormatError);
    else {
      expect(readBlob(changed)).toEqual(model);
      meaningless++;
    }
  }
  // These bytes may change: the envelope without magic, version and length, 52 bytes of the rest of the header, and
  // what lies between the sections.
  const view = viewOf(golden);
  let lengths = 0;
  for (let id = 1; id <= c.SECTION_COUNT; id++) lengths += view.getUint32(entryOf(id) + 8, true);
  expect(meaningless).toBe(c.BLOB_ENVELOPE_BYTES - 12 + 52 + golden.length - 576 - lengths);
});

test("a blob cut anywhere is refused", () => {
  for (let length = 0; length < golden.length; length += 7) {
    expect(() => readBlob(golden.subarray(0, length))).toThrow(FormatError);
    expect(() => readManifest(golden.subarray(0, length))).toThrow(FormatError);
  }
});

function thrownBy(run: () => unknown): unknown {
  try {
    run();
    return null;
  } catch (error) {
    return error;
  }
}
