// A layer's inputs, and a float64 computation of their moments, which each step of the quantization is compared with.

import { Random } from "../../../trainer/data/random.ts";
import type { DenseMatrix } from "../../../trainer/engine/assembly/matrix-product.ts";

/** Inputs of the layer. */
export const K = 7;
export const INPUT_RECORDS = 300;
export const random = new Random(3);

/** [n, K] correlated inputs of unlike sizes; the last never varies. */
function correlated(): Float64Array[] {
  const mix = Array.from({ length: K }, () => Array.from({ length: K }, () => random.normal()));
  return Array.from({ length: INPUT_RECORDS }, () => {
    const z = Array.from({ length: K }, () => random.normal());
    return Float64Array.from(mix, (row, k) =>
      k === K - 1 ? 0.25 : 1 + 2 ** (k % 3) * row.reduce((sum, m, j) => sum + m * z[j], 0),
    );
  });
}

/** [n, K] */
export const matrixOf = (rows: readonly Float64Array[]): DenseMatrix => ({
  values: Float32Array.from(rows.flatMap((row) => [...row])),
  rows: rows.length,
  columns: K,
});
export const at = (list: ArrayLike<number>, i: number): number => list[i];
export const mean = (rows: readonly Float64Array[], k: number): number =>
  rows.reduce((sum, row) => sum + at(row, k), 0) / rows.length;
export const covariance = (a: readonly Float64Array[], i: number, b: readonly Float64Array[], j: number): number =>
  a.reduce((sum, row, r) => sum + (at(row, i) - mean(a, i)) * (at(b[r], j) - mean(b, j)), 0) / a.length;

/** What the layer was trained on. */
export const trained = correlated();
/** What it is given when served: rounded to halves. */
export const given = trained.map((row) => row.map((x) => Math.round(2 * x) / 2));
/** [3, K] */
export const weights = Float32Array.from({ length: 3 * K }, () => random.normal());
