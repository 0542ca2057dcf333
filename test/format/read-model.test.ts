import { describe, expect, test } from "vitest";
import { fieldSides } from "../../format/blob.ts";
import * as c from "../../format/constants.ts";
import { readBlob } from "../../format/read-blob.ts";
import { writeBlob } from "../../format/write-blob.ts";
import { inSection } from "../../testing/format/edit-blob.ts";
import { randomModel } from "../../testing/kernel/random-model.ts";
import { f32, head, refuses, resized, tiny } from "./refuse-blob.ts";

// One test for each check of read-model.ts. Each has a blob that is wrong in one place and right everywhere else.

const M = "blob: section MODEL:";

describe("section MODEL", () => {
  refuses([
    ["no head", resized(c.SECTION_MODEL, 127), `${M} got 127 bytes, expected at least 128`],
    ["another number of fields than SPEC's", head(c.MODEL_FIELDS, 3), `${M} got fields 3, expected 2`],
    [
      "an embedding dimension of 0",
      head(c.MODEL_EMBEDDING_DIM, 0),
      `${M} got embedding dimension 0, expected 1 to 256`,
    ],
    [
      "an embedding dimension of 257",
      head(c.MODEL_EMBEDDING_DIM, 257),
      `${M} got embedding dimension 257, expected 1 to 256`,
    ],
    ["an unknown row type", head(c.MODEL_ROW_TYPE, 4), `${M} got row type 4, expected 0 to 3`],
    ["fewer rows than fields", head(c.MODEL_ROW_COUNT, 1), `${M} got rows 1, expected 2 to 2147483648`],
    ["more rows than 2³¹", head(c.MODEL_ROW_COUNT, 2 ** 31 + 1), `${M} got rows 2147483649, expected 2 to 2147483648`],
    ["no bucket bits", head(c.MODEL_BUCKET_BITS, 0), `${M} got bucket bits 0, expected 1 to 24`],
    ["25 bucket bits", head(c.MODEL_BUCKET_BITS, 25), `${M} got bucket bits 25, expected 1 to 24`],
    ["too many pages", head(c.MODEL_PAGE_COUNT, 1048577), `${M} got pages 1048577, expected 0 to 1048576`],
    ["no terms", head(c.MODEL_TERMS, 0), `${M} got terms 0, expected 1 to 15`],
    ["an unknown term", head(c.MODEL_TERMS, 16), `${M} got terms 16, expected 1 to 15`],
    [
      "towers beside an MLP",
      head(c.MODEL_TERMS, c.TERM_MLP | c.TERM_TOWERS),
      `${M} got terms 12, expected towers (8) with neither FM (2) nor MLP (4)`,
    ],
    [
      "towers beside FM",
      head(c.MODEL_TERMS, c.TERM_FM | c.TERM_TOWERS),
      `${M} got terms 10, expected towers (8) with neither FM (2) nor MLP (4)`,
    ],
    ["a bias that is NaN", f32(2, c.MODEL_BIAS, Number.NaN), `${M} got bias NaN, expected a finite number`],
    ["an FM without dimensions", head(c.MODEL_FM_DIM, 0), `${M} got FM dimension 0, expected 1 to 2`],
    ["an FM of more dimensions than rows have", head(c.MODEL_FM_DIM, 3), `${M} got FM dimension 3, expected 1 to 2`],
    [
      "dimensions of an FM that it has not",
      head(c.MODEL_TERMS, c.TERM_LINEAR | c.TERM_MLP),
      `${M} got FM dimension 2, expected 0`,
    ],
    [
      "an MLP that starts at the end of the rows",
      head(c.MODEL_MLP_FROM, 2),
      `${M} got start of the MLP embedding 2, expected 0 to 1`,
    ],
    ["unknown products", head(c.MODEL_PRODUCTS, 4), `${M} got products 4, expected 0 to 3`],
    [
      "an inner scale that is NaN",
      f32(c.SECTION_MODEL, c.MODEL_INNER_SCALE, Number.NaN),
      `${M} got inner scale NaN, expected a finite number`,
    ],
    [
      "an inner scale without inner products",
      f32(c.SECTION_MODEL, c.MODEL_INNER_SCALE, 2),
      `${M} got inner scale 2, expected 1`,
    ],
    [
      "an outer scale that is infinite",
      f32(c.SECTION_MODEL, c.MODEL_OUTER_SCALE, Number.POSITIVE_INFINITY),
      `${M} got outer scale Infinity, expected a finite number`,
    ],
    [
      "an outer scale without outer products",
      f32(c.SECTION_MODEL, c.MODEL_OUTER_SCALE, 0),
      `${M} got outer scale 0, expected 1`,
    ],
    ["an MLP without layers", head(c.MODEL_LAYER_COUNT, 0), `${M} got layers 0, expected 1 to 16`],
    ["17 layers", head(c.MODEL_LAYER_COUNT, 17), `${M} got layers 17, expected 1 to 16`],
    ["layers without an MLP", head(c.MODEL_TERMS, 3), `${M} got layers 2, expected 0`],
    [
      "an MLP without inputs of the output",
      head(c.MODEL_OUTPUT_WIDTH, 0),
      `${M} got output width 0, expected 1 to 8192`,
    ],
    [
      "inputs of the output without an MLP",
      () =>
        inSection(tiny, c.SECTION_MODEL, (view) => {
          view.setUint32(c.MODEL_TERMS, 3, true);
          view.setUint32(c.MODEL_LAYER_COUNT, 0, true);
        }),
      `${M} got output width 2, expected 0`,
    ],
    ["one layer entry too few", resized(c.SECTION_MODEL, 194), `${M} got 194 bytes, expected 258`],
    ["a byte after the last side", resized(c.SECTION_MODEL, 259), `${M} got 259 bytes, expected 258`],
    [
      "layers of a context tower that it has not",
      head(c.MODEL_CONTEXT_LAYERS, 1),
      `${M} got layers of the context tower 1, expected 0`,
    ],
    [
      "layers of an item tower that it has not",
      head(c.MODEL_ITEM_LAYERS, 1),
      `${M} got layers of the item tower 1, expected 0`,
    ],
    [
      "a side that is not SPEC's",
      () => inSection(tiny, c.SECTION_MODEL, (view) => view.setUint8(257, c.SIDE_CONTEXT)),
      `${M} got side 0 of field 1, expected 1 as in SPEC`,
    ],
    [
      "an unknown side",
      () => inSection(tiny, c.SECTION_MODEL, (view) => view.setUint8(256, 2)),
      `${M} got side 2 of field 0, expected 0 as in SPEC`,
    ],
  ]);
});

