import { at } from "./refusal.ts";

// Section 3: rows, in a blob and in a page.

export interface Row {
  w: number;
  /** D numbers. */
  v: number[];
}

const [F32, INT8, F16] = [0, 1, 2]; // and 3: int4

export function strideOf(rowType: number, dim: number): number {
  if (rowType === F32) return 4 + 4 * dim;
  if (rowType === F16) return 4 * Math.ceil((1 + dim) / 2);
  return 8 + 4 * Math.ceil(dim / (rowType === INT8 ? 4 : 8));
}

/** The row at `offset`, or null where it holds a float that is not finite. */
export function readRow(view: DataView, offset: number, rowType: number, dim: number): Row | null {
  const elements = Array.from({ length: dim }, (_, j) => j);
  const float = (position: number) => view.getFloat32(offset + position, true);
  const half = (position: number) => fromHalf(view.getUint16(offset + position, true));
  const quantized = (j: number) => {
    if (rowType === INT8) return view.getInt8(offset + 8 + j);
    const byte = view.getUint8(offset + 8 + (j >> 1));
    const nibble = j % 2 === 0 ? byte & 15 : byte >> 4;
    return nibble < 8 ? nibble : nibble - 16;
  };
  const row = (floats: number[], w: number, v: number[]) => (floats.every(Number.isFinite) ? { w, v } : null);
  if (rowType === F32 || rowType === F16) {
    const read = (i: number) => (rowType === F32 ? float(4 * i) : half(2 * i));
    const v = elements.map((j) => read(1 + j));
    return row([read(0), ...v], read(0), v);
  }
  const [scale, w] = [float(0), float(4)];
  return row(
    [scale, w],
    w,
    elements.map((j) => Math.fround(scale * quantized(j))),
  );
}

/** IEEE 754 binary16. */
function fromHalf(bits: number): number {
  const sign = bits >> 15 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = (bits & 1023) / 1024;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -14 : (1 + fraction) * 2 ** (exponent - 15));
}

/** The first fault of a list of row keys, if any. */
export function faultOfKeys(keys: bigint[]): string | undefined {
  if (keys[0] === 0n) return "key 0";
  const fault = keys.findIndex((key, i) => i > 0 && key <= at(keys, i - 1));
  return fault < 0 ? undefined : `key ${fault} does not ascend`;
}
