import { TYPE_F16, TYPE_F32, TYPE_I4, TYPE_I8 } from "./constants.ts";
import { wordsOf } from "./words.ts";

// A row is a value's first-order weight w and its vector v (k numbers), padded with zeros to a multiple of 4 bytes.
//   f32   f32 w, k × f32
//   f16   f16 w, k × f16
//   int8  f32 scale, f32 w, k × int8, v = scale · q
//   int4  f32 scale, f32 w, k × int4, the first of two in a byte's low bits, v = scale · q
// Little-endian, as everything in the format.

/** The largest q of each type. The smallest q that is written is its negative, so that v and −v are rounded alike. */
const LARGEST: Record<number, number> = { [TYPE_I8]: 127, [TYPE_I4]: 7 };
/** The shares of max|v| / 7 that are tried as the scale of an int4 row. With 8 bits, clipping gains nothing. */
const SHRINKS = Array.from({ length: 17 }, (_, i) => 1 - i / 32);
const BITS: Record<number, number> = { [TYPE_F32]: 32, [TYPE_F16]: 16, [TYPE_I8]: 8, [TYPE_I4]: 4 };

/** Bytes of one row. */
export function rowStride(rowType: number, k: number): number {
  const bits = BITS[rowType] as number;
  return isInteger(rowType) ? 8 + 4 * Math.ceil((bits * k) / 32) : 4 * Math.ceil((bits * (1 + k)) / 32);
}

/**
 * Writes w and v (`values[from]`, then k numbers) at `offset`, where there are zeros. int8 rounds v to 127 steps on
 * either side of zero, int4 to 7 steps of the scale with the least squared error, f16 to the nearest number, halves to
 * even. A number beyond the range of f16, ±65504, becomes infinite, which no reader takes.
 */
export function writeRow(
  rowType: number,
  k: number,
  values: Float32Array,
  from: number,
  target: DataView,
  offset: number,
): void {
  if (!isInteger(rowType)) {
    for (let j = 0; j <= k; j++) {
      const value = values[from + j] as number;
      if (rowType === TYPE_F32) target.setFloat32(offset + 4 * j, value, true);
      else target.setUint16(offset + 2 * j, toFloat16(value), true);
    }
    return;
  }
  const v = values.subarray(from + 1, from + 1 + k);
  const scale = rowType === TYPE_I4 ? leastSquaresScale(v) : scaleOf(v, TYPE_I8, 1);
  target.setFloat32(offset, scale, true);
  target.setFloat32(offset + 4, values[from] as number, true);
  for (let j = 0; j < k; j++) {
    const q = quantize(v[j] as number, scale, rowType);
    if (rowType === TYPE_I8) target.setInt8(offset + 8 + j, q);
    else {
      const at = offset + 8 + (j >> 1);
      target.setUint8(at, j & 1 ? (target.getUint8(at) & 15) | (q << 4) : q & 15);
    }
  }
}

function isInteger(rowType: number): boolean {
  return rowType === TYPE_I8 || rowType === TYPE_I4;
}

function scaleOf(v: Float32Array, rowType: number, shrink: number): number {
  let largest = 0;
  for (const x of v) largest = Math.max(largest, Math.abs(x));
  return Math.fround((shrink * largest) / (LARGEST[rowType] as number));
}

function quantize(x: number, scale: number, rowType: number): number {
  const largest = LARGEST[rowType] as number;
  const q = scale === 0 ? 0 : Math.round(x / scale);
  return Math.max(-largest, Math.min(largest, q));
}

/**
 * The scale with the least Σ (v − scale · q)². With as few as 15 steps, a row gains by clipping its largest elements.
 */
function leastSquaresScale(v: Float32Array): number {
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  for (const shrink of SHRINKS) {
    const scale = scaleOf(v, TYPE_I4, shrink);
    let error = 0;
    for (const x of v) error += (x - scale * quantize(x, scale, TYPE_I4)) ** 2;
    if (error >= least) continue;
    least = error;
    best = scale;
  }
  return best;
}

const F32 = new Float32Array(1);
const F32_BITS = new Uint32Array(F32.buffer);

/** The bits of the binary16 number that is nearest to an f32, halves to even; those of infinity where it overflows. */
function toFloat16(x: number): number {
  F32[0] = x;
  const bits = F32_BITS[0] as number;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00; // not a number
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // 65520, half-way between the largest number and the next
  // Below 2⁻¹⁴ the step is 2⁻²⁴, and ½ plus the number is a float32 whose last bit is that step, rounded by the
  // processor.
  if (magnitude < 0x38800000) {
    F32[0] = Math.abs(x) + 0.5;
    return sign | ((F32_BITS[0] as number) - 0x3f000000);
  }
  // Drops 13 bits, rounding to even. A carry out of the fraction goes into the exponent, which is right.
  const odd = (magnitude >>> 13) & 1;
  return sign | ((magnitude - 0x38000000 + 0xfff + odd) >>> 13);
}

/** The number that the 16 bits of a binary16 stand for, exactly. */
function fromFloat16(bits: number): number {
  const exponent = (bits >>> 10) & 31;
  const fraction = bits & 0x3ff;
  const magnitude =
    exponent === 31
      ? fraction === 0
        ? Number.POSITIVE_INFINITY
        : Number.NaN
      : exponent === 0
        ? fraction * 2 ** -24
        : (1024 + fraction) * 2 ** (exponent - 25);
  return bits & 0x8000 ? -magnitude : magnitude;
}

/** The bits of a number that are all set where it is not finite. */
const F32_EXPONENT = 0x7f800000;
const F16_EXPONENT = 0x7c00;

/**
 * The position of the first row in `rows` that has a number which is not finite, or -1. Each page that a young isolate
 * reads comes through here before its code is compiled, so it looks at words, with no call for a number.
 */
export function findBrokenRow(rowType: number, k: number, rows: Uint8Array): number {
  const stride = rowStride(rowType, k) / 4;
  const count = Math.floor(rows.length / 4 / stride);
  const words = wordsOf(rows.subarray(0, 4 * stride * count));
  const floats = isInteger(rowType) ? 2 : 1 + k;
  const halves = rowType === TYPE_F16;
  for (let row = 0; row < count; row++) {
    for (let j = 0; j < floats; j++) {
      const mask = halves ? F16_EXPONENT << (16 * (j & 1)) : F32_EXPONENT;
      if (((words[row * stride + (halves ? j >> 1 : j)] as number) & mask) === mask) return row;
    }
  }
  return -1;
}

/** Reads a row back as [w, v₁ … v_k] into `values[into …]`. */
export function readRow(
  rowType: number,
  k: number,
  source: DataView,
  offset: number,
  values: Float32Array,
  into: number,
): void {
  if (!isInteger(rowType)) {
    for (let j = 0; j <= k; j++)
      values[into + j] =
        rowType === TYPE_F32
          ? source.getFloat32(offset + 4 * j, true)
          : fromFloat16(source.getUint16(offset + 2 * j, true));
    return;
  }
  const scale = source.getFloat32(offset, true);
  values[into] = source.getFloat32(offset + 4, true);
  for (let j = 0; j < k; j++) {
    const q =
      rowType === TYPE_I8
        ? source.getInt8(offset + 8 + j)
        : (source.getInt8(offset + 8 + (j >> 1)) << (j & 1 ? 24 : 28)) >> 28;
    values[into + 1 + j] = scale * q;
  }
}
