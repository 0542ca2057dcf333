// biome-ignore lint/style/useImportType: AssemblyScript has no "import type".
import { dotsInPairs, InPairs, i8_dot8__relaxed, Whole } from "./i8_dot8__relaxed";

/** One record × 8 outputs: gemm.ts says what the arguments are. */
export function i8_gemm_1x8__relaxed(
  weights: usize,
  tileBytes: u32,
  input: usize,
  words: u32,
  start: usize,
  sums: usize,
): void {
  if (dotsInPairs) row<InPairs>(weights, tileBytes, input, words, start, sums);
  else row<Whole>(weights, tileBytes, input, words, start, sums);
}

/**
 * Tiles of outputs 0 and 1. Four pairs of words have sums of their own (a, b, c and d), since an addition to a single
 * sum would wait for the one before.
 */
function row<Form>(weights: usize, tileBytes: u32, input: usize, words: u32, start: usize, sums: usize): void {
  const ones = i16x8.splat(<i16>min<u32>(words, 1));
  let a0 = v128.load(start);
  let a1 = v128.load(start, 16);
  let b0 = i32x4.splat(0);
  let b1 = i32x4.splat(0);
  let c0 = i32x4.splat(0);
  let c1 = i32x4.splat(0);
  let d0 = i32x4.splat(0);
  let d1 = i32x4.splat(0);
  let nextTile = weights + tileBytes;
  const end = input + 4 * words;
  for (const eights = input + 4 * (words & ~7); input < eights; input += 32) {
    let q = v128.load32_splat(input);
    let p = v128.load32_splat(input, 4);
    a0 = i8_dot8__relaxed<Form>(v128.load(weights), q, v128.load(weights, 16), p, ones, a0);
    a1 = i8_dot8__relaxed<Form>(v128.load(nextTile), q, v128.load(nextTile, 16), p, ones, a1);
    q = v128.load32_splat(input, 8);
    p = v128.load32_splat(input, 12);
    b0 = i8_dot8__relaxed<Form>(v128.load(weights, 32), q, v128.load(weights, 48), p, ones, b0);
    b1 = i8_dot8__relaxed<Form>(v128.load(nextTile, 32), q, v128.load(nextTile, 48), p, ones, b1);
    q = v128.load32_splat(input, 16);
    p = v128.load32_splat(input, 20);
    c0 = i8_dot8__relaxed<Form>(v128.load(weights, 64), q, v128.load(weights, 80), p, ones, c0);
    c1 = i8_dot8__relaxed<Form>(v128.load(nextTile, 64), q, v128.load(nextTile, 80), p, ones, c1);
    q = v128.load32_splat(input, 24);
    p = v128.load32_splat(input, 28);
    d0 = i8_dot8__relaxed<Form>(v128.load(weights, 96), q, v128.load(weights, 112), p, ones, d0);
    d1 = i8_dot8__relaxed<Form>(v128.load(nextTile, 96), q, v128.load(nextTile, 112), p, ones, d1);
    weights += 128;
    nextTile += 128;
  }
  for (; input < end; input += 8) {
    const q = v128.load32_splat(input);
    const p = v128.load32_splat(input, 4);
    a0 = i8_dot8__relaxed<Form>(v128.load(weights), q, v128.load(weights, 16), p, ones, a0);
    a1 = i8_dot8__relaxed<Form>(v128.load(nextTile), q, v128.load(nextTile, 16), p, ones, a1);
    weights += 32;
    nextTile += 32;
  }
  v128.store(sums, i32x4.add(i32x4.add(a0, b0), i32x4.add(c0, d0)));
  v128.store(sums, i32x4.add(i32x4.add(a1, b1), i32x4.add(c1, d1)), 16);
}
