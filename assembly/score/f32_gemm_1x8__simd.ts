import { madd } from "../madd";

/** One record × 8 outputs: gemm.ts says what the arguments are. */
export function f32_gemm_1x8__simd(
  weights: usize,
  tileBytes: u32,
  input: usize,
  words: u32,
  start: usize,
  sums: usize,
): void {
  let y0 = v128.load(start);
  let y1 = v128.load(start, 16);
  let nextTile = weights + tileBytes;
  for (const end = input + 4 * words; input < end; input += 4) {
    const x = v128.load32_splat(input);
    y0 = madd(v128.load(weights), x, y0);
    y1 = madd(v128.load(nextTile), x, y1);
    weights += 16;
    nextTile += 16;
  }
  v128.store(sums, y0);
  v128.store(sums, y1, 16);
}
