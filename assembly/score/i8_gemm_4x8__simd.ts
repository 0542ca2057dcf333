import { joinPairs } from "./join-pairs";

/**
 * 4 records × 8 outputs: gemm.ts says what the arguments are. Plain SIMD has no dot product of bytes, so both
 * operands are widened to 16 bits and multiplied in pairs, and the sum of an output stays in two lanes until the end
 * (join-pairs.ts). That makes 8 sums for 4 records (a, b, c and d) × 4 outputs (two in sum 0, two in sum 1), which
 * fit the registers. The 16 sums of 8 outputs would not, so each tile of four outputs has a pass of its own.
 */
export function i8_gemm_4x8__simd(
  weights: usize,
  tileBytes: u32,
  input: usize,
  words: u32,
  start: usize,
  startStride: u32,
  sums: usize,
): void {
  for (let tile = 0; tile < 2; tile++) {
    let a0 = i32x4.splat(0);
    let a1 = i32x4.splat(0);
    let b0 = i32x4.splat(0);
    let b1 = i32x4.splat(0);
    let c0 = i32x4.splat(0);
    let c1 = i32x4.splat(0);
    let d0 = i32x4.splat(0);
    let d1 = i32x4.splat(0);
    let w = weights;
    for (let x = input, end = input + 16 * words; x < end; x += 16) {
      const w0 = v128.load8x8_s(w);
      const w1 = v128.load8x8_s(w, 8);
      const qa = i16x8.extend_low_i8x16_u(v128.load32_splat(x));
      a0 = i32x4.add(a0, i32x4.dot_i16x8_s(w0, qa));
      a1 = i32x4.add(a1, i32x4.dot_i16x8_s(w1, qa));
      const qb = i16x8.extend_low_i8x16_u(v128.load32_splat(x, 4));
      b0 = i32x4.add(b0, i32x4.dot_i16x8_s(w0, qb));
      b1 = i32x4.add(b1, i32x4.dot_i16x8_s(w1, qb));
      const qc = i16x8.extend_low_i8x16_u(v128.load32_splat(x, 8));
      c0 = i32x4.add(c0, i32x4.dot_i16x8_s(w0, qc));
      c1 = i32x4.add(c1, i32x4.dot_i16x8_s(w1, qc));
      const qd = i16x8.extend_low_i8x16_u(v128.load32_splat(x, 12));
      d0 = i32x4.add(d0, i32x4.dot_i16x8_s(w0, qd));
      d1 = i32x4.add(d1, i32x4.dot_i16x8_s(w1, qd));
      w += 16;
    }
    v128.store(sums, i32x4.add(v128.load(start), joinPairs(a0, a1)));
    v128.store(sums, i32x4.add(v128.load(start + startStride), joinPairs(b0, b1)), 32);
    v128.store(sums, i32x4.add(v128.load(start + 2 * startStride), joinPairs(c0, c1)), 64);
    v128.store(sums, i32x4.add(v128.load(start + 3 * startStride), joinPairs(d0, d1)), 96);
    weights += tileBytes;
    start += 16;
    sums += 16;
  }
}
