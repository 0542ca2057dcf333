// The dot product of eight int8 weights and eight u7 inputs on top of a sum, for each of four outputs:
//
//   sum[i] + Σ_j w[4i + j] · x[4i + j] + Σ_j v[4i + j] · y[4i + j],  i and j in 0..3
//
// There are two forms, with the same bits. `Whole` uses the relaxed instruction for a four-way dot product twice.
// Where processors have that (VPDPBUSD, SDOT) it is one instruction; elsewhere V8 makes five of it, two of which load
// the constant 1. `InPairs` asks for the sums of pairs of both words, adds these, and multiplies by ones that stay in
// a register: five instructions for both words, three of them multiplications.
//
// The relaxed instructions are defined alike everywhere for second operands in 0..127. The 16-bit steps of `InPairs`
// cannot overflow, because FORMAT.md, "DENSE", bounds the weights so that the pairs of both words add up to less than
// 2¹⁵.

// The forms are types, since AssemblyScript has no constant parameters.
export type Whole = i8;
export type InPairs = u8;

/**
 * `Form` is Whole or InPairs. w and v: 16 int8 weights each, 4 outputs × 4 inputs. x and y: 16 u7 inputs each.
 * `ones`: eight i16, made from a number that the engine does not know, or it would load the constant anew for every
 * product. `sum`: four i32.
 */
export function i8_dot8__relaxed<Form>(w: v128, x: v128, v: v128, y: v128, ones: v128, sum: v128): v128 {
  if (isSigned<Form>()) {
    return i32x4.relaxed_dot_i8x16_i7x16_add_s(v, y, i32x4.relaxed_dot_i8x16_i7x16_add_s(w, x, sum));
  }
  const pairs = i16x8.add(i16x8.relaxed_dot_i8x16_i7x16_s(w, x), i16x8.relaxed_dot_i8x16_i7x16_s(v, y));
  return i32x4.add(sum, i32x4.dot_i16x8_s(pairs, ones));
}

/**
 * Whether InPairs is the faster form here. The debug build, which is for tests alone, answers the opposite of the
 * release build, so that the tests run both forms on any machine.
 */
export const dotsInPairs: bool = ASC_FEATURE_RELAXED_SIMD ? isEmulated() === ASC_NO_ASSERT : false;

/**
 * Whether the engine emulates the four-way dot product by sums of pairs, which saturate at 16 bits for a second
 * operand outside 0..127: two products −128 · 255 give −2¹⁵, and four give −65,536. One instruction gives −130,560
 * for the four, or 512 if it takes 255 as −1.
 */
function isEmulated(): bool {
  const dots = i32x4.relaxed_dot_i8x16_i7x16_add_s(i8x16.splat(-128), i8x16.splat(-1), i32x4.splat(0));
  return i32x4.extract_lane(dots, 0) === -65536;
}
