import { describe, expect, it } from "vitest";
import type { ModelBlob } from "../../../format/blob.ts";
import { ACTIVATION_SIGMOID, ACTIVATION_TANH, TERM_MLP, TYPE_F32 } from "../../../format/constants.ts";
import { rowStride, writeRow } from "../../../format/row.ts";
import { writeBlob } from "../../../format/write-blob.ts";
import { seeded } from "../../../testing/format/random.ts";
import { BlobScorer, KERNELS } from "../../../testing/kernel/harness.ts";
import { randomModel } from "../../../testing/kernel/random-model.ts";

// The activations are tested by a model whose logit is exactly activation(x) of a record's value x.

/** One field with an embedding of one number, 1; a layer of weight 1; an output unit of weight 1. */
function curveModel(activation: number): ModelBlob {
  const model = randomModel({ fields: 1, embeddingDim: 1, hidden: [1], layerTypes: [TYPE_F32], hotRows: 0 });
  const rows = new Uint8Array(rowStride(TYPE_F32, 1));
  writeRow(TYPE_F32, 1, Float32Array.of(0, 1), 0, new DataView(rows.buffer), 0);
  const one = Float32Array.of(1);
  return {
    ...model,
    ...{ rowType: TYPE_F32, rows, terms: TERM_MLP, fmDim: 0, bias: 0, outputWeights: one },
    layers: model.layers.map((layer) => ({ ...layer, weights: one, biases: Float32Array.of(0), activation })),
  };
}

/** Numbers of every size and sign, most of them where the curves bend, and the numbers at which the code branches. */
function numbers(): number[] {
  const random = seeded(3);
  const signed = (size: number): number => Math.fround((2 * random() - 1) * size);
  const spread = Array.from({ length: 3000 }, () => signed(2 ** Math.floor(260 * random() - 134)));
  const bend = [0.7, 2, 10, 20, 100].flatMap((size) => Array.from({ length: 3000 }, () => signed(size)));
  const edges = [0, 2 ** -149, 2 ** -126, 0.625, 0.62499994, 9, 9.1, 87.3, 88, 88.8, 104, 3.4028234663852886e38];
  return [...spread, ...bend, ...edges.flatMap((x) => [Math.fround(x), -Math.fround(x)])];
}

/** The unit in the last place: the distance of neighboring float32 numbers at y. */
function ulp(y: number): number {
  return 2 ** (Math.max(-126, Math.floor(Math.log2(Math.abs(y)))) - 23);
}

describe.each([
  { name: "tanh", activation: ACTIVATION_TANH, exact: Math.tanh, bound: 2, lowest: Number.NEGATIVE_INFINITY },
  // Below −87, e^x is close to the smallest normal number or smaller.
  {
    name: "sigmoid",
    activation: ACTIVATION_SIGMOID,
    exact: (x: number) => 1 / (1 + Math.exp(-x)),
    bound: 3,
    lowest: -87,
  },
])("$name", ({ activation, exact, bound, lowest }) => {
  const model = curveModel(activation);
  const blob = writeBlob(model);
  const xs = numbers();
  const records = xs.map((value) => [[{ row: 0, value }]]);
  const results = KERNELS.map((kernel) => new BlobScorer(kernel, blob, model).logits(records, 64));

  it(`is within ${bound} ULP in every kernel, and finite everywhere`, () => {
    KERNELS.forEach(({ name }, i) => {
      const ys = results[i];
      expect(ys.every(Number.isFinite), name).toBe(true);
      const errors = xs.map((x, n) => Math.abs(ys[n] - exact(x)));
      expect(Math.max(...errors.filter((_, n) => xs[n] < lowest)), name).toBeLessThanOrEqual(2 ** -125);
      const ulps = errors.map((error, n) => (xs[n] < lowest ? 0 : error / ulp(exact(xs[n]))));
      expect(Math.max(...ulps), name).toBeLessThanOrEqual(bound);
      // No implementation rounds every result correctly: a maximum of half a unit would mean that the measure is wrong.
      expect(Math.max(...ulps), name).toBeGreaterThan(0.5);
    });
  });

  it("has the same bits in all kernels", () => {
    const bits = results.map((floats) => new Uint32Array(floats.buffer));
    KERNELS.forEach(({ name }, i) => {
      expect(bits[i], name).toEqual(bits[0]);
    });
  });
});
