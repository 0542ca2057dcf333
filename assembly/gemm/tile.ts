// The inner kernel: ROWS × COLUMNS elements of C (+)= a panel of A [depth, ROWS] times one of B [depth, COLUMNS]. V8 gives
// out 15 vector registers on x64, and a spilled accumulator halves the speed. Relaxed: 12 accumulators, 2 vectors of B
// and a splat. Plain: the product needs a register of its own, so 8 accumulators.

/** Rows of C, and width of a panel of A. */
export const ROWS: usize = ASC_FEATURE_RELAXED_SIMD ? 6 : 4;
/** Columns of C, and width of a panel of B. */
export const COLUMNS: usize = 8;

export function tile(a: usize, b: usize, depth: usize, c: usize, cStride: usize, accumulate: bool): void {
  if (ASC_FEATURE_RELAXED_SIMD) tile_relaxed(a, b, depth, c, cStride, accumulate);
  else tile_simd(a, b, depth, c, cStride, accumulate);
}

function tile_relaxed(a: usize, b: usize, depth: usize, c: usize, cStride: usize, accumulate: bool): void {
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
  const end = b + 4 * COLUMNS * depth;
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
    a += 4 * ROWS;
    b += 4 * COLUMNS;
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

function tile_simd(a: usize, b: usize, depth: usize, c: usize, cStride: usize, accumulate: bool): void {
  let c00 = f32x4.splat(0);
  let c01 = f32x4.splat(0);
  let c10 = f32x4.splat(0);
  let c11 = f32x4.splat(0);
  let c20 = f32x4.splat(0);
  let c21 = f32x4.splat(0);
  let c30 = f32x4.splat(0);
  let c31 = f32x4.splat(0);
  const end = b + 4 * COLUMNS * depth;
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
    a += 4 * ROWS;
    b += 4 * COLUMNS;
  } while (b < end);
  storeRow(c, c00, c01, accumulate);
  c += cStride;
  storeRow(c, c10, c11, accumulate);
  c += cStride;
  storeRow(c, c20, c21, accumulate);
  c += cStride;
  storeRow(c, c30, c31, accumulate);
}

function storeRow(c: usize, left: v128, right: v128, accumulate: bool): void {
  if (accumulate) {
    left = f32x4.add(left, v128.load(c, 0));
    right = f32x4.add(right, v128.load(c, 16));
  }
  v128.store(c, left, 0);
  v128.store(c, right, 16);
}
