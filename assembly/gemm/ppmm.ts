// The micro-kernel of this build, and its tile. V8 gives out 15 vector registers on x64, and a spilled accumulator
// halves the speed. The relaxed build needs 12 accumulators, two vectors of B and one element of A. Without a fused
// multiply-add every product needs a register of its own, so the plain build has 8 accumulators.
import { f32_ppmm_4x8__scalar } from "./f32_ppmm_4x8__scalar";
import { f32_ppmm_4x8__simd } from "./f32_ppmm_4x8__simd";
import { f32_ppmm_6x8__relaxed } from "./f32_ppmm_6x8__relaxed";

/** Rows of a tile of C, and the width of a panel of A. */
export const ROWS: usize = ASC_FEATURE_RELAXED_SIMD ? 6 : 4;
/** Columns of a tile of C, and the width of a panel of B. */
export const COLUMNS: usize = 8;

/**
 * "Packed-packed matrix multiplication", XNNPACK's name for a micro-kernel whose operands are both packed: C = A · B,
 * or C += A · B if `accumulate`. A panel of A is [depth, ROWS], one of B [depth, COLUMNS], depth at least 1; C is
 * [ROWS, COLUMNS] with `cStride` bytes between its rows.
 */
export function ppmm(a: usize, b: usize, depth: usize, c: usize, cStride: usize, accumulate: bool): void {
  if (ASC_FEATURE_RELAXED_SIMD) f32_ppmm_6x8__relaxed(a, b, depth, c, cStride, accumulate);
  else if (ASC_FEATURE_SIMD) f32_ppmm_4x8__simd(a, b, depth, c, cStride, accumulate);
  else f32_ppmm_4x8__scalar(a, b, depth, c, cStride, accumulate);
}