describe("section MODEL with products", () => {
  // d = 4: 12 embeddings, 3 inner and 10 outer products.
  const shape = { fields: 3, embeddingDim: 5, hidden: [9], mlpFrom: 1 };
  const blob = writeBlob(randomModel({ ...shape, products: c.PRODUCT_ALL }));
  const largest = writeBlob(
    randomModel({ fields: c.MAX_FIELDS, embeddingDim: c.MAX_EMBEDDING_DIM, hidden: [1], hotRows: 0 }),
  );
  refuses([
    [
      "where there is no MLP",
      changed(blob, [c.MODEL_TERMS, c.TERM_LINEAR | c.TERM_FM], [c.MODEL_MLP_FROM, 0]),
      `${M} got products 3, expected 0`,
    ],
    [
      "and no place in the first layer for the outer ones",
      changed(blob, [c.MODEL_HEAD_BYTES + c.LAYER_INPUTS, 15]),
      `${M} got layer 0 inputs 15, expected 25`,
    ],
    [
      "and no place in the first layer for any",
      changed(blob, [c.MODEL_HEAD_BYTES + c.LAYER_INPUTS, 12]),
      `${M} got layer 0 inputs 12, expected 25`,
    ],
    [
      "beyond the limit of inputs",
      changed(largest, [c.MODEL_PRODUCTS, c.PRODUCT_INNER]),
      `${M} got 98176 layer inputs, expected at most 65536`,
    ],
  ]);
});

