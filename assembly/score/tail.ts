// What follows the sums of 8 outputs of a layer: scale and bias, activation, and the next layer's quantization, all in
// registers. Product and sum are rounded one after the other in every variant (no fused multiply-add), so that int8
// layers give the same bits everywhere.
import { ACTIVATION_NONE, ACTIVATION_RELU, PAD_OUTPUTS } from "../../format/constants";
import { activate_scalar, activate_simd, curve_simd, relu_simd } from "./activation";
import { sums } from "./buffers";
import { activationOf, biasesOf, inverseScale, isInt8, outputBytes, scalesOf, zeroPoint } from "./layers";
import { quantize_scalar, quantize_simd, storeU7_simd } from "./quantize";

/** Outputs n … n + 7 of the four records whose sums are in `sums`; `output`: their block, or their rows if next is 0. */
export function finishBlock(layer: usize, next: usize, n: u32, output: usize): void {
  if (!ASC_FEATURE_SIMD) {
    const stride = outputBytes(layer, next);
    for (let r: u32 = 0; r < 4; r++) {
      if (next === 0) finish_scalar(layer, next, n, sums + 32 * r, output + r * stride, 4);
      else finish_scalar(layer, next, n, sums + 32 * r, output + 4 * r, 16);
    }
    return;
  }
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
    // One branch for all four: a call for each would keep all numbers in memory.
    if (activation === ACTIVATION_RELU) {
      a = relu_simd(a);
      b = relu_simd(b);
      c = relu_simd(c);
      d = relu_simd(d);
    } else if (activation !== ACTIVATION_NONE) {
      a = curve_simd(a, activation);
      b = curve_simd(b, activation);
      c = curve_simd(c, activation);
      d = curve_simd(d, activation);
    }
    if (toU7) {
      const ab = i16x8.narrow_i32x4_s(quantize_simd(a, inverses, zeros), quantize_simd(b, inverses, zeros));
      const cd = i16x8.narrow_i32x4_s(quantize_simd(c, inverses, zeros), quantize_simd(d, inverses, zeros));
      v128.store(output + 4 * n, i8x16.narrow_i16x8_u(ab, cd));
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

/** Outputs n … n + 7 of one record whose sums are at `from`; `output`: the record's inputs of the next layer, or its row. */
export function finishRow(layer: usize, next: usize, n: u32, from: usize, output: usize): void {
  if (!ASC_FEATURE_SIMD) {
    finish_scalar(layer, next, n, from, output, 4);
    return;
  }
  for (let half: u32 = 0; half < 2; half++) {
    const y = affine(layer, v128.load(from), scaleOf(layer, n), v128.load(biasesOf(layer) + 4 * n));
    const a = activate_simd(y, activationOf(layer));
    if (isInt8(next)) storeU7_simd(output + n, a, f32x4.splat(inverseScale(next)), f32x4.splat(zeroPoint(next)));
    else v128.store(output + 4 * n, a);
    from += 16;
    n += 4;
  }
}

/** `stride`: bytes from a word of the outputs to the next. */
function finish_scalar(layer: usize, next: usize, n: u32, from: usize, output: usize, stride: u32): void {
  const toU7 = isInt8(next);
  for (const end = n + PAD_OUTPUTS; n < end; n++) {
    const bias = load<f32>(biasesOf(layer) + 4 * n);
    const y = isInt8(layer) ? <f32>load<i32>(from) * load<f32>(scalesOf(layer) + 4 * n) + bias : load<f32>(from) + bias;
    const a = activate_scalar(y, activationOf(layer));
    if (toU7) store<u8>(output + (n >>> 2) * stride + (n & 3), quantize_scalar(a, inverseScale(next), zeroPoint(next)));
    else store<f32>(output + n * stride, a);
    from += 4;
  }
}

/** Four scales from output n on; of no meaning where the layer has none. */
function scaleOf(layer: usize, n: u32): v128 {
  return isInt8(layer) ? v128.load(scalesOf(layer) + 4 * n) : f32x4.splat(1);
}

/** sum · scale + bias of four i32 sums; sum + bias of f32 ones. */
function affine(layer: usize, sum: v128, scale: v128, bias: v128): v128 {
  return f32x4.add(isInt8(layer) ? f32x4.mul(f32x4.convert_i32x4_s(sum), scale) : sum, bias);
}

/** Four records' four outputs to four outputs' four records. */
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
