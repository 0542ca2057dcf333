import { at } from "./refusal.ts";

// Section 3: rows, in a blob and in a page.

export interface Row {
  w: number;
  /** D numbers. */
  v: number[];
}

/** Row type 0: f32, 1: int8. */
export function strideOf(rowType: number, dim: number): number {
  return rowType === 0 ? 4 + 4 * dim : 8 + 4 * Math.ceil(dim / 4);
}

/** The row at `offset`, or null where it holds a float that is not finite. */
export function readRow(view: DataView, offset: number, rowType: number, dim: number): Row | null {
  const elements = Array.from({ length: dim }, (_, j) => j);
  const float = (position: number) => view.getFloat32(offset + position, true);
  const scale = rowType === 0 ? 1 : float(0);
  const w = rowType === 0 ? float(0) : float(4);
  const v = elements.map((j) => (rowType === 0 ? float(4 + 4 * j) : Math.fround(scale * view.getInt8(offset + 8 + j))));
  return [scale, w, ...v].every(Number.isFinite) ? { w, v } : null;
}

/** The first fault of a list of row keys, if any. */
export function faultOfKeys(keys: bigint[]): string | undefined {
  if (keys[0] === 0n) return "key 0";
  const fault = keys.findIndex((key, i) => i > 0 && key <= at(keys, i - 1));
  return fault < 0 ? undefined : `key ${fault} does not ascend`;
}
