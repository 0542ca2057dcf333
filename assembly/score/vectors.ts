// Vectors of float32, four elements at a time in the SIMD builds. Every variant rounds each element alike.

/** target[j] = source[j] for `count` elements. */
export function f32_copy(target: usize, source: usize, count: u32): void {
  let j: u32 = 0;
  if (ASC_FEATURE_SIMD) for (; j + 4 <= count; j += 4) v128.store(target + 4 * j, v128.load(source + 4 * j));
  for (; j < count; j++) store<f32>(target + 4 * j, load<f32>(source + 4 * j));
}

/** target[j] += source[j] for `count` elements. */
export function f32_add(target: usize, source: usize, count: u32): void {
  let j: u32 = 0;
  if (ASC_FEATURE_SIMD) {
    for (; j + 4 <= count; j += 4) {
      v128.store(target + 4 * j, f32x4.add(v128.load(target + 4 * j), v128.load(source + 4 * j)));
    }
  }
  for (; j < count; j++) store<f32>(target + 4 * j, load<f32>(target + 4 * j) + load<f32>(source + 4 * j));
}

/**
 * Σ a[j] · b[j] over `count` elements, a multiple of 8. Every variant sums them in eight lanes, which it adds at the
 * end.
 */
export function f32_dot(a: usize, b: usize, count: u32): f32 {
  assert(count % 8 === 0);
  const bytes: usize = 4 * count;
  if (ASC_FEATURE_SIMD) {
    let low = f32x4.splat(0);
    let high = f32x4.splat(0);
    for (let at: usize = 0; at < bytes; at += 32) {
      low = f32x4.add(low, f32x4.mul(v128.load(a + at), v128.load(b + at)));
      high = f32x4.add(high, f32x4.mul(v128.load(a + at, 16), v128.load(b + at, 16)));
    }
    const sums = f32x4.add(low, high);
    return (
      f32x4.extract_lane(sums, 0) +
      f32x4.extract_lane(sums, 1) +
      (f32x4.extract_lane(sums, 2) + f32x4.extract_lane(sums, 3))
    );
  }
  return dotLane(a, b, bytes, 0) + dotLane(a, b, bytes, 4) + (dotLane(a, b, bytes, 8) + dotLane(a, b, bytes, 12));
}

/** The scalar twin of one lane of `sums`. */
function dotLane(a: usize, b: usize, bytes: usize, lane: usize): f32 {
  let low: f32 = 0;
  let high: f32 = 0;
  for (let at = lane; at < bytes; at += 32) {
    low += load<f32>(a + at) * load<f32>(b + at);
    high += load<f32>(a + at, 16) * load<f32>(b + at, 16);
  }
  return low + high;
}
