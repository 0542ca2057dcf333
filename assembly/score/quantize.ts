// f32 activations to the u7 inputs of an int8 layer: q = nearest(clamp(a · inverseScale + zero, 0, ACTIVATION_MAX)),
// product and sum each rounded to f32, halves to even. A NaN becomes 0; nothing here can trap.
import { ACTIVATION_MAX, LAYER_INPUTS } from "../../format/constants";
import { isMemory } from "../memory";
import { itemMasks } from "./buffers";
import { inverseScale, isInt8, padOutputs, zeroPoint } from "./layers";

/**
 * Stores one record's inputs of `layer` as it takes them: those of [source, end), K f32, after which there must be room
 * for their padding. `target`: the first word, `stride` bytes before the next.
 */
export function storeInputs(layer: usize, source: usize, end: usize, target: usize, stride: u32): void {
  const inputs = load<u32>(layer, LAYER_INPUTS);
  const padded = padOutputs(inputs);
  assert(end === source + 4 * inputs);
  assert(isMemory(source, 4 * padded));
  memory.fill(end, 0, 4 * (padded - inputs));
  storeWords(layer, source, padded, target, stride);
}

/** Stores `count` activations (a multiple of 4) as words of `layer`'s inputs, the first one at `target`. */
function storeWords(layer: usize, source: usize, count: u32, target: usize, stride: u32): void {
  if (!isInt8(layer)) {
    for (let i: u32 = 0; i < count; i++) store<f32>(target + i * stride, load<f32>(source + 4 * i));
    return;
  }
  const inverse = inverseScale(layer);
  const zero = zeroPoint(layer);
  if (ASC_FEATURE_SIMD) {
    const inverses = f32x4.splat(inverse);
    const zeros = f32x4.splat(zero);
    for (const end = source + 4 * count; source < end; source += 16) {
      storeU7__simd(target, v128.load(source), inverses, zeros);
      target += stride;
    }
  } else {
    for (let i: u32 = 0; i < count; i++) {
      const q = f32_u7_quantize__scalar(load<f32>(source + 4 * i), inverse, zero);
      store<u8>(target + (i >>> 2) * stride + (i & 3), q);
    }
  }
}

/**
 * Stores words [first, end) of one record's inputs, which `source` has as float32, with zeros where `itemMasks` (flip 0) or
 * its opposite (all ones) has them. `target`: word 0, `stride` bytes before the next.
 */
export function storeMasked(
  layer: usize,
  source: usize,
  first: u32,
  end: u32,
  flip: u32,
  target: usize,
  stride: u32,
): void {
  const int8 = isInt8(layer);
  for (let word = first; word < end; word++) {
    const bits = int8 ? quantizedWord(layer, source + 16 * word) : load<u32>(source + 4 * word);
    store<u32>(target + word * stride, bits & (load<u32>(itemMasks + 4 * word) ^ flip));
  }
}

/** Four activations as a word. */
function quantizedWord(layer: usize, source: usize): u32 {
  const inverse = inverseScale(layer);
  const zero = zeroPoint(layer);
  if (ASC_FEATURE_SIMD) {
    const words = f32_u7_quantize__simd(v128.load(source), f32x4.splat(inverse), f32x4.splat(zero));
    const halves = i16x8.narrow_i32x4_s(words, words);
    return i32x4.extract_lane(i8x16.narrow_i16x8_u(halves, halves), 0);
  }
  let word: u32 = 0;
  for (let i: u32 = 0; i < 4; i++) {
    word |= (<u32>f32_u7_quantize__scalar(load<f32>(source + 4 * i), inverse, zero)) << (8 * i);
  }
  return word;
}

export function f32_u7_quantize__scalar(a: f32, inverse: f32, zero: f32): u8 {
  const clamped = min<f32>(max<f32>(nearest<f32>(a * inverse + zero), 0), <f32>ACTIVATION_MAX);
  return <u8>(<u32>clamped);
}

// In memory, since V8 makes a vector constant anew, of several instructions, wherever it is used.
const MOST = memory.data<f32>([127, 127, 127, 127], 16);
// 1.5 · 2²³: f32 numbers of this size are whole, and adding it rounds as `nearest` does. Less its bits, the number is left.
const WHOLE = memory.data<f32>([12582912, 12582912, 12582912, 12582912], 16);

/** Four activations to four i32. Each instruction is one of the processor: `f32x4.max` and truncation would not be. */
export function f32_u7_quantize__simd(a: v128, inverses: v128, zeros: v128): v128 {
  const x = f32x4.add(f32x4.mul(a, inverses), zeros);
  const clamped = f32x4.pmin(v128.load(MOST), f32x4.pmax(f32x4.splat(0), x));
  return i32x4.sub(f32x4.add(clamped, v128.load(WHOLE)), v128.load(WHOLE));
}

/** Four activations to four bytes. */
export function storeU7__simd(target: usize, a: v128, inverses: v128, zeros: v128): void {
  const words = f32_u7_quantize__simd(a, inverses, zeros);
  const halves = i16x8.narrow_i32x4_s(words, words);
  v128.store32_lane(target, i8x16.narrow_i16x8_u(halves, halves), 0);
}
