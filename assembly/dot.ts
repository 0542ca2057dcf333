// The four-way dot product of relaxed SIMD: sum[i] + Σ_j w[4i + j] · x[4i + j], w int8, x u7. It is defined alike everywhere
// for a second operand in 0..127, and so are its 16-bit steps: 2 · 127 · 128 < 2¹⁵.
//
// Where processors have it (VPDPBUSD, SDOT) it is one instruction. Elsewhere V8 puts five in its place, two of them to make
// the constant 1; asked for sums of pairs, and for the sums of two such pairs as a product with ones that stay in a
// register, it takes three, with the same bits: a batch takes four fifths of the time.

/**
 * Way: i8 to ask for it whole, u8 for pairs. Types, since AssemblyScript has no constant parameters. `ones`: eight i16, made
 * from a number that the engine does not know, or it would load the constant anew for every product.
 */
export function dot<Way>(w: v128, x: v128, ones: v128, sum: v128): v128 {
  if (isSigned<Way>()) return i32x4.relaxed_dot_i8x16_i7x16_add_s(w, x, sum);
  return i32x4.add(sum, i32x4.dot_i16x8_s(i16x8.relaxed_dot_i8x16_i7x16_s(w, x), ones));
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
