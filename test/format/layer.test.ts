import { describe, expect, test } from "vitest";
import { ACTIVATION_RELU, TYPE_F32, TYPE_I8 } from "../../format/constants.ts";
import { type DenseLayer, packedBytes, packWeights, padTo, unpackWeights } from "../../format/layer.ts";
import { integer, seeded } from "../../testing/format/random.ts";

describe("packed weights", () => {
  function layerOf(weights: Int8Array | Float32Array, inputs: number, outputs: number): DenseLayer {
    const scales = new Float32Array(0);
    const quantization = { scales, inputInverseScale: 0, inputZero: 0 };
    return { inputs, outputs, weights, biases: scales, activation: ACTIVATION_RELU, ...quantization };
  }

  test.each([
    [0, 0],
    [1, 8],
    [7, 8],
    [8, 8],
    [9, 16],
  ])("%i is padded to %i", (n, padded) => {
    expect(padTo(n, 8)).toBe(padded);
  });

  test("int8: tiles of four outputs by four inputs, as FORMAT.md draws them", () => {
    // Weight (n, k) is 10n + k + 1; N = 5 → 8, K = 6 → 8.
    const weights = Int8Array.from({ length: 30 }, (_, i) => 10 * Math.floor(i / 6) + (i % 6) + 1);
    const packed = new Int8Array(packedBytes(TYPE_I8, 6, 5));
    packWeights(layerOf(weights, 6, 5), packed);
    const first = [1, 2, 3, 4, 11, 12, 13, 14, 21, 22, 23, 24, 31, 32, 33, 34];
    const second = [5, 6, 0, 0, 15, 16, 0, 0, 25, 26, 0, 0, 35, 36, 0, 0];
    const third = [41, 42, 43, 44, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    const fourth = [45, 46, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    expect(Array.from(packed)).toEqual([...first, ...second, ...third, ...fourth]);
  });

  test("f32: columns of four outputs, as FORMAT.md draws them", () => {
    const weights = Float32Array.from({ length: 10 }, (_, i) => 10 * Math.floor(i / 2) + (i % 2) + 1);
    const packed = new Float32Array(packedBytes(TYPE_F32, 2, 5) / 4);
    packWeights(layerOf(weights, 2, 5), packed);
    const first = [1, 11, 21, 31, 2, 12, 22, 32, ...new Array(24).fill(0)];
    expect(Array.from(packed)).toEqual([...first, 41, 0, 0, 0, 42, ...new Array(27).fill(0)]);
  });

  test("unpacking undoes packing below, at, above and at multiples of the tile, and the rest is zeros", () => {
    const random = seeded(13);
    for (const inputs of [1, 3, 4, 5, 8, 9, 16, 33]) {
      for (const outputs of [1, 3, 4, 5, 7, 8, 9, 16, 17]) {
        const int8 = Int8Array.from({ length: inputs * outputs }, () => integer(random, 1, 127));
        const packed8 = new Int8Array(packedBytes(TYPE_I8, inputs, outputs));
        packWeights(layerOf(int8, inputs, outputs), packed8);
        expect(unpackWeights(packed8, inputs, outputs, new Int8Array(int8.length))).toEqual(int8);
        expect(packed8.filter((weight) => weight !== 0)).toHaveLength(int8.length);

        const floats = Float32Array.from(int8);
        const packed32 = new Float32Array(packedBytes(TYPE_F32, inputs, outputs) / 4);
        packWeights(layerOf(floats, inputs, outputs), packed32);
        expect(unpackWeights(packed32, inputs, outputs, new Float32Array(floats.length))).toEqual(floats);
        expect(packed32.filter((weight) => weight !== 0)).toHaveLength(floats.length);
      }
    }
  });
});
