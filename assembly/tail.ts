// What follows the sums of four outputs of a layer: scale and bias, activation, and the next layer's quantisation, all in
// registers. Product and sum are rounded one after the other in every variant (no fused multiply-add), so that int8
// layers give the same bits everywhere.
import { activate_simd } from "./activation";
import { storeU7_simd } from "./quantise";

/** sum · scale + bias of four i32 sums. */
export function scale_simd(sum: v128, scale: v128, bias: v128): v128 {
  return f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(sum), scale), bias);
}

/** Stores the activations of four numbers, as u7 for a next layer of int8 or as f32. */
export function store_simd(target: usize, y: v128, activation: u32, toU7: bool, inverse: v128, zero: v128): void {
  const a = activate_simd(y, activation);
  if (toU7) storeU7_simd(target, a, inverse, zero);
  else v128.store(target, a);
}
