import { madd } from "../madd";

/** 4 records (a, b, c and d) × 8 outputs (tiles 0 and 1): gemm.ts says what the arguments are. */
export function f32_gemm_4x8__simd(
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
  let nextTile = weights + tileBytes;
  for (const end = input + 16 * words; input < end; input += 16) {
    const w0 = v128.load(weights);
    const w1 = v128.load(nextTile);
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
    nextTile += 16;
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
