// What follows the sums of 8 outputs of a layer, all in registers: scale and bias, activation, and the quantization
// that the next layer asks for. Product and sum are rounded one after the other in every variant (no fused
// multiply-add), so that int8 layers give the same bits everywhere.
import { ACTIVATION_NONE, ACTIVATION_RELU, PAD_OUTPUTS } from "../../format/constants";
import { f32_activate__scalar, f32_activate__simd, f32_relu__simd, f32_tanh_or_sigmoid__simd } from "./activation";
import { sums } from "./buffers";
import { activationOf, biasesOf, inverseScale, isInt8, outputBytes, scalesOf, zeroPoint } from "./layers";
import { f32_u7_quantize__scalar, f32_u7_quantize__simd, storeU7__simd } from "./quantize";

/**
 * Outputs n … n + 7 of the four records whose sums are in `sums`. `output`: the four records' block of inputs of
 * layer `next`; if that is 0, the first one's float32 outputs.
 */
export function epilogue_4x8(layer: usize, next: usize, n: u32, output: usize): void {
  if (ASC_FEATURE_SIMD) {
    epilogue_4x8__simd(layer, next, n, output);
    return;
  }
  const stride = outputBytes(layer, next);
  for (let r: u32 = 0; r < 4; r++) {
    if (next === 0) epilogue_1x8__scalar(layer, next, n, sums + 32 * r, output + r * stride, 4);
    else epilogue_1x8__scalar(layer, next, n, sums + 32 * r, output + 4 * r, 16);
  }
}

/**
 * Outputs n … n + 7 of one record, whose sums are at `from`. `output`: the record's inputs of layer `next`; if that
 * is 0, its float32 outputs.
 */
export function epilogue_1x8(layer: usize, next: usize, n: u32, from: usize, output: usize): void {
  if (ASC_FEATURE_SIMD) epilogue_1x8__simd(layer, next, n, from, output);
  else epilogue_1x8__scalar(layer, next, n, from, output, 4);
}

function epilogue_4x8__simd(layer: usize, next: usize, n: u32, output: usize): void {
  const int8 = isInt8(layer);
  const toU7 = isInt8(next);
  const activation = activationOf(layer);
  const scales = int8 ? scalesOf(layer) + 4 * n : 0;
  const biases = biasesOf(layer) + 4 * n;
  const inverses = f32x4.splat(toU7 ? inverseScale(next) : 0);
  const zeros = f32x4.splat(toU7 ? zeroPoint(next) : 0);
  for (let half: u32 = 0; half < 2; half++) {
    let a = v128.load(sums + 16 * half);
    let b = v128.load(sums + 16 * half, 32);
    let c = v128.load(sums + 16 * half, 64);
    let d = v128.load(sums + 16 * half, 96);
    if (int8) {
      const scale = v128.load(scales + 16 * half);
      a = f32x4.mul(f32x4.convert_i32x4_s(a), scale);
      b = f32x4.mul(f32x4.convert_i32x4_s(b), scale);
      c = f32x4.mul(f32x4.convert_i32x4_s(c), scale);
      d = f32x4.mul(f32x4.convert_i32x4_s(d), scale);
    }
    const bias = v128.load(biases + 16 * half);
    a = f32x4.add(a, bias);
    b = f32x4.add(b, bias);
    c = f32x4.add(c, bias);
    d = f32x4.add(d, bias);
    // One branch for all four: a call for each would move all numbers to memory and back.
    if (activation === ACTIVATION_RELU) {
      a = f32_relu__simd(a);
      b = f32_relu__simd(b);
      c = f32_relu__simd(c);
      d = f32_relu__simd(d);
    } else if (activation !== ACTIVATION_NONE) {
      a = f32_tanh_or_sigmoid__simd(a, activation);
      b = f32_tanh_or_sigmoid__simd(b, activation);
      c = f32_tanh_or_sigmoid__simd(c, activation);
      d = f32_tanh_or_sigmoid__simd(d, activation);
    }
    if (toU7) {
      const qa = f32_u7_quantize__simd(a, inverses, zeros);
      const qb = f32_u7_quantize__simd(b, inverses, zeros);
      const qc = f32_u7_quantize__simd(c, inverses, zeros);
      const qd = f32_u7_quantize__simd(d, inverses, zeros);
      const bytes = i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_s(qa, qb), i16x8.narrow_i32x4_s(qc, qd));
      v128.store(output + 4 * n, bytes);
    } else if (next !== 0) storeTransposed(output + 16 * n, a, b, c, d);
    else {
      const stride = outputBytes(layer, next);
      const y = output + 4 * n;
      v128.store(y, a);
      v128.store(y + stride, b);
      v128.store(y + 2 * stride, c);
      v128.store(y + 3 * stride, d);
    }
    n += 4;
  }
}

function epilogue_1x8__simd(layer: usize, next: usize, n: u32, from: usize, output: usize): void {
  for (let half: u32 = 0; half < 2; half++) {
    const y = affine(layer, v128.load(from), scaleOf(layer, n), v128.load(biasesOf(layer) + 4 * n));
    const a = f32_activate__simd(y, activationOf(layer));
    if (isInt8(next)) storeU7__simd(output + n, a, f32x4.splat(inverseScale(next)), f32x4.splat(zeroPoint(next)));
    else v128.store(output + 4 * n, a);
    from += 16;
    n += 4;
  }
}

/** `stride`: bytes between two words of the outputs. */
function epilogue_1x8__scalar(layer: usize, next: usize, n: u32, from: usize, output: usize, stride: u32): void {
  const toU7 = isInt8(next);
  for (const end = n + PAD_OUTPUTS; n < end; n++) {
    const bias = load<f32>(biasesOf(layer) + 4 * n);
    const y = isInt8(layer) ? <f32>load<i32>(from) * load<f32>(scalesOf(layer) + 4 * n) + bias : load<f32>(from) + bias;
    const a = f32_activate__scalar(y, activationOf(layer));
    if (toU7) {
      const q = f32_u7_quantize__scalar(a, inverseScale(next), zeroPoint(next));
      store<u8>(output + (n >>> 2) * stride + (n & 3), q);
    } else store<f32>(output + n * stride, a);
    from += 4;
  }
}

/** The scales of outputs n … n + 3; without meaning for a float32 layer, which has none. */
function scaleOf(layer: usize, n: u32): v128 {
  return isInt8(layer) ? v128.load(scalesOf(layer) + 4 * n) : f32x4.splat(1);
}

/** sum · scale + bias of four i32 sums; sum + bias of four float32 sums. */
function affine(layer: usize, sum: v128, scale: v128, bias: v128): v128 {
  return f32x4.add(isInt8(layer) ? f32x4.mul(f32x4.convert_i32x4_s(sum), scale) : sum, bias);
}

/**
 * Stores four outputs of the records a, b, c and d as a block: output by output, those of the four records together.
 */
function storeTransposed(output: usize, a: v128, b: v128, c: v128, d: v128): void {
  const abLow = v128.shuffle<i32>(a, b, 0, 4, 1, 5);
  const abHigh = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
  const cdLow = v128.shuffle<i32>(c, d, 0, 4, 1, 5);
  const cdHigh = v128.shuffle<i32>(c, d, 2, 6, 3, 7);
  v128.store(output, v128.shuffle<i64>(abLow, cdLow, 0, 2));
  v128.store(output, v128.shuffle<i64>(abLow, cdLow, 1, 3), 16);
  v128.store(output, v128.shuffle<i64>(abHigh, cdHigh, 0, 2), 32);
  v128.store(output, v128.shuffle<i64>(abHigh, cdHigh, 1, 3), 48);
}
