// Sums and copies of lists of float32, four at a time where the build has SIMD. Lengths are in numbers.

const CACHE_LINE: usize = 64;

/**
 * Reads a list's every cache line, so that they are on their way, and returns some of their bits, which must be stored:
 * the compiler may leave out a read that nobody needs.
 */
export function touched(list: usize, bytes: usize): u32 {
  let bits = load<u32>(list + bytes - 4);
  for (let i: usize = 0; i < bytes; i += CACHE_LINE) bits |= load<u32>(list + i);
  return bits;
}

/** to += from */
export function f32_add(from: usize, to: usize, count: usize): void {
  const bytes: usize = 4 * count;
  let i: usize = 0;
  if (ASC_FEATURE_SIMD)
    for (const vectors = bytes & ~15; i < vectors; i += 16)
      v128.store(to + i, f32x4.add(v128.load(to + i), v128.load(from + i)));
  for (; i < bytes; i += 4) store<f32>(to + i, load<f32>(to + i) + load<f32>(from + i));
}

/** to += x · from */
export function f32_axpy(x: f32, from: usize, to: usize, count: usize): void {
  const bytes: usize = 4 * count;
  let i: usize = 0;
  if (ASC_FEATURE_SIMD) {
    const times = f32x4.splat(x);
    for (const vectors = bytes & ~15; i < vectors; i += 16)
      v128.store(to + i, f32x4.add(v128.load(to + i), f32x4.mul(times, v128.load(from + i))));
  }
  for (; i < bytes; i += 4) store<f32>(to + i, load<f32>(to + i) + x * load<f32>(from + i));
}

/** to = from */
export function f32_copy(from: usize, to: usize, count: usize): void {
  const bytes: usize = 4 * count;
  let i: usize = 0;
  if (ASC_FEATURE_SIMD) for (const vectors = bytes & ~15; i < vectors; i += 16) v128.store(to + i, v128.load(from + i));
  for (; i < bytes; i += 4) store<f32>(to + i, load<f32>(from + i));
}

/** Σ a · b */
export function f32_dot(a: usize, b: usize, count: usize): f32 {
  const bytes: usize = 4 * count;
  let i: usize = 0;
  let sum: f32 = 0;
  if (ASC_FEATURE_SIMD) {
    let sums = f32x4.splat(0);
    for (const vectors = bytes & ~15; i < vectors; i += 16)
      sums = f32x4.add(sums, f32x4.mul(v128.load(a + i), v128.load(b + i)));
    sum =
      f32x4.extract_lane(sums, 0) +
      f32x4.extract_lane(sums, 2) +
      (f32x4.extract_lane(sums, 1) + f32x4.extract_lane(sums, 3));
  }
  for (; i < bytes; i += 4) sum += load<f32>(a + i) * load<f32>(b + i);
  return sum;
}

/** sums [n] = the sum of the rows of x [rows, n], which are `stride` bytes apart. */
export function columnSums(x: usize, rows: usize, n: usize, sums: usize, stride: usize): void {
  memory.fill(sums, 0, 4 * n);
  for (let row: usize = 0; row < rows; row++, x += stride) f32_add(x, sums, n);
}

/** x ·= times */
export function f32_scale(x: usize, times: f32, count: usize): void {
  const bytes: usize = 4 * count;
  let i: usize = 0;
  if (ASC_FEATURE_SIMD)
    for (const vectors = bytes & ~15; i < vectors; i += 16)
      v128.store(x + i, f32x4.mul(v128.load(x + i), f32x4.splat(times)));
  for (; i < bytes; i += 4) store<f32>(x + i, load<f32>(x + i) * times);
}

/** to += times · from, rounded once. */
export function addScaled(from: usize, to: usize, times: f64, count: usize): void {
  for (let i: usize = 0; i < 4 * count; i += 4)
    store<f32>(to + i, <f32>(<f64>load<f32>(to + i) + times * <f64>load<f32>(from + i)));
}

/** Σ (g + decay · w)², in float64. */
export function sumOfSquares(gradients: usize, values: usize, decay: f64, count: usize): f64 {
  let sum: f64 = 0;
  for (let i: usize = 0; i < 4 * count; i += 4) {
    const g = <f64>load<f32>(gradients + i) + decay * <f64>load<f32>(values + i);
    sum += g * g;
  }
  return sum;
}
