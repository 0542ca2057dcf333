// IEEE 754 binary16 to f32, exact for all finite numbers: a sign, 5 bits of exponent whose bias is 15 (f32: 127), 10 bits of
// fraction. Subnormal ones are computed from 2⁻¹⁴ + x, as reading them as subnormal f32 costs some processors a trap.

/** What the exponent's bias differs by, in place. */
const BIAS: i32 = 112 << 23;
/** 2⁻¹⁴, the smallest normal number, which is also what a subnormal one's fraction counts up to. */
const SMALLEST: f32 = 6.103515625e-5;
/** As bits: what a subnormal number's fraction is added to. */
const SMALLEST_BITS: i32 = 113 << 23;
const FIRST_NORMAL: i32 = 0x400;

export function f16_f32_convert__scalar(bits: u16): f32 {
  const magnitude = <i32>bits & 0x7fff;
  const shifted = magnitude << 13;
  const value =
    magnitude < FIRST_NORMAL ? reinterpret<f32>(shifted + SMALLEST_BITS) - SMALLEST : reinterpret<f32>(shifted + BIAS);
  return bits & 0x8000 ? -value : value;
}

/** The four in the low half of `bits`. */
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
