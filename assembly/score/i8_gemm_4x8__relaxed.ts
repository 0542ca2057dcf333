// biome-ignore lint/style/useImportType: AssemblyScript has no "import type".
import { dotsInPairs, InPairs, i8_dot8__relaxed, Whole } from "./i8_dot8__relaxed";

/** 4 records × 8 outputs: gemm.ts says what the arguments are. */
export function i8_gemm_4x8__relaxed(
  weights: usize,
  tileBytes: u32,
  input: usize,
  words: u32,
  start: usize,
  startStride: u32,
  sums: usize,
): void {
  if (dotsInPairs) tile<InPairs>(weights, tileBytes, input, words, start, startStride, sums);
  else tile<Whole>(weights, tileBytes, input, words, start, startStride, sums);
}

/**
 * Records a, b, c and d, tiles of outputs 0 and 1; w and q are weights and inputs of the first word of two, v and p
 * those of the second. Both words of a record meet both tiles before the next record's.
 */
function tile<Form>(
  weights: usize,
  tileBytes: u32,
  input: usize,
  words: u32,
  start: usize,
  startStride: u32,
  sums: usize,
): void {
  const ones = i16x8.splat(<i16>min<u32>(words, 1));
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
  for (const end = input + 16 * words; input < end; input += 32) {
    const w0 = v128.load(weights);
    const v0 = v128.load(weights, 16);
    const w1 = v128.load(nextTile);
    const v1 = v128.load(nextTile, 16);
    let q = v128.load32_splat(input);
    let p = v128.load32_splat(input, 16);
    a0 = i8_dot8__relaxed<Form>(w0, q, v0, p, ones, a0);
    a1 = i8_dot8__relaxed<Form>(w1, q, v1, p, ones, a1);
    q = v128.load32_splat(input, 4);
    p = v128.load32_splat(input, 20);
    b0 = i8_dot8__relaxed<Form>(w0, q, v0, p, ones, b0);
    b1 = i8_dot8__relaxed<Form>(w1, q, v1, p, ones, b1);
    q = v128.load32_splat(input, 8);
    p = v128.load32_splat(input, 24);
    c0 = i8_dot8__relaxed<Form>(w0, q, v0, p, ones, c0);
    c1 = i8_dot8__relaxed<Form>(w1, q, v1, p, ones, c1);
    q = v128.load32_splat(input, 12);
    p = v128.load32_splat(input, 28);
    d0 = i8_dot8__relaxed<Form>(w0, q, v0, p, ones, d0);
    d1 = i8_dot8__relaxed<Form>(w1, q, v1, p, ones, d1);
    weights += 32;
    nextTile += 32;
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
