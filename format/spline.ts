import type { RowKeyHash } from "./row-key.ts";
import { upperBound } from "./upper-bound.ts";

/** What takes entries: a row key as two words, and a value. */
interface Entries {
  add(lo: number, hi: number, value: number): void;
}

/** The row keys of a spline's knots, two words each. The text of a knot is its number, from 0. */
export function knotKeys(count: number, rowKey: RowKeyHash): Uint32Array {
  const keys = new Uint32Array(2 * count);
  for (let knot = 0; knot < count; knot++) {
    const { lo, hi } = rowKey(String(knot), { lo: 0, hi: 0 });
    keys[2 * knot] = lo;
    keys[2 * knot + 1] = hi;
  }
  return keys;
}

/**
 * How a number becomes the entries of a linear spline: the rows of the knots on either side of it, whose values
 * interpolate between them. A number at a knot, or beyond the first or the last one, has one entry; no entry has the
 * value 0. FORMAT.md, "Numeric", defines the arithmetic. `knots`: ascending numbers that float32 holds, at least one.
 */
export function splineEncoder(knots: readonly number[], rowKey: RowKeyHash): (x: number, out: Entries) => void {
  const keys = knotKeys(knots.length, rowKey);
  const add = (knot: number, value: number, out: Entries): void =>
    out.add(keys[2 * knot] as number, keys[2 * knot + 1] as number, value);
  return (x, out) => {
    const right = upperBound(knots, x);
    const left = right - 1;
    if (right === 0) return add(0, 1, out);
    if (right === knots.length) return add(left, 1, out);
    const start = knots[left] as number;
    const weight = Math.fround((x - start) / ((knots[right] as number) - start));
    if (weight < 1) add(left, 1 - weight, out);
    if (weight > 0) add(right, weight, out);
  };
}
