// float16 (IEEE 754 binary16) to float32, exact for all finite numbers: a sign, 5 bits of exponent with a bias of 15
// (float32: 127), and 10 bits of fraction. A subnormal x is computed as (2⁻¹⁴ + x) − 2⁻¹⁴, since some processors are
// many times slower at arithmetic on subnormal float32.

/** The difference of the two exponents' biases, 127 − 15, at the place of a float32's exponent. */
const BIAS: i32 = 112 << 23;
/** 2⁻¹⁴, the smallest normal float16. */
const SMALLEST: f32 = 6.103515625e-5;
/** The bits of SMALLEST as a float32. The fraction of a subnormal x, added to them, gives the bits of 2⁻¹⁴ + x. */
const SMALLEST_BITS: i32 = 113 << 23;
/** The bits of SMALLEST as a float16. */
const FIRST_NORMAL: i32 = 0x400;

/** The number whose float16 has these bits. */
export function f16_f32_convert__scalar(bits: u16): f32 {
  const magnitude = <i32>bits & 0x7fff;
  const shifted = magnitude << 13;
  const value =
    magnitude < FIRST_NORMAL ? reinterpret<f32>(shifted + SMALLEST_BITS) - SMALLEST : reinterpret<f32>(shifted + BIAS);
  return bits & 0x8000 ? -value : value;
}

/** The four numbers whose float16 are in the low half of `bits`. */
export function f16_f32_convert__simd(bits: v128): v128 {
  const wide = i32x4.extend_low_i16x8_u(bits);
  const magnitude = v128.and(wide, i32x4.splat(0x7fff));
  const shifted = i32x4.shl(magnitude, 13);
  const small = f32x4.sub(i32x4.add(shifted, i32x4.splat(SMALLEST_BITS)), f32x4.splat(SMALLEST));
  const value = v128.bitselect(
    small,
    i32x4.add(shifted, i32x4.splat(BIAS)),
    i32x4.lt_s(magnitude, i32x4.splat(FIRST_NORMAL)),
  );
  return v128.or(value, i32x4.shl(v128.and(wide, i32x4.splat(0x8000)), 16));
}
