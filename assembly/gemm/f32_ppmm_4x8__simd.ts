import { storeRow } from "./store-row";

/** 4 rows of C × 8 columns: ppmm.ts says what the arguments are. */
export function f32_ppmm_4x8__simd(a: usize, b: usize, depth: usize, c: usize, cStride: usize, accumulate: bool): void {
  let c00 = f32x4.splat(0);
  let c01 = f32x4.splat(0);
  let c10 = f32x4.splat(0);
  let c11 = f32x4.splat(0);
  let c20 = f32x4.splat(0);
  let c21 = f32x4.splat(0);
  let c30 = f32x4.splat(0);
  let c31 = f32x4.splat(0);
  const end = b + 4 * 8 * depth;
  do {
    const b0 = v128.load(b, 0);
    const b1 = v128.load(b, 16);
    let x = v128.load32_splat(a, 0);
    c00 = f32x4.add(c00, f32x4.mul(x, b0));
    c01 = f32x4.add(c01, f32x4.mul(x, b1));
    x = v128.load32_splat(a, 4);
    c10 = f32x4.add(c10, f32x4.mul(x, b0));
    c11 = f32x4.add(c11, f32x4.mul(x, b1));
    x = v128.load32_splat(a, 8);
    c20 = f32x4.add(c20, f32x4.mul(x, b0));
    c21 = f32x4.add(c21, f32x4.mul(x, b1));
    x = v128.load32_splat(a, 12);
    c30 = f32x4.add(c30, f32x4.mul(x, b0));
    c31 = f32x4.add(c31, f32x4.mul(x, b1));
    a += 4 * 4;
    b += 4 * 8;
  } while (b < end);
  storeRow(c, c00, c01, accumulate);
  c += cStride;
  storeRow(c, c10, c11, accumulate);
  c += cStride;
  storeRow(c, c20, c21, accumulate);
  c += cStride;
  storeRow(c, c30, c31, accumulate);
}
