import { describe, expect, test } from "vitest";
import { TYPE_F16, TYPE_F32, TYPE_I4, TYPE_I8 } from "../../format/constants.ts";
import { findBrokenRow, readRow, rowStride, writeRow } from "../../format/row.ts";
import { integer, seeded } from "../../testing/format/random.ts";

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
    // An `expect` for each of the 253,952 would take seconds.
    const wrong: { value: number; got: number; expected: number }[] = [];
    const becomes = (value: number, expected: number): void => {
      const got = bitsOf(value);
      if (got !== expected) wrong.push({ value, got, expected });
    };
    for (const sign of [0, 0x8000]) {
      for (let bits = 0; bits < 0x7c00; bits++) {
        const value = numberOf(sign | bits);
        becomes(value, sign | bits);
        // Between two neighbors: below, at and above the middle, which goes to the even one. 65536 follows 65504.
        const next = bits === 0x7bff ? (sign ? -65536 : 65536) : numberOf(sign | (bits + 1));
        const middle = (value + next) / 2;
        const toNext = (next - value) * 2 ** -13; // an f32 step of the larger ones, or more
        becomes(middle, sign | (bits + (bits & 1)));
        becomes(middle - toNext, sign | bits);
        becomes(middle + toNext, sign | (bits + 1));
      }
    }
    expect(wrong).toEqual([]);
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