describe("section MODEL with towers", () => {
  // Fields 1 of the context, 5 → 9 → 5; fields 0 and 2 of the item, 10 → 5.
  const blob = writeBlob(
    randomModel({ fields: 3, embeddingDim: 5, hidden: [9], terms: c.TERM_LINEAR | c.TERM_TOWERS }),
  );
  const entry = (i: number, offset: number): number => c.MODEL_HEAD_BYTES + i * c.LAYER_ENTRY_BYTES + offset;
  refuses([
    ["and no vectors", changed(blob, [c.MODEL_EMBEDDING_DIM, 0]), `${M} got embedding dimension 0, expected 1 to 256`],
    [
      "that start within the rows",
      changed(blob, [c.MODEL_MLP_FROM, 1]),
      `${M} got start of the MLP embedding 1, expected 0`,
    ],
    ["that take products", changed(blob, [c.MODEL_PRODUCTS, 1]), `${M} got products 1, expected 0`],
    ["and one layer", changed(blob, [c.MODEL_LAYER_COUNT, 1]), `${M} got layers 1, expected 2 to 34`],
    ["and 35 layers", changed(blob, [c.MODEL_LAYER_COUNT, 35]), `${M} got layers 35, expected 2 to 34`],
    [
      "of which the context's has no layer",
      changed(blob, [c.MODEL_CONTEXT_LAYERS, 0]),
      `${M} got layers of the context tower 0, expected 1 to 17`,
    ],
    [
      "of which the context's has 18 layers",
      changed(blob, [c.MODEL_CONTEXT_LAYERS, 18]),
      `${M} got layers of the context tower 18, expected 1 to 17`,
    ],
    [
      "of which the item's has no layer",
      changed(blob, [c.MODEL_ITEM_LAYERS, 0]),
      `${M} got layers of the item tower 0, expected 1 to 17`,
    ],
    [
      "of which the item's has 18 layers",
      changed(blob, [c.MODEL_ITEM_LAYERS, 18]),
      `${M} got layers of the item tower 18, expected 1 to 17`,
    ],
    [
      "of another number of layers than there are",
      changed(blob, [c.MODEL_ITEM_LAYERS, 2]),
      `${M} got 2 + 2 layers of the towers, expected 3 together`,
    ],
    ["and an output unit", changed(blob, [c.MODEL_OUTPUT_WIDTH, 5]), `${M} got output width 5, expected 0`],
    [
      "of which the context's takes the item's fields",
      changed(blob, [entry(0, c.LAYER_INPUTS), 10]),
      `${M} got layer 0 inputs 10, expected 5`,
    ],
    [
      "of which the item's takes the context's output",
      changed(blob, [entry(2, c.LAYER_INPUTS), 5]),
      `${M} got layer 2 inputs 5, expected 10`,
    ],
    [
      "with a hidden layer without activation",
      changed(blob, [entry(0, c.LAYER_ACTIVATION), c.ACTIVATION_NONE]),
      `${M} got layer 0 activation 0, expected 1 to 3`,
    ],
    [
      "of which the context's ends in an activation",
      changed(blob, [entry(1, c.LAYER_ACTIVATION), c.ACTIVATION_RELU]),
      `${M} got layer 1 activation 1, expected 0`,
    ],
    [
      "of which the item's ends in an activation",
      changed(blob, [entry(2, c.LAYER_ACTIVATION), c.ACTIVATION_SIGMOID]),
      `${M} got layer 2 activation 3, expected 0`,
    ],
    [
      "of which the context's gives no vector of D",
      changed(blob, [entry(1, c.LAYER_OUTPUTS), 4]),
      `${M} got layer 1 outputs 4, expected 5`,
    ],
    [
      "of which the item's gives no vector of D",
      changed(blob, [entry(2, c.LAYER_OUTPUTS), 6]),
      `${M} got layer 2 outputs 6, expected 5`,
    ],
  ]);

  test.each([
    ["context", 0],
    ["item", 1],
  ] as const)("and all fields of side %s are not written", (side, number) => {
    const model = readBlob(blob);
    const spec = { ...model.spec, fields: model.spec.fields.map((field) => ({ ...field, side })) };
    expect(() => writeBlob({ ...model, spec, sides: fieldSides(spec) })).toThrow(
      `${M} got towers with all fields on side ${number}, expected both sides`,
    );
  });
});

/** A blob whose section MODEL has other u32s at some offsets. */
function changed(blob: Uint8Array, ...words: [offset: number, value: number][]) {
  return (): Uint8Array =>
    inSection(blob, c.SECTION_MODEL, (view) => {
      for (const [offset, value] of words) view.setUint32(offset, value, true);
    });
}
