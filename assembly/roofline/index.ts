// The most that this engine and processor can do, by which the benchmark judges the scoring kernel. Each loop holds
// nothing but the instruction that is measured, works on registers, and has several independent sums, which hide its
// latency.
import { ensureMemory } from "../memory";

const MAX_BYTES: usize = 16 << 20;

/**
 * Computes 64 relaxed dot products a step, each of 16 multiplications of bytes. Returns a number that depends on all
 * of them, as the functions below do, so that no compiler leaves any out.
 */
export function dots(steps: u32): i32 {
  const w0 = i8x16.splat(<i8>steps | 1);
  const w1 = i8x16.splat(<i8>steps | 2);
  const w2 = i8x16.splat(<i8>steps | 4);
  const w3 = i8x16.splat(<i8>steps | 8);
  // The inputs change, since an engine may compute a product of inputs that stay the same only once.
  const change = i8x16.splat(<i8>(steps & 31) | 1);
  let x = i8x16.splat(<i8>(steps & 63));
  let a = i32x4.splat(0);
  let b = i32x4.splat(1);
  let c = i32x4.splat(2);
  let d = i32x4.splat(3);
  let e = i32x4.splat(4);
  let f = i32x4.splat(5);
  let g = i32x4.splat(6);
  let h = i32x4.splat(7);
  for (let i: u32 = 0; i < 8 * steps; i++) {
    const y = v128.xor(x, change);
    a = i32x4.relaxed_dot_i8x16_i7x16_add_s(w0, x, a);
    b = i32x4.relaxed_dot_i8x16_i7x16_add_s(w1, x, b);
    c = i32x4.relaxed_dot_i8x16_i7x16_add_s(w2, x, c);
    d = i32x4.relaxed_dot_i8x16_i7x16_add_s(w3, x, d);
    e = i32x4.relaxed_dot_i8x16_i7x16_add_s(w0, y, e);
    f = i32x4.relaxed_dot_i8x16_i7x16_add_s(w1, y, f);
    g = i32x4.relaxed_dot_i8x16_i7x16_add_s(w2, y, g);
    h = i32x4.relaxed_dot_i8x16_i7x16_add_s(w3, y, h);
    x = i8x16.avgr_u(x, change);
  }
  return sum(i32x4.add(i32x4.add(i32x4.add(a, b), i32x4.add(c, d)), i32x4.add(i32x4.add(e, f), i32x4.add(g, h))));
}

/**
 * Computes the products of `dots` as sums of pairs, which are widened and added: what an engine makes of `dots` where
 * the processor has no four-way dot product.
 */
export function pairs(steps: u32): i32 {
  const w0 = i8x16.splat(<i8>steps | 1);
  const w1 = i8x16.splat(<i8>steps | 2);
  const w2 = i8x16.splat(<i8>steps | 4);
  const w3 = i8x16.splat(<i8>steps | 8);
  // The inputs change, since an engine may compute a product of inputs that stay the same only once.
  const change = i8x16.splat(<i8>(steps & 31) | 1);
  let x = i8x16.splat(<i8>(steps & 63));
  const ones = i16x8.splat(<i16>min<u32>(steps, 1));
  let a = i32x4.splat(0);
  let b = i32x4.splat(1);
  let c = i32x4.splat(2);
  let d = i32x4.splat(3);
  let e = i32x4.splat(4);
  let f = i32x4.splat(5);
  let g = i32x4.splat(6);
  let h = i32x4.splat(7);
  for (let i: u32 = 0; i < 8 * steps; i++) {
    const y = v128.xor(x, change);
    a = addInPairs(w0, x, ones, a);
    b = addInPairs(w1, x, ones, b);
    c = addInPairs(w2, x, ones, c);
    d = addInPairs(w3, x, ones, d);
    e = addInPairs(w0, y, ones, e);
    f = addInPairs(w1, y, ones, f);
    g = addInPairs(w2, y, ones, g);
    h = addInPairs(w3, y, ones, h);
    x = i8x16.avgr_u(x, change);
  }
  return sum(i32x4.add(i32x4.add(i32x4.add(a, b), i32x4.add(c, d)), i32x4.add(i32x4.add(e, f), i32x4.add(g, h))));
}

/** Computes 64 relaxed multiply-adds of four float32 a step. */
export function madds(steps: u32): i32 {
  // These are no constants, which an engine may load anew for every instruction.
  const w = f32x4.splat(1 / <f32>steps);
  const x = f32x4.splat(0.5 + 1 / <f32>steps);
  let a = f32x4.splat(0);
  let b = f32x4.splat(1);
  let c = f32x4.splat(2);
  let d = f32x4.splat(3);
  let e = f32x4.splat(4);
  let f = f32x4.splat(5);
  let g = f32x4.splat(6);
  let h = f32x4.splat(7);
  for (let i: u32 = 0; i < 8 * steps; i++) {
    a = f32x4.relaxed_madd(w, x, a);
    b = f32x4.relaxed_madd(w, x, b);
    c = f32x4.relaxed_madd(w, x, c);
    d = f32x4.relaxed_madd(w, x, d);
    e = f32x4.relaxed_madd(w, x, e);
    f = f32x4.relaxed_madd(w, x, f);
    g = f32x4.relaxed_madd(w, x, g);
    h = f32x4.relaxed_madd(w, x, h);
  }
  return sum(f32x4.add(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)), f32x4.add(f32x4.add(e, f), f32x4.add(g, h))));
}

/** Makes `bytes` readable, at most 16 MiB of them; false if there is no memory. */
export function reserve(bytes: u32): bool {
  return ensureMemory(<u64>__heap_base + min<usize>(bytes, MAX_BYTES));
}

/** Reads the first `bytes` that were reserved, a multiple of 64, in order, `passes` times. */
export function readBytes(bytes: u32, passes: u32): i32 {
  let a = i32x4.splat(0);
  let b = i32x4.splat(0);
  let c = i32x4.splat(0);
  let d = i32x4.splat(0);
  for (let pass: u32 = 0; pass < passes; pass++) {
    for (let at: usize = __heap_base & ~63; at < __heap_base + bytes - 64; at += 64) {
      a = i32x4.add(a, v128.load(at));
      b = i32x4.add(b, v128.load(at, 16));
      c = i32x4.add(c, v128.load(at, 32));
      d = i32x4.add(d, v128.load(at, 48));
    }
  }
  return sum(i32x4.add(i32x4.add(a, b), i32x4.add(c, d)));
}

/** Adds the products of w and x, in groups of four, to `a`. */
function addInPairs(w: v128, x: v128, ones: v128, a: v128): v128 {
  return i32x4.add(a, i32x4.dot_i16x8_s(i16x8.relaxed_dot_i8x16_i7x16_s(w, x), ones));
}

/** The sum of four i32. */
function sum(lanes: v128): i32 {
  return (
    i32x4.extract_lane(lanes, 0) +
    i32x4.extract_lane(lanes, 1) +
    i32x4.extract_lane(lanes, 2) +
    i32x4.extract_lane(lanes, 3)
  );
}
