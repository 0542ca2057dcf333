// Sums of an int8 layer in relaxed SIMD, by either way to a dot product (dot.ts). dense.ts says what the arguments are.
import { dot, isPaired } from "./dot";

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

/** Records a, b, c, d, tiles 0, 1: 8 sums, 2 weights, an input, ones and a pair fit the 15 registers that it gives out. */
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
  for (const end = input + 16 * words; input < end; input += 16) {
    const w0 = v128.load(weights);
    const w1 = v128.load(others);
    const qa = v128.load32_splat(input);
    a0 = dot<Way>(w0, qa, ones, a0);
    a1 = dot<Way>(w1, qa, ones, a1);
    const qb = v128.load32_splat(input, 4);
    b0 = dot<Way>(w0, qb, ones, b0);
    b1 = dot<Way>(w1, qb, ones, b1);
    const qc = v128.load32_splat(input, 8);
    c0 = dot<Way>(w0, qc, ones, c0);
    c1 = dot<Way>(w1, qc, ones, c1);
    const qd = v128.load32_splat(input, 12);
    d0 = dot<Way>(w0, qd, ones, d0);
    d1 = dot<Way>(w1, qd, ones, d1);
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

/** Four words side by side, since one sum would wait for its own last addition. */
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
  for (const fours = input + 4 * (words & ~3); input < fours; input += 16) {
    const qa = v128.load32_splat(input);
    a0 = dot<Way>(v128.load(weights), qa, ones, a0);
    a1 = dot<Way>(v128.load(others), qa, ones, a1);
    const qb = v128.load32_splat(input, 4);
    b0 = dot<Way>(v128.load(weights, 16), qb, ones, b0);
    b1 = dot<Way>(v128.load(others, 16), qb, ones, b1);
    const qc = v128.load32_splat(input, 8);
    c0 = dot<Way>(v128.load(weights, 32), qc, ones, c0);
    c1 = dot<Way>(v128.load(others, 32), qc, ones, c1);
    const qd = v128.load32_splat(input, 12);
    d0 = dot<Way>(v128.load(weights, 48), qd, ones, d0);
    d1 = dot<Way>(v128.load(others, 48), qd, ones, d1);
    weights += 64;
    others += 64;
  }
  for (; input < end; input += 4) {
    const q = v128.load32_splat(input);
    a0 = dot<Way>(v128.load(weights), q, ones, a0);
    a1 = dot<Way>(v128.load(others), q, ones, a1);
    weights += 16;
    others += 16;
  }
  v128.store(sums, i32x4.add(i32x4.add(a0, b0), i32x4.add(c0, d0)));
  v128.store(sums, i32x4.add(i32x4.add(a1, b1), i32x4.add(c1, d1)), 16);
}
