import { describe, expect, test } from "vitest";
import { ACTIVATION_RELU, MAX_PAGES, TYPE_F16, TYPE_F32, TYPE_I4, TYPE_I8 } from "../../format/constants.ts";
import { ascending, compareKeys, findKey, pageOfKey } from "../../format/keys.ts";
import { type DenseLayer, packedBytes, packWeights, padTo, unpackWeights } from "../../format/layer.ts";
import { findBrokenRow, readRow, rowStride, writeRow } from "../../format/row.ts";
import { integer, seeded } from "../../testing/format/random.ts";

describe("keys", () => {
  const high = 0xffffffff;

  test("are ordered as unsigned 64-bit numbers", () => {
    const ordered = [
      [0, 0],
      [1, 0],
      [0x7fffffff, 0],
      [0x80000000, 0],
      [high, 0],
      [0, 1],
      [high, 0x7fffffff],
      [0, 0x80000000],
      [high, high],
    ];
    for (const [i, [aLo = 0, aHi = 0]] of ordered.entries()) {
      for (const [j, [bLo = 0, bHi = 0]] of ordered.entries()) {
        expect(Math.sign(compareKeys(aLo, aHi, bLo, bHi))).toBe(Math.sign(i - j));
      }
    }
    expect(ascending(Uint32Array.from(ordered.flat()))).toBe(true);
  });

  test("ascend only without repetition", () => {
    expect(ascending(new Uint32Array(0))).toBe(true);
    expect(ascending(Uint32Array.of(5, 5))).toBe(true);
    expect(ascending(Uint32Array.of(1, 1, 1, 1))).toBe(false);
    expect(ascending(Uint32Array.of(0, 2, 9, 1))).toBe(false);
    expect(ascending(Uint32Array.of(0, 1, 0, 2, 0, 2))).toBe(false);
  });

  test("are found at every size from 0 to 33, and what lies between them is not", () => {
    for (let count = 0; count <= 33; count++) {
      const keys = Uint32Array.from({ length: 2 * count }, (_, i) => (i % 2 === 0 ? 10 : i));
      for (let i = 0; i < count; i++) {
        expect(findKey(keys, 10, 2 * i + 1)).toBe(i);
        expect(findKey(keys, 9, 2 * i + 1)).toBe(-1);
        expect(findKey(keys, 11, 2 * i + 1)).toBe(-1);
        expect(findKey(keys, 10, 2 * i)).toBe(-1);
      }
    }
  });

  test.each([
    [0, 1, 0],
    [high, 1, 0],
    [0x7fffffff, 2, 0],
    [0x80000000, 2, 1],
    [high, 2, 1],
    [0x55555555, 3, 0],
    [0x55555556, 3, 1],
    [high, 1000, 999],
    [high, MAX_PAGES, MAX_PAGES - 1],
    [4095, MAX_PAGES, 0],
    [4096, MAX_PAGES, 1],
  ])("the high word %i is of page, of %i", (hi, pages, page) => {
    expect(pageOfKey(hi, pages)).toBe(page);
    expect(BigInt(page)).toBe((BigInt(hi) * BigInt(pages)) >> 32n);
  });
});

