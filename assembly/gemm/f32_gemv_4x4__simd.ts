import { madd } from "../madd";

/**
 * y [n] = B · x, the dot products of x [k] and the rows of B [n, k]. Four rows at a time, so that x is read a quarter
 * as often.
 */
export function f32_gemv_4x4__simd(x: usize, b: usize, y: usize, n: usize, k: usize): void {
  const bytes: usize = 4 * k;
  const vectors: usize = bytes & ~15;
  let j: usize = 0;
  for (; j + 4 <= n; j += 4) {
    const b1 = b + bytes;
    const b2 = b1 + bytes;
    const b3 = b2 + bytes;
    let s0 = f32x4.splat(0);
    let s1 = f32x4.splat(0);
    let s2 = f32x4.splat(0);
    let s3 = f32x4.splat(0);
    for (let i: usize = 0; i < vectors; i += 16) {
      const v = v128.load(x + i);
      s0 = madd(v, v128.load(b + i), s0);
      s1 = madd(v, v128.load(b1 + i), s1);
      s2 = madd(v, v128.load(b2 + i), s2);
      s3 = madd(v, v128.load(b3 + i), s3);
    }
    store<f32>(y, sumLanes(s0) + dotRest(x, b, vectors, bytes), 0);
    store<f32>(y, sumLanes(s1) + dotRest(x, b1, vectors, bytes), 4);
    store<f32>(y, sumLanes(s2) + dotRest(x, b2, vectors, bytes), 8);
    store<f32>(y, sumLanes(s3) + dotRest(x, b3, vectors, bytes), 12);
    y += 16;
    b = b3 + bytes;
  }
  for (; j < n; j++) {
    let s = f32x4.splat(0);
    for (let i: usize = 0; i < vectors; i += 16) s = madd(v128.load(x + i), v128.load(b + i), s);
    store<f32>(y, sumLanes(s) + dotRest(x, b, vectors, bytes));
    y += 4;
    b += bytes;
  }
}

/** Σ x[i] · b[i] over the last k mod 4 elements, which are at byte offsets [from, to). */
function dotRest(x: usize, b: usize, from: usize, to: usize): f32 {
  let sum: f32 = 0;
  for (let i = from; i < to; i += 4) sum += load<f32>(x + i) * load<f32>(b + i);
  return sum;
}

function sumLanes(v: v128): f32 {
  return f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 2) + (f32x4.extract_lane(v, 1) + f32x4.extract_lane(v, 3));
}
