/** [a₀+a₁, a₂+a₃, b₀+b₁, b₂+b₃]: the sums of four outputs, each of which the plain SIMD kernels keep in two lanes. */
export function joinPairs(a: v128, b: v128): v128 {
  return i32x4.add(v128.shuffle<i32>(a, b, 0, 2, 4, 6), v128.shuffle<i32>(a, b, 1, 3, 5, 7));
}
