import { TYPE_F32, TYPE_I8 } from "./constants.ts";

// A row is a value's first-order weight w and its vector v (k numbers). int8: f32 scale, f32 w, k × int8 padded with
// zeros to a multiple of 4, v = scale · q. f32: f32 w, k × f32. Little-endian, as everything in the format.

/** Bytes of one row. */
export function rowStride(rowType: number, k: number): number {
  return rowType === TYPE_I8 ? 8 + Math.ceil(k / 4) * 4 : 4 + 4 * k;
}

/** Writes w and v (`values[from]`, then k numbers) at `offset`; int8 rounds v to 127 steps either side of zero. */
export function writeRow(
  rowType: number,
  k: number,
  values: Float32Array,
  from: number,
  target: DataView,
  offset: number,
): void {
  const w = values[from] as number;
  const v = from + 1;
  if (rowType === TYPE_F32) {
    for (let j = 0; j <= k; j++) target.setFloat32(offset + 4 * j, values[from + j] as number, true);
    return;
  }
  let largest = 0;
  for (let j = 0; j < k; j++) largest = Math.max(largest, Math.abs(values[v + j] as number));
  const scale = Math.fround(largest / 127);
  target.setFloat32(offset, scale, true);
  target.setFloat32(offset + 4, w, true);
  for (let j = 0; j < k; j++) {
    const q = scale === 0 ? 0 : Math.round((values[v + j] as number) / scale);
    target.setInt8(offset + 8 + j, Math.max(-127, Math.min(127, q)));
  }
}

/** The number of the first row in `rows` that has a number which is not finite, or -1. */
export function findBrokenRow(rowType: number, k: number, rows: Uint8Array): number {
  const view = new DataView(rows.buffer, rows.byteOffset, rows.byteLength);
  const stride = rowStride(rowType, k);
  const floats = rowType === TYPE_I8 ? 2 : 1 + k;
  for (let row = 0; (row + 1) * stride <= rows.length; row++) {
    for (let j = 0; j < floats; j++) if (!Number.isFinite(view.getFloat32(row * stride + 4 * j, true))) return row;
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
  if (rowType === TYPE_F32) {
    for (let j = 0; j <= k; j++) values[into + j] = source.getFloat32(offset + 4 * j, true);
    return;
  }
  const scale = source.getFloat32(offset, true);
  values[into] = source.getFloat32(offset + 4, true);
  for (let j = 0; j < k; j++) values[into + 1 + j] = scale * source.getInt8(offset + 8 + j);
}
