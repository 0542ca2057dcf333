import { joinPairs } from "./join-pairs";

/** One record × 8 outputs in tiles a and b, each sum in two lanes: gemm.ts says what the arguments are. */
export function i8_gemm_1x8__simd(
  weights: usize,
  tileBytes: u32,
  input: usize,
  words: u32,
  start: usize,
  sums: usize,
): void {
  let a0 = i32x4.splat(0);
  let a1 = i32x4.splat(0);
  let b0 = i32x4.splat(0);
  let b1 = i32x4.splat(0);
  let nextTile = weights + tileBytes;
  for (const end = input + 4 * words; input < end; input += 4) {
    const q = i16x8.extend_low_i8x16_u(v128.load32_splat(input));
    a0 = i32x4.add(a0, i32x4.dot_i16x8_s(v128.load8x8_s(weights), q));
    a1 = i32x4.add(a1, i32x4.dot_i16x8_s(v128.load8x8_s(weights, 8), q));
    b0 = i32x4.add(b0, i32x4.dot_i16x8_s(v128.load8x8_s(nextTile), q));
    b1 = i32x4.add(b1, i32x4.dot_i16x8_s(v128.load8x8_s(nextTile, 8), q));
    weights += 16;
    nextTile += 16;
  }
  v128.store(sums, i32x4.add(v128.load(start), joinPairs(a0, a1)));
  v128.store(sums, i32x4.add(v128.load(start, 16), joinPairs(b0, b1)), 16);
}