describe("rows", () => {
  test.each([
    [TYPE_F32, 0, 4],
    [TYPE_I8, 0, 8],
    [TYPE_F32, 1, 8],
    [TYPE_F32, 10, 44],
    [TYPE_I8, 1, 12],
    [TYPE_I8, 4, 12],
    [TYPE_I8, 5, 16],
    [TYPE_I8, 10, 20],
    [TYPE_I8, 256, 264],
    [TYPE_F16, 0, 4],
    [TYPE_F16, 1, 4],
    [TYPE_F16, 2, 8],
    [TYPE_F16, 10, 24],
    [TYPE_F16, 256, 516],
    [TYPE_I4, 0, 8],
    [TYPE_I4, 1, 12],
    [TYPE_I4, 8, 12],
    [TYPE_I4, 9, 16],
    [TYPE_I4, 10, 16],
    [TYPE_I4, 256, 136],
  ])("a row of type %i with k = %i has %i bytes", (type, k, bytes) => {
    expect(rowStride(type, k)).toBe(bytes);
  });

  /** Writes and reads one row in the midst of others; returns it with the bytes. */
  function roundTrip(type: number, values: Float32Array): { back: Float32Array; bytes: Uint8Array } {
    const k = values.length - 1;
    const stride = rowStride(type, k);
    const bytes = new Uint8Array(3 * stride).fill(0xee);
    bytes.fill(0, stride, 2 * stride);
    const view = new DataView(bytes.buffer);
    const padded = new Float32Array(values.length + 2);
    padded.set(values, 1);
    writeRow(type, k, padded, 1, view, stride);
    expect(bytes.subarray(0, stride).every((byte) => byte === 0xee)).toBe(true);
    expect(bytes.subarray(2 * stride).every((byte) => byte === 0xee)).toBe(true);
    const back = new Float32Array(values.length + 2);
    readRow(type, k, view, stride, back, 1);
    return { back: back.subarray(1, values.length + 1), bytes: bytes.subarray(stride, 2 * stride) };
  }

  test("f32 rows come back bit by bit", () => {
    const random = seeded(11);
    for (let k = 0; k <= 17; k++) {
      const values = Float32Array.from({ length: 1 + k }, () => 20 * random() - 10);
      expect(roundTrip(TYPE_F32, values).back).toEqual(values);
    }
  });

  test("int8 rows come back within half a step, w exactly", () => {
    const random = seeded(12);
    for (let round = 0; round < 500; round++) {
      const k = integer(random, 1, 33);
      const size = 10 ** integer(random, -8, 8);
      const values = Float32Array.from({ length: 1 + k }, () => size * (2 * random() - 1));
      const { back, bytes } = roundTrip(TYPE_I8, values);
      const largest = Math.max(...values.subarray(1).map(Math.abs));
      expect(back[0]).toBe(values[0]);
      // Half a step, the rounding to f32 of the scale (times up to 127), and that of the product.
      const bound = largest / 254 + largest * 2 ** -22;
      for (let j = 1; j <= k; j++) expect(Math.abs((back[j] ?? 0) - (values[j] ?? 0))).toBeLessThanOrEqual(bound);
      expect(bytes.subarray(8 + k).every((byte) => byte === 0)).toBe(true);
      expect(new Int8Array(bytes.slice(8).buffer).every((q) => q >= -127)).toBe(true);
    }
  });

  test("the largest value of an int8 row is 127 steps", () => {
    const { bytes } = roundTrip(TYPE_I8, Float32Array.of(0, -3, 1.5, 0));
    expect(Array.from(new Int8Array(bytes.slice(8).buffer))).toEqual([-127, 64, 0, 0]);
  });

  test("an int8 or int4 row of zeros, or of numbers too small for a scale, is zeros", () => {
    for (const type of [TYPE_I8, TYPE_I4]) {
      for (const v of [0, 1e-45]) {
        const { back, bytes } = roundTrip(type, Float32Array.of(0.5, v, 0));
        expect(back).toEqual(Float32Array.of(0.5, 0, 0));
        expect(bytes.filter((byte) => byte !== 0)).toHaveLength(1);
      }
    }
  });

  test("every binary16 number comes back bit by bit, and is the nearest of all to what lies around it", () => {
    const numberOf = (bits: number): number => {
      const row = new DataView(new ArrayBuffer(4));
      row.setUint16(0, bits, true);
      const back = new Float32Array(2);
      readRow(TYPE_F16, 1, row, 0, back, 0);
      return back[0];
    };
    const bitsOf = (value: number): number => {
      const row = new DataView(new ArrayBuffer(4));
      writeRow(TYPE_F16, 0, Float32Array.of(value), 0, row, 0);
      return row.getUint16(0, true);
    };
    expect([0x0001, 0x03ff, 0x0400, 0x3c00, 0x7bff].map(numberOf)).toEqual([
      2 ** -24,
      1023 * 2 ** -24,
      2 ** -14,
      1,
      65504,
    ]);
    for (const sign of [0, 0x8000]) {
      for (let bits = 0; bits < 0x7c00; bits++) {
        const value = numberOf(sign | bits);
        expect(bitsOf(value)).toBe(sign | bits);
        // Between two neighbors: below, at and above the middle, which goes to the even one. 65536 follows 65504.
        const next = bits === 0x7bff ? (sign ? -65536 : 65536) : numberOf(sign | (bits + 1));
        const middle = (value + next) / 2;
        const toNext = (next - value) * 2 ** -13; // an f32 step of the larger ones, or more
        expect(bitsOf(middle)).toBe(sign | (bits + (bits & 1)));
        expect(bitsOf(middle - toNext)).toBe(sign | bits);
        expect(bitsOf(middle + toNext)).toBe(sign | (bits + 1));
      }
    }
    expect([Number.POSITIVE_INFINITY, -1e6, 3e38].map(bitsOf)).toEqual([0x7c00, 0xfc00, 0x7c00]);
    expect(bitsOf(Number.NaN) & 0x7fff).toBeGreaterThan(0x7c00);
  });

  test("f16 rows come back within half a step: 2⁻¹¹ of a normal number, 2⁻²⁵ of a smaller one", () => {
    const random = seeded(13);
    for (let k = 0; k <= 17; k++) {
      const values = Float32Array.from({ length: 1 + k }, () => (2 * random() - 1) * 10 ** integer(random, -8, 4));
      const { back, bytes } = roundTrip(TYPE_F16, values);
      back.forEach((v, j) => {
        const x = values[j];
        expect(Math.abs(v - x)).toBeLessThanOrEqual(Math.max(2 ** -11 * Math.abs(x), 2 ** -25));
      });
      expect(bytes.subarray(2 + 2 * k).every((byte) => byte === 0)).toBe(true);
    }
  });

  test("int4 rows have the scale of least squared error, w exactly, and lose no more than by the largest", () => {
    const random = seeded(14);
    for (let round = 0; round < 300; round++) {
      const k = integer(random, 1, 33);
      const size = 10 ** integer(random, -8, 8);
      const values = Float32Array.from({ length: 1 + k }, () => size * (2 * random() - 1));
      const { back, bytes } = roundTrip(TYPE_I4, values);
      expect(back[0]).toBe(values[0]);
      const scale = new DataView(bytes.slice().buffer).getFloat32(0, true);
      const v = values.subarray(1);
      const largest = Math.max(...v.map(Math.abs)) / 7;
      const errorOf = (s: number): number =>
        v.reduce((sum, x) => sum + (x - s * Math.max(-7, Math.min(7, Math.round(x / s)))) ** 2, 0);
      const own = v.reduce((sum, x, j) => sum + (x - back[j + 1]) ** 2, 0);
      expect(own).toBeCloseTo(errorOf(scale), 5 - 2 * Math.ceil(Math.log10(size)));
      for (let i = 0; i <= 16; i++) expect(own).toBeLessThanOrEqual(errorOf(largest * (1 - i / 32)) * (1 + 1e-4));
      expect(bytes.subarray(8 + Math.ceil(k / 2)).every((byte) => byte === 0)).toBe(true);
    }
  });

  test("the first element of an int4 row is in the low bits, and −8 is read", () => {
    const { bytes } = roundTrip(TYPE_I4, Float32Array.of(0.5, 7, -7, 3));
    expect(Array.from(bytes)).toEqual([0, 0, 0x80, 0x3f, 0, 0, 0, 0x3f, 0x97, 0x03, 0, 0]);
    const row = new DataView(bytes.slice().buffer);
    row.setUint8(8, 0x78);
    const back = new Float32Array(4);
    readRow(TYPE_I4, 3, row, 0, back, 0);
    expect(Array.from(back)).toEqual([0.5, -8, 7, 3]);
  });

  test("the first row with a number that is not finite is found", () => {
    for (const type of [TYPE_F32, TYPE_I8, TYPE_F16, TYPE_I4]) {
      const stride = rowStride(type, 3);
      const bytes = new Uint8Array(3 * stride);
      expect(findBrokenRow(type, 3, bytes)).toBe(-1);
      new DataView(bytes.buffer).setFloat32(stride + 4, Number.NaN, true);
      expect(findBrokenRow(type, 3, bytes)).toBe(1);
    }
    // The last number of an f16 row, before its padding.
    const half = new Uint8Array(8);
    new DataView(half.buffer).setUint16(4, 0xfc00, true);
    expect([findBrokenRow(TYPE_F16, 2, half), findBrokenRow(TYPE_F16, 1, half.subarray(0, 4))]).toEqual([0, -1]);
    // The quantized values of an int8 row are no floats: four bytes of all bits set are −1 four times, not NaN.
    expect(findBrokenRow(TYPE_I8, 4, new Uint8Array(12).fill(0xff, 8))).toBe(-1);
  });
});

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
