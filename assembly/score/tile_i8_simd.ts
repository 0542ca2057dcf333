// Sums of an int8 layer in plain SIMD, which has no dot product of bytes: both operands are widened to 16 bits and
// multiplied in pairs, so the sum of an output stays in two lanes until the end. gemm.ts says what the arguments are.

/**
 * 4 records (a, b, c, d) × 4 outputs (two in sum 0, two in sum 1), twice: 8 sums fit the registers, those of 8 outputs
 * would not.
 */
export function tile_i8_simd(
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

/** One record × 8 outputs: two lanes for each sum. */
export function row_i8_simd(weights: usize, tileBytes: u32, input: usize, words: u32, start: usize, sums: usize): void {
  let a0 = i32x4.splat(0);
  let a1 = i32x4.splat(0);
  let b0 = i32x4.splat(0);
  let b1 = i32x4.splat(0);
  let others = weights + tileBytes;
  for (const end = input + 4 * words; input < end; input += 4) {
    const q = i16x8.extend_low_i8x16_u(v128.load32_splat(input));
    a0 = i32x4.add(a0, i32x4.dot_i16x8_s(v128.load8x8_s(weights), q));
    a1 = i32x4.add(a1, i32x4.dot_i16x8_s(v128.load8x8_s(weights, 8), q));
    b0 = i32x4.add(b0, i32x4.dot_i16x8_s(v128.load8x8_s(others), q));
    b1 = i32x4.add(b1, i32x4.dot_i16x8_s(v128.load8x8_s(others, 8), q));
    weights += 16;
    others += 16;
  }
  v128.store(sums, i32x4.add(v128.load(start), joinPairs(a0, a1)));
  v128.store(sums, i32x4.add(v128.load(start, 16), joinPairs(b0, b1)), 16);
}

/** [a₀+a₁, a₂+a₃, b₀+b₁, b₂+b₃]: the sums of four outputs from their two lanes each. */
function joinPairs(a: v128, b: v128): v128 {
  return i32x4.add(v128.shuffle<i32>(a, b, 0, 2, 4, 6), v128.shuffle<i32>(a, b, 1, 3, 5, 7));
}
