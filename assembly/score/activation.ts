// What follows the sums of a layer. Every variant rounds alike, so that int8 layers give the same bits everywhere; of
// finite numbers all results are finite.
import { ACTIVATION_NONE, ACTIVATION_RELU, ACTIVATION_TANH } from "../../format/constants";
import { f32_exp__scalar, f32_exp__simd, step } from "./exp";

/** The activation of one sum. */
export function f32_activate__scalar(x: f32, activation: u32): f32 {
  if (activation === ACTIVATION_RELU) return x < 0 ? 0 : x;
  if (activation === ACTIVATION_NONE) return x;
  return activation === ACTIVATION_TANH ? f32_tanh__scalar(x) : f32_sigmoid__scalar(x);
}

/** The activations of four sums. */
export function f32_activate__simd(x: v128, activation: u32): v128 {
  if (activation === ACTIVATION_RELU) return f32_relu__simd(x);
  if (activation === ACTIVATION_NONE) return x;
  return f32_tanh_or_sigmoid__simd(x, activation);
}

/** One instruction; a NaN stays. */
export function f32_relu__simd(x: v128): v128 {
  return f32x4.pmax(x, f32x4.splat(0));
}

/** 1 / (1 + e^−x): within 3 ULP above −87.3; below −88, e^−88, where it would be no normal number. */
export function f32_sigmoid__scalar(x: f32): f32 {
  return 1 / (1 + f32_exp__scalar(-x));
}

// tanh x ≈ x + x³ · ((((T4·x² + T3)·x² + T2)·x² + T1)·x² + T0) below 0.625, where 1 − 2/(e^2x + 1) would cancel: Cephes'
// tanhf.
const SMALL: f32 = 0.625;
const T0: f32 = -3.33332819422e-1;
const T1: f32 = 1.33314422036e-1;
const T2: f32 = -5.37397155531e-2;
const T3: f32 = 2.06390887954e-2;
const T4: f32 = -5.70498872745e-3;

/** Within 2 ULP. */
function f32_tanh__scalar(x: f32): f32 {
  const size = abs<f32>(x);
  if (size < SMALL) {
    const square = x * x;
    return ((((T4 * square + T3) * square + T2) * square + T1) * square + T0) * square * x + x;
  }
  return copysign<f32>(1 - 2 / (f32_exp__scalar(size + size) + 1), x);
}

/** tanh or sigmoid of four. */
export function f32_tanh_or_sigmoid__simd(x: v128, activation: u32): v128 {
  const one = f32x4.splat(1);
  if (activation !== ACTIVATION_TANH) return f32x4.div(one, f32x4.add(one, f32_exp__simd(f32x4.neg(x))));
  const square = f32x4.mul(x, x);
  let p = step(f32x4.splat(T4), square, T3);
  p = step(p, square, T2);
  p = step(p, square, T1);
  p = step(p, square, T0);
  const small = f32x4.add(f32x4.mul(f32x4.mul(p, square), x), x);
  const size = f32x4.abs(x);
  const large = f32x4.sub(one, f32x4.div(f32x4.splat(2), f32x4.add(f32_exp__simd(f32x4.add(size, size)), one)));
  const signed = v128.bitselect(x, large, i32x4.splat(0x80000000));
  return v128.bitselect(small, signed, f32x4.lt(size, f32x4.splat(SMALL)));
}
