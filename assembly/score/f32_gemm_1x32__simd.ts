import { madd } from "../madd";

/**
 * One record × 32 outputs, in eight tiles: gemm.ts says what the arguments are. With fewer sums at a time, an
 * addition would wait for the one before it of the same sum.
 */
export function f32_gemm_1x32__simd(
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
