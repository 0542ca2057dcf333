// Sums of an int8 layer in relaxed SIMD, by either way to a dot product (dot.ts). gemm.ts says what the arguments are.
import { dots, isPaired } from "./dot";

type WholeDot = i8;
type PairDot = u8;

/** 4 records × 8 outputs. */
export function tile_i8_relaxed(
  weights: usize,
  tileBytes: u32,
  input: usize,
  words: u32,
  start: usize,
  startStride: u32,
  sums: usize,
): void {
  if (isPaired) tile<PairDot>(weights, tileBytes, input, words, start, startStride, sums);
  else tile<WholeDot>(weights, tileBytes, input, words, start, startStride, sums);
}

/** One record × 8 outputs. */
export function row_i8_relaxed(
  weights: usize,
  tileBytes: u32,
  input: usize,
  words: u32,
  start: usize,
  sums: usize,
): void {
  if (isPaired) row<PairDot>(weights, tileBytes, input, words, start, sums);
  else row<WholeDot>(weights, tileBytes, input, words, start, sums);
}

/** Records a, b, c, d, tiles 0, 1: a record's two words of inputs meet both tiles before the next record's. */
function tile<Way>(
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
  let others = weights + tileBytes;
  for (const end = input + 16 * words; input < end; input += 32) {
    const w0 = v128.load(weights);
    const v0 = v128.load(weights, 16);
    const w1 = v128.load(others);
    const v1 = v128.load(others, 16);
    let q = v128.load32_splat(input);
    let p = v128.load32_splat(input, 16);
    a0 = dots<Way>(w0, q, v0, p, ones, a0);
    a1 = dots<Way>(w1, q, v1, p, ones, a1);
    q = v128.load32_splat(input, 4);
    p = v128.load32_splat(input, 20);
    b0 = dots<Way>(w0, q, v0, p, ones, b0);
    b1 = dots<Way>(w1, q, v1, p, ones, b1);
    q = v128.load32_splat(input, 8);
    p = v128.load32_splat(input, 24);
    c0 = dots<Way>(w0, q, v0, p, ones, c0);
    c1 = dots<Way>(w1, q, v1, p, ones, c1);
    q = v128.load32_splat(input, 12);
    p = v128.load32_splat(input, 28);
    d0 = dots<Way>(w0, q, v0, p, ones, d0);
    d1 = dots<Way>(w1, q, v1, p, ones, d1);
    weights += 32;
    others += 32;
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

/** Four pairs of words side by side, since one sum would wait for its own last addition. */
function row<Way>(weights: usize, tileBytes: u32, input: usize, words: u32, start: usize, sums: usize): void {
  const ones = i16x8.splat(<i16>min<u32>(words, 1));
  let a0 = v128.load(start);
  let a1 = v128.load(start, 16);
  let b0 = i32x4.splat(0);
  let b1 = i32x4.splat(0);
  let c0 = i32x4.splat(0);
  let c1 = i32x4.splat(0);
  let d0 = i32x4.splat(0);
  let d1 = i32x4.splat(0);
  let others = weights + tileBytes;
  const end = input + 4 * words;
  for (const eights = input + 4 * (words & ~7); input < eights; input += 32) {
    let q = v128.load32_splat(input);
    let p = v128.load32_splat(input, 4);
    a0 = dots<Way>(v128.load(weights), q, v128.load(weights, 16), p, ones, a0);
    a1 = dots<Way>(v128.load(others), q, v128.load(others, 16), p, ones, a1);
    q = v128.load32_splat(input, 8);
    p = v128.load32_splat(input, 12);
    b0 = dots<Way>(v128.load(weights, 32), q, v128.load(weights, 48), p, ones, b0);
    b1 = dots<Way>(v128.load(others, 32), q, v128.load(others, 48), p, ones, b1);
    q = v128.load32_splat(input, 16);
    p = v128.load32_splat(input, 20);
    c0 = dots<Way>(v128.load(weights, 64), q, v128.load(weights, 80), p, ones, c0);
    c1 = dots<Way>(v128.load(others, 64), q, v128.load(others, 80), p, ones, c1);
    q = v128.load32_splat(input, 24);
    p = v128.load32_splat(input, 28);
    d0 = dots<Way>(v128.load(weights, 96), q, v128.load(weights, 112), p, ones, d0);
    d1 = dots<Way>(v128.load(others, 96), q, v128.load(others, 112), p, ones, d1);
    weights += 128;
    others += 128;
  }
  for (; input < end; input += 8) {
    const q = v128.load32_splat(input);
    const p = v128.load32_splat(input, 4);
    a0 = dots<Way>(v128.load(weights), q, v128.load(weights, 16), p, ones, a0);
    a1 = dots<Way>(v128.load(others), q, v128.load(others, 16), p, ones, a1);
    weights += 32;
    others += 32;
  }
  v128.store(sums, i32x4.add(i32x4.add(a0, b0), i32x4.add(c0, d0)));
  v128.store(sums, i32x4.add(i32x4.add(a1, b1), i32x4.add(c1, d1)), 16);
}
