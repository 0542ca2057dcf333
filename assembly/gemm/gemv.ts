// Products with a vector: y = Bᵀ · x.
import { madd } from "./madd";

/** y [n] = Σ x[i] · row i of B [k, n]. Eight rows at a time, so that y is read and written an eighth as often. */
export function scaledRows(x: usize, b: usize, y: usize, n: usize, k: usize): void {
  memory.fill(y, 0, 4 * n);
  const bytes: usize = 4 * n;
  const vectors: usize = bytes & ~15;
  let i: usize = 0;
  for (; i + 8 <= k; i += 8) {
    const x0 = v128.load32_splat(x, 0);
    const x1 = v128.load32_splat(x, 4);
    const x2 = v128.load32_splat(x, 8);
    const x3 = v128.load32_splat(x, 12);
    const x4 = v128.load32_splat(x, 16);
    const x5 = v128.load32_splat(x, 20);
    const x6 = v128.load32_splat(x, 24);
    const x7 = v128.load32_splat(x, 28);
    const b4 = b + 4 * bytes;
    for (let j: usize = 0; j < vectors; j += 16) {
      const low = b + j;
      const high = b4 + j;
      let even = f32x4.mul(x0, v128.load(low));
      let odd = f32x4.mul(x4, v128.load(high));
      even = madd(x1, v128.load(low + bytes), even);
      odd = madd(x5, v128.load(high + bytes), odd);
      even = madd(x2, v128.load(low + 2 * bytes), even);
      odd = madd(x6, v128.load(high + 2 * bytes), odd);
      even = madd(x3, v128.load(low + 3 * bytes), even);
      odd = madd(x7, v128.load(high + 3 * bytes), odd);
      v128.store(y + j, f32x4.add(v128.load(y + j), f32x4.add(even, odd)));
    }
    for (let j = vectors; j < bytes; j += 4) {
      let sum: f32 = 0;
      for (let r: usize = 0; r < 8; r++) sum += load<f32>(x + 4 * r) * load<f32>(b + r * bytes + j);
      store<f32>(y + j, load<f32>(y + j) + sum);
    }
    x += 32;
    b += 8 * bytes;
  }
  for (; i < k; i++) {
    const x0 = load<f32>(x);
    for (let j: usize = 0; j < bytes; j += 4) store<f32>(y + j, load<f32>(y + j) + x0 * load<f32>(b + j));
    x += 4;
    b += bytes;
  }
}

/** y [n] = x [k] · each row of B [n, k]; four rows at a time. */
export function dots(x: usize, b: usize, y: usize, n: usize, k: usize): void {
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
    store<f32>(y, sumLanes(s0) + tail(x, b, vectors, bytes), 0);
    store<f32>(y, sumLanes(s1) + tail(x, b1, vectors, bytes), 4);
    store<f32>(y, sumLanes(s2) + tail(x, b2, vectors, bytes), 8);
    store<f32>(y, sumLanes(s3) + tail(x, b3, vectors, bytes), 12);
    y += 16;
    b = b3 + bytes;
  }
  for (; j < n; j++) {
    let s = f32x4.splat(0);
    for (let i: usize = 0; i < vectors; i += 16) s = madd(v128.load(x + i), v128.load(b + i), s);
    store<f32>(y, sumLanes(s) + tail(x, b, vectors, bytes));
    y += 4;
    b += bytes;
  }
}

/** The products of the last k mod 4 elements. */
function tail(x: usize, b: usize, from: usize, to: usize): f32 {
  let sum: f32 = 0;
  for (let i = from; i < to; i += 4) sum += load<f32>(x + i) * load<f32>(b + i);
  return sum;
}

function sumLanes(v: v128): f32 {
  return f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 2) + (f32x4.extract_lane(v, 1) + f32x4.extract_lane(v, 3));
}
