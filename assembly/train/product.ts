// C = op(A) · op(B) as in gemm/index.ts, cut into parts: first the panels of a block of B are packed, then each part
// packs some rows of A and multiplies them.
import { BLOCK_M } from "../gemm/blocks";
import { gebp } from "../gemm/gebp";
import { packColumns, packRows } from "../gemm/pack";
import { COLUMNS, ROWS } from "../gemm/ppmm";
import { edge, packedA, packedB } from "./scratch";

/** Packs the panels [first, first + count) of a block of B [k, n]: `columns` columns from n0, `depth` rows from k0. */
export function packPanels(
  first: usize,
  count: usize,
  b: usize,
  stride: usize,
  n0: usize,
  columns: usize,
  k0: usize,
  depth: usize,
  transposed: bool,
): void {
  const from = n0 + first * COLUMNS;
  const lines = min(count * COLUMNS, columns - first * COLUMNS);
  const to = packedB + 4 * first * COLUMNS * depth;
  if (transposed) packRows(b + from * stride + 4 * k0, stride, lines, depth, to, COLUMNS);
  else packColumns(b + k0 * stride + 4 * from, stride, lines, depth, to, COLUMNS);
}

/** The rows [first, first + count) of C, `cStride` bytes apart, times the block of B that is packed. */
export function multiplyRows(
  first: usize,
  count: usize,
  a: usize,
  aStride: usize,
  c: usize,
  cStride: usize,
  columns: usize,
  k0: usize,
  depth: usize,
  transposed: bool,
): void {
  for (let done: usize = 0; done < count; done += BLOCK_M) {
    const m0 = first + done;
    const rows = min(BLOCK_M, count - done);
    if (transposed) packColumns(a + k0 * aStride + 4 * m0, aStride, rows, depth, packedA, ROWS);
    else packRows(a + m0 * aStride + 4 * k0, aStride, rows, depth, packedA, ROWS);
    gebp(packedA, packedB, c + m0 * cStride, cStride, rows, columns, depth, k0 > 0, edge);
  }
}

/** c [rows, n] = a [rows] times b [n], each number with each. */
export function f32_outer(a: usize, b: usize, c: usize, rows: usize, n: usize): void {
  const bytes: usize = 4 * n;
  for (let row: usize = 0; row < rows; row++, c += bytes) {
    const x = load<f32>(a + 4 * row);
    let i: usize = 0;
    if (ASC_FEATURE_SIMD)
      for (const vectors = bytes & ~15; i < vectors; i += 16)
        v128.store(c + i, f32x4.mul(f32x4.splat(x), v128.load(b + i)));
    for (; i < bytes; i += 4) store<f32>(c + i, x * load<f32>(b + i));
  }
}
