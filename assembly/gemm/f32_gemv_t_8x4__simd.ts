import { madd } from "../madd";

/**
 * y [n] = Bᵀ · x, the sum of the rows of B [k, n], row i times x[i]; `stride` bytes lie between two rows. Eight rows at
 * a time, so that y is read and written an eighth as often.
 */
export function f32_gemv_t_8x4__simd(x: usize, b: usize, y: usize, n: usize, k: usize, stride: usize): void {
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
    const b4 = b + 4 * stride;
    for (let j: usize = 0; j < vectors; j += 16) {
      const low = b + j;
      const high = b4 + j;
      let even = f32x4.mul(x0, v128.load(low));
      let odd = f32x4.mul(x4, v128.load(high));
      even = madd(x1, v128.load(low + stride), even);
      odd = madd(x5, v128.load(high + stride), odd);
      even = madd(x2, v128.load(low + 2 * stride), even);
      odd = madd(x6, v128.load(high + 2 * stride), odd);
      even = madd(x3, v128.load(low + 3 * stride), even);
      odd = madd(x7, v128.load(high + 3 * stride), odd);
      v128.store(y + j, f32x4.add(v128.load(y + j), f32x4.add(even, odd)));
    }
    for (let j = vectors; j < bytes; j += 4) {
      let sum: f32 = 0;
      for (let r: usize = 0; r < 8; r++) sum += load<f32>(x + 4 * r) * load<f32>(b + r * stride + j);
      store<f32>(y + j, load<f32>(y + j) + sum);
    }
    x += 32;
    b += 8 * stride;
  }
  for (; i < k; i++) {
    const x0 = load<f32>(x);
    for (let j: usize = 0; j < bytes; j += 4) store<f32>(y + j, load<f32>(y + j) + x0 * load<f32>(b + j));
    x += 4;
    b += stride;
  }
}
