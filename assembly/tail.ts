// What follows the sums of four outputs of a hidden layer: scale, bias, ReLU, and the next layer's quantisation, all in
// registers. Product and sum are rounded one after the other in every variant (no fused multiply-add), so that int8
// layers give the same bits everywhere.
import { storeU7_simd } from "./quantise";

/** relu(sum · scale + bias) of four i32 sums. */
export function finish_i8_simd(sum: v128, scale: v128, bias: v128): v128 {
  return relu_simd(f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(sum), scale), bias));
}

export function relu_simd(y: v128): v128 {
  return f32x4.max(y, f32x4.splat(0));
}

/** Stores four activations, as u7 for a next layer of int8 or as f32. */
export function store_simd(target: usize, y: v128, toU7: bool, inverse: v128, zero: v128): void {
  if (toU7) storeU7_simd(target, y, inverse, zero);
  else v128.store(target, y);
}
