import { storeRow } from "./store-row";

/** 6 rows of C × 8 columns: ppmm.ts says what the arguments are. */
export function f32_ppmm_6x8__relaxed(
  a: usize,
  b: usize,
  depth: usize,
  c: usize,
  cStride: usize,
  accumulate: bool,
): void {
  let c00 = f32x4.splat(0);
  let c01 = f32x4.splat(0);
  let c10 = f32x4.splat(0);
  let c11 = f32x4.splat(0);
  let c20 = f32x4.splat(0);
  let c21 = f32x4.splat(0);
  let c30 = f32x4.splat(0);
  let c31 = f32x4.splat(0);
  let c40 = f32x4.splat(0);
  let c41 = f32x4.splat(0);
  let c50 = f32x4.splat(0);
  let c51 = f32x4.splat(0);
  const end = b + 4 * 8 * depth;
  do {
    const b0 = v128.load(b, 0);
    const b1 = v128.load(b, 16);
    let x = v128.load32_splat(a, 0);
    c00 = f32x4.relaxed_madd(x, b0, c00);
    c01 = f32x4.relaxed_madd(x, b1, c01);
    x = v128.load32_splat(a, 4);
    c10 = f32x4.relaxed_madd(x, b0, c10);
    c11 = f32x4.relaxed_madd(x, b1, c11);
    x = v128.load32_splat(a, 8);
    c20 = f32x4.relaxed_madd(x, b0, c20);
    c21 = f32x4.relaxed_madd(x, b1, c21);
    x = v128.load32_splat(a, 12);
    c30 = f32x4.relaxed_madd(x, b0, c30);
    c31 = f32x4.relaxed_madd(x, b1, c31);
    x = v128.load32_splat(a, 16);
    c40 = f32x4.relaxed_madd(x, b0, c40);
    c41 = f32x4.relaxed_madd(x, b1, c41);
    x = v128.load32_splat(a, 20);
    c50 = f32x4.relaxed_madd(x, b0, c50);
    c51 = f32x4.relaxed_madd(x, b1, c51);
    a += 4 * 6;
    b += 4 * 8;
  } while (b < end);
  storeRow(c, c00, c01, accumulate);
  c += cStride;
  storeRow(c, c10, c11, accumulate);
  c += cStride;
  storeRow(c, c20, c21, accumulate);
  c += cStride;
  storeRow(c, c30, c31, accumulate);
  c += cStride;
  storeRow(c, c40, c41, accumulate);
  c += cStride;
  storeRow(c, c50, c51, accumulate);
}
