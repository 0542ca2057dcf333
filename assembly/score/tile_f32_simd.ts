// Sums of a float32 layer. Every output is summed in order of its inputs in every variant and for every batch size; the
// relaxed build rounds product and sum together where the processor does. gemm.ts says what the arguments are.

/** 4 records (a, b, c, d) × 8 outputs (tiles 0, 1). */
export function tile_f32_simd(
  weights: usize,
  tileBytes: u32,
  input: usize,
  words: u32,
  start: usize,
  startStride: u32,
  sums: usize,
): void {
  let a0 = v128.load(start);
  let a1 = v128.load(start, 16);
  start += startStride;
  let b0 = v128.load(start);
  let b1 = v128.load(start, 16);
  start += startStride;
  let c0 = v128.load(start);
  let c1 = v128.load(start, 16);
  start += startStride;
  let d0 = v128.load(start);
  let d1 = v128.load(start, 16);
  let others = weights + tileBytes;
  for (const end = input + 16 * words; input < end; input += 16) {
    const w0 = v128.load(weights);
    const w1 = v128.load(others);
    const xa = v128.load32_splat(input);
    a0 = madd(w0, xa, a0);
    a1 = madd(w1, xa, a1);
    const xb = v128.load32_splat(input, 4);
    b0 = madd(w0, xb, b0);
    b1 = madd(w1, xb, b1);
    const xc = v128.load32_splat(input, 8);
    c0 = madd(w0, xc, c0);
    c1 = madd(w1, xc, c1);
    const xd = v128.load32_splat(input, 12);
    d0 = madd(w0, xd, d0);
    d1 = madd(w1, xd, d1);
    weights += 16;
    others += 16;
  }
  v128.store(sums, a0);
  v128.store(sums, a1, 16);
  v128.store(sums, b0, 32);
  v128.store(sums, b1, 48);
  v128.store(sums, c0, 64);
  v128.store(sums, c1, 80);
  v128.store(sums, d0, 96);
  v128.store(sums, d1, 112);
}

/** One record × 8 outputs. */
export function row_f32_simd(
  weights: usize,
  tileBytes: u32,
  input: usize,
  words: u32,
  start: usize,
  sums: usize,
): void {
  let y0 = v128.load(start);
  let y1 = v128.load(start, 16);
  let others = weights + tileBytes;
  for (const end = input + 4 * words; input < end; input += 4) {
    const x = v128.load32_splat(input);
    y0 = madd(v128.load(weights), x, y0);
    y1 = madd(v128.load(others), x, y1);
    weights += 16;
    others += 16;
  }
  v128.store(sums, y0);
  v128.store(sums, y1, 16);
}

/** One record × 32 outputs: fewer sums would each wait for its own last addition. */
export function wideRow_f32_simd(
  weights: usize,
  tileBytes: u32,
  input: usize,
  words: u32,
  start: usize,
  sums: usize,
): void {
  let y0 = v128.load(start);
  let y1 = v128.load(start, 16);
  let y2 = v128.load(start, 32);
  let y3 = v128.load(start, 48);
  let y4 = v128.load(start, 64);
  let y5 = v128.load(start, 80);
  let y6 = v128.load(start, 96);
  let y7 = v128.load(start, 112);
  for (const end = input + 4 * words; input < end; input += 4) {
    const x = v128.load32_splat(input);
    let w = weights;
    y0 = madd(v128.load(w), x, y0);
    w += tileBytes;
    y1 = madd(v128.load(w), x, y1);
    w += tileBytes;
    y2 = madd(v128.load(w), x, y2);
    w += tileBytes;
    y3 = madd(v128.load(w), x, y3);
    w += tileBytes;
    y4 = madd(v128.load(w), x, y4);
    w += tileBytes;
    y5 = madd(v128.load(w), x, y5);
    w += tileBytes;
    y6 = madd(v128.load(w), x, y6);
    y7 = madd(v128.load(w + tileBytes), x, y7);
    weights += 16;
  }
  v128.store(sums, y0);
  v128.store(sums, y1, 16);
  v128.store(sums, y2, 32);
  v128.store(sums, y3, 48);
  v128.store(sums, y4, 64);
  v128.store(sums, y5, 80);
  v128.store(sums, y6, 96);
  v128.store(sums, y7, 112);
}

/** a · b + c */
function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}
