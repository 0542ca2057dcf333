import { describe, expect, it } from "vitest";
import * as c from "../../../format/constants.ts";
import { readBlob } from "../../../format/read-blob.ts";
import { writeBlob } from "../../../format/write-blob.ts";
import { BlobScorer, KERNELS, type TestKernel } from "../../../testing/kernel/harness.ts";
import { randomModel, randomRecords } from "../../../testing/kernel/random-model.ts";
import { type Approximate, DOUBT } from "./approximate.ts";
import { BATCH_SIZES, CASES } from "./cases.ts";
import { referenceLogit } from "./reference.ts";

// The error of most records is that of float32 alone, and below this. It is larger where an input of an int8 layer
// lies within its error of a half, and the reference allows a step of quantization: in about one record of a hundred,
// and in more behind an f32 layer.
const SHARP = 1e-4;

function bits(floats: Float32Array): Uint32Array {
  return new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
}

/** The largest error, as a multiple of what the reference expects. */
function worst(got: Float32Array, expected: readonly Approximate[]): number {
  return Math.max(...expected.map(({ value, error }, i) => Math.abs(got[i] - value) / error));
}

describe.each(CASES)("$name", ({ shape, int8 }) => {
  const blob = writeBlob(randomModel(shape));
  const model = readBlob(blob);
  const records = randomRecords(model, 64, 7);
  const expected = records.map((record) => referenceLogit(model, record));
  const logitsOf = (kernel: TestKernel, batch: number): Float32Array =>
    new BlobScorer(kernel, blob, model).logits(records, batch);

  it("is scored by all kernels as by the reference", () => {
    const errors = expected.map(({ error }) => error).sort((a, b) => a - b);
    expect(errors[Math.floor(0.8 * errors.length)]).toBeLessThan(SHARP);
    for (const kernel of KERNELS) {
      expect(worst(logitsOf(kernel, 64), expected), `${kernel.name}, in errors of the reference`).toBeLessThan(DOUBT);
    }
  });

  it("is scored alike, to the bit, by all kernels that do not fuse float products and sums", () => {
    const [first, ...others] = KERNELS.filter(({ variant }) => int8 || variant !== "relaxed");
    const logits = logitsOf(first as TestKernel, 64);
    for (const kernel of others) expect(bits(logitsOf(kernel, 64)), kernel.name).toEqual(bits(logits));
  });

  it("is scored alike, to the bit, in batches of every size", () => {
    for (const kernel of KERNELS.filter(({ debug }) => !debug)) {
      const scorer = new BlobScorer(kernel, blob, model);
      const logits = bits(scorer.logits(records, 64));
      for (const size of BATCH_SIZES) {
        expect(bits(scorer.logits(records, size)), `${kernel.name}, ${size} a batch`).toEqual(logits);
      }
    }
  });
});

describe("the largest sizes", () => {
  const largest = { fields: c.MAX_FIELDS, embeddingDim: c.MAX_EMBEDDING_DIM };
  const deepfm = { ...largest, hidden: [8, c.MAX_LAYER_WIDTH, 8] };
  const towers = { ...largest, hidden: [8, 9], terms: c.TERM_TOWERS };
  // 181 · 181 + 16,290 + 16,471 = 65,522 of at most 65,536 inputs.
  const products = { fields: 181, embeddingDim: 181, hidden: [9], products: c.PRODUCT_ALL };
  it.each([
    { name: "DeepFM, int8", type: c.TYPE_I8, shape: deepfm },
    // A blob of 25 MiB: no model needs more memory.
    { name: "DeepFM, f32", type: c.TYPE_F32, shape: { ...deepfm, hidden: [16, c.MAX_LAYER_WIDTH, 640] } },
    { name: "two-tower, int8", type: c.TYPE_I8, shape: towers },
    { name: "two-tower, f32", type: c.TYPE_F32, shape: towers },
    { name: "PNN*, int8", type: c.TYPE_I8, shape: products },
    { name: "PNN*, f32", type: c.TYPE_F32, shape: products },
  ])("of $name fit the memory and are scored as by the reference", ({ type, shape }) => {
    const blob = writeBlob(randomModel({ ...shape, layerTypes: [type], rowType: type }));
    const model = readBlob(blob);
    const records = randomRecords(model, 5, 1);
    const expected = records.map((record) => referenceLogit(model, record));
    for (const kernel of KERNELS) {
      const logits = new BlobScorer(kernel, blob, model).logits(records, 5);
      expect(worst(logits, expected), kernel.name).toBeLessThan(DOUBT);
    }
  });
});
