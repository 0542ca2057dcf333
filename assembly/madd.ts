/**
 * a · b + c of four float32. The relaxed build rounds once where the processor can fuse the two; otherwise it rounds
 * twice.
 */
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}
