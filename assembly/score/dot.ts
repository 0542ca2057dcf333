// Two four-way dot products of relaxed SIMD on top of a sum: sum[i] + Σ_j w[4i + j] · x[4i + j] + Σ_j v[4i + j] · y[4i + j],
// w and v int8, x and y u7. It is defined alike everywhere for second operands in 0..127, and so are its 16-bit steps:
// FORMAT.md, "DENSE", bounds the weights so that the two products' sums of pairs stay below 2¹⁵ together.
//
// Where processors have it (VPDPBUSD, SDOT) each is one instruction. Elsewhere V8 puts five in its place, two of them to make
// the constant 1. Asked for each word's sums of pairs, for the sum of both, and for that as a product with ones that stay in a
// register, it takes five for both words, three of them multiplications, with the same bits.

/**
 * Way: i8 to ask for each whole, u8 for pairs. Types, since AssemblyScript has no constant parameters. `ones`: eight i16, made
 * from a number that the engine does not know, or it would load the constant anew for every product.
 */
export function dots<Way>(w: v128, x: v128, v: v128, y: v128, ones: v128, sum: v128): v128 {
  if (isSigned<Way>()) {
    return i32x4.relaxed_dot_i8x16_i7x16_add_s(v, y, i32x4.relaxed_dot_i8x16_i7x16_add_s(w, x, sum));
  }
  const pairs = i16x8.add(i16x8.relaxed_dot_i8x16_i7x16_s(w, x), i16x8.relaxed_dot_i8x16_i7x16_s(v, y));
  return i32x4.add(sum, i32x4.dot_i16x8_s(pairs, ones));
}

/** Whether to ask for pairs. The debug build, which is for tests alone, does what the release does not: so both are tested. */
export const isPaired: bool = ASC_FEATURE_RELAXED_SIMD ? isEmulated() === ASC_NO_ASSERT : false;

/**
 * Whether the engine makes it of sums of pairs. Those saturate at 16 bits where the second operand is not in 0..127: four
 * times −128 · 255 is 2 · −2¹⁵ then, and −130,560 or (taken as signed) 512 where one instruction does it all.
 */
function isEmulated(): bool {
  const dots = i32x4.relaxed_dot_i8x16_i7x16_add_s(i8x16.splat(-128), i8x16.splat(-1), i32x4.splat(0));
  return i32x4.extract_lane(dots, 0) === -65536;
}
