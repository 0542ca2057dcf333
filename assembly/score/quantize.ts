// Quantization of float32 activations to the u7 inputs of an int8 layer:
//
//   q = nearest(clamp(a · inverseScale + zeroPoint, 0, ACTIVATION_MAX))
//
// Product and sum are each rounded to float32, and halves go to the even number. NaN becomes 0; nothing here can trap.
import { ACTIVATION_MAX, LAYER_INPUTS } from "../../format/constants";
import { isMemory } from "../memory";
import { itemMasks } from "./buffers";
import { inverseScale, isInt8, padOutputs, zeroPoint } from "./layers";

/**
 * Stores one record's inputs of `layer` in the type that it takes. [source, end) are its K float32 inputs, behind which
 * there is room for their padding, zeros that are written here. `target`: where the first word goes; the next ones are
 * `stride` bytes apart.
 */
export function storeInputs(layer: usize, source: usize, end: usize, target: usize, stride: u32): void {
  const inputs = load<u32>(layer, LAYER_INPUTS);
  const padded = padOutputs(inputs);
  assert(end === source + 4 * inputs);
  assert(isMemory(source, 4 * padded));
  memory.fill(end, 0, 4 * (padded - inputs));
  storeWords(layer, source, padded, target, stride);
}

/** Stores `count` float32 activations, a multiple of 4, as words of `layer`'s inputs. */
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
 * Stores words [first, end) of one record's inputs of `layer`, ANDed with masks: with `itemMasks` if `flip` is 0, or
 * with their complements if it is all ones. `source`: the record's float32 inputs. `target`: where word 0 goes; the
 * next ones are `stride` bytes apart.
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

/** Four float32 activations at `source` as one word of u7 inputs. */
function quantizedWord(layer: usize, source: usize): u32 {
  const inverse = inverseScale(layer);
  const zero = zeroPoint(layer);
  if (ASC_FEATURE_SIMD) {
    const q = f32_u7_quantize__simd(v128.load(source), f32x4.splat(inverse), f32x4.splat(zero));
    return i32x4.extract_lane(narrow(q), 0);
  }
  let word: u32 = 0;
  for (let i: u32 = 0; i < 4; i++) {
    word |= (<u32>f32_u7_quantize__scalar(load<f32>(source + 4 * i), inverse, zero)) << (8 * i);
  }
  return word;
}

/** One activation; the scalar twin of `f32_u7_quantize__simd`. */
export function f32_u7_quantize__scalar(a: f32, inverse: f32, zero: f32): u8 {
  const clamped = min<f32>(max<f32>(nearest<f32>(a * inverse + zero), 0), <f32>ACTIVATION_MAX);
  return <u8>(<u32>clamped);
}

// Vectors that the code loads from memory, since V8 makes a constant anew, in several instructions, wherever it is
// used.
/** ACTIVATION_MAX */
const MOST = memory.data<f32>([127, 127, 127, 127], 16);
/**
 * 1.5 · 2²³. float32 numbers of this size are integers, so adding it to a number rounds that as `nearest` does. The
 * integer is then the difference between the bits of the sum and those of this constant.
 */
const ROUNDER = memory.data<f32>([12582912, 12582912, 12582912, 12582912], 16);

/**
 * Four activations to four i32. Every operation is one instruction on x64, which `f32x4.max` and truncation to integers
 * would not be.
 */
export function f32_u7_quantize__simd(a: v128, inverses: v128, zeros: v128): v128 {
  const x = f32x4.add(f32x4.mul(a, inverses), zeros);
  const clamped = f32x4.pmin(v128.load(MOST), f32x4.pmax(f32x4.splat(0), x));
  return i32x4.sub(f32x4.add(clamped, v128.load(ROUNDER)), v128.load(ROUNDER));
}

/** Quantizes four activations and stores them as one word. */
export function storeU7__simd(target: usize, a: v128, inverses: v128, zeros: v128): void {
  v128.store32_lane(target, narrow(f32_u7_quantize__simd(a, inverses, zeros)), 0);
}

/** Four i32 in 0..127 to four bytes, the first word of the result. */
function narrow(q: v128): v128 {
  const halves = i16x8.narrow_i32x4_s(q, q);
  return i8x16.narrow_i16x8_u(halves, halves);
}
