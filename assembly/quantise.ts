// f32 activations to the u7 inputs of an int8 layer: q = clamp(nearest(a · inverseScale + zero), 0, ACTIVATION_MAX),
// product and sum each rounded to f32, halves to even. A NaN becomes 0; nothing here can trap.
import { ACTIVATION_MAX, LAYER_INPUTS } from "../format/constants";
import { inputBytes, inverseScale, isInt8, padOutputs, zeroPoint } from "./layers";
import { isMemory } from "./memory";

/**
 * Stores one record's inputs of `layer` as it takes them: those of [source, end), K f32, after which there must be room
 * for their padding.
 */
export function storeInputs(layer: usize, source: usize, end: usize, target: usize): void {
  const inputs = load<u32>(layer, LAYER_INPUTS);
  const padded = padOutputs(inputs);
  assert(end === source + 4 * inputs);
  assert(isMemory(source, 4 * padded) && isMemory(target, inputBytes(layer)));
  memory.fill(end, 0, 4 * (padded - inputs));
  if (isInt8(layer)) quantise(layer, source, padded, target);
  else memory.copy(target, source, 4 * padded);
}

/** Quantises `count` activations (a multiple of 4) for `layer`. */
function quantise(layer: usize, source: usize, count: u32, target: usize): void {
  const inverse = inverseScale(layer);
  const zero = zeroPoint(layer);
  if (ASC_FEATURE_SIMD) {
    const inverses = f32x4.splat(inverse);
    const zeros = f32x4.splat(zero);
    for (let i: u32 = 0; i < count; i += 4) storeU7_simd(target + i, v128.load(source + 4 * i), inverses, zeros);
  } else {
    for (let i: u32 = 0; i < count; i++) storeU7_scalar(target + i, load<f32>(source + 4 * i), inverse, zero);
  }
}

export function storeU7_scalar(target: usize, a: f32, inverse: f32, zero: f32): void {
  const clamped = min<f32>(max<f32>(nearest<f32>(a * inverse + zero), 0), <f32>ACTIVATION_MAX);
  store<u8>(target, <u8>(<u32>clamped));
}

/** Four activations to four bytes. */
export function storeU7_simd(target: usize, a: v128, inverses: v128, zeros: v128): void {
  const rounded = f32x4.nearest(f32x4.add(f32x4.mul(a, inverses), zeros));
  // Converting and narrowing saturate at 0; the upper bound is ours.
  const words = i32x4.min_s(i32x4.trunc_sat_f32x4_s(rounded), i32x4.splat(ACTIVATION_MAX));
  const halves = i16x8.narrow_i32x4_s(words, words);
  v128.store32_lane(target, i8x16.narrow_i16x8_u(halves, halves), 0);
}
