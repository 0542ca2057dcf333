// The activations. Every variant rounds alike, so that int8 layers give the same bits everywhere. The result for a
// finite number is finite.
import { ACTIVATION_NONE, ACTIVATION_RELU, ACTIVATION_TANH } from "../../format/constants";
import { f32_exp__scalar, f32_exp__simd, hornerStep } from "./exp";

/** The activation of one number. */
export function f32_activate__scalar(x: f32, activation: u32): f32 {
  if (activation === ACTIVATION_RELU) return x < 0 ? 0 : x;
  if (activation === ACTIVATION_NONE) return x;
  return activation === ACTIVATION_TANH ? f32_tanh__scalar(x) : f32_sigmoid__scalar(x);
}

/** The activations of four numbers. */
export function f32_activate__simd(x: v128, activation: u32): v128 {
  if (activation === ACTIVATION_RELU) return f32_relu__simd(x);
  if (activation === ACTIVATION_NONE) return x;
  return f32_tanh_or_sigmoid__simd(x, activation);
}

/** max(x, 0) of four numbers, one instruction on x64; NaN stays NaN. */
export function f32_relu__simd(x: v128): v128 {
  return f32x4.pmax(x, f32x4.splat(0));
}

/** 1 / (1 + e^−x), within 3 ULP for x ≥ −87.3. Below −88 it is e^−88, as the true result would be no normal number. */
export function f32_sigmoid__scalar(x: f32): f32 {
  return 1 / (1 + f32_exp__scalar(-x));
}

// Cephes' tanhf: where |x| < 0.625, 1 − 2/(e^2x + 1) would cancel digits, and a polynomial takes its place,
// tanh x ≈ x + x³ · ((((T4·x² + T3)·x² + T2)·x² + T1)·x² + T0).
const POLYNOMIAL_BELOW: f32 = 0.625;
const T0: f32 = -3.33332819422e-1;
const T1: f32 = 1.33314422036e-1;
const T2: f32 = -5.37397155531e-2;
const T3: f32 = 2.06390887954e-2;
const T4: f32 = -5.70498872745e-3;

/** tanh x, within 2 ULP. */
function f32_tanh__scalar(x: f32): f32 {
  const size = abs<f32>(x);
  if (size < POLYNOMIAL_BELOW) {
    const square = x * x;
    return ((((T4 * square + T3) * square + T2) * square + T1) * square + T0) * square * x + x;
  }
  return copysign<f32>(1 - 2 / (f32_exp__scalar(size + size) + 1), x);
}

/**
 * tanh x of four numbers if `activation` is ACTIVATION_TANH, otherwise their sigmoids; as the scalar functions above.
 */
export function f32_tanh_or_sigmoid__simd(x: v128, activation: u32): v128 {
  const one = f32x4.splat(1);
  if (activation !== ACTIVATION_TANH) return f32x4.div(one, f32x4.add(one, f32_exp__simd(f32x4.neg(x))));
  const square = f32x4.mul(x, x);
  let p = hornerStep(f32x4.splat(T4), square, T3);
  p = hornerStep(p, square, T2);
  p = hornerStep(p, square, T1);
  p = hornerStep(p, square, T0);
  const small = f32x4.add(f32x4.mul(f32x4.mul(p, square), x), x);
  const size = f32x4.abs(x);
  const large = f32x4.sub(one, f32x4.div(f32x4.splat(2), f32x4.add(f32_exp__simd(f32x4.add(size, size)), one)));
  const signed = v128.bitselect(x, large, i32x4.splat(0x80000000));
  return v128.bitselect(small, signed, f32x4.lt(size, f32x4.splat(POLYNOMIAL_BELOW)));
}
