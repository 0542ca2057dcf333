// y = activation(W·a + bias), f32 weights in tiles [N/4][K][4 outputs], f32 inputs. Every output is summed in order of k in
// every variant and for every batch size; the relaxed build rounds product and sum together where the processor does.
import { TILE_OUTPUTS } from "../format/constants";
import { activate_scalar } from "./activation";
import { activationOf, biasesOf, inputsOf, inverseScale, isInt8, outputsOf, weightsOf, zeroPoint } from "./layers";
import { storeU7_scalar } from "./quantise";
import { store_simd } from "./tail";

/** See dense.ts. */
export function dense_f32_scalar(
  layer: usize,
  next: usize,
  input: usize,
  inputBytes: u32,
  output: usize,
  outputBytes: u32,
  records: u32,
): void {
  const inputs = inputsOf(layer);
  const outputs = outputsOf(layer);
  const activation = activationOf(layer);
  const toU7 = isInt8(next);
  const inverse = toU7 ? inverseScale(next) : 0;
  const zero = toU7 ? zeroPoint(next) : 0;
  for (let r: u32 = 0; r < records; r++) {
    for (let n: u32 = 0; n < outputs; n++) {
      const tile = n & ~(TILE_OUTPUTS - 1);
      let weights = weightsOf(layer) + 4 * (tile * inputs + (n - tile));
      const end = input + 4 * inputs;
      let sum: f32 = 0;
      for (let at = input; at < end; at += 4) {
        sum += load<f32>(weights) * load<f32>(at);
        weights += 4 * TILE_OUTPUTS;
      }
      const y = activate_scalar(sum + load<f32>(biasesOf(layer) + 4 * n), activation);
      if (toU7) storeU7_scalar(output + n, y, inverse, zero);
      else store<f32>(output + 4 * n, y);
    }
    input += inputBytes;
    output += outputBytes;
  }
}

/**
 * See dense.ts. Plain and relaxed SIMD: blocks of 4 records (a, b, c, d) × 8 outputs (tiles 0, 1), then the rest of the
 * records one by one.
 */
export function dense_f32_simd(
  layer: usize,
  next: usize,
  input: usize,
  inputBytes: u32,
  output: usize,
  outputBytes: u32,
  records: u32,
): void {
  const inputs = inputsOf(layer);
  const outputs = outputsOf(layer);
  const activation = activationOf(layer);
  const toU7 = isInt8(next);
  const inverse = f32x4.splat(toU7 ? inverseScale(next) : 0);
  const zero = f32x4.splat(toU7 ? zeroPoint(next) : 0);
  const unit: u32 = toU7 ? 1 : 4; // bytes of one output
  const blocks = input + (records & ~3) * inputBytes;
  for (let n: u32 = 0; n < outputs; n += 8) {
    const weights0 = weightsOf(layer) + 4 * n * inputs;
    const weights1 = weights0 + 16 * inputs;
    const bias0 = v128.load(biasesOf(layer) + 4 * n);
    const bias1 = v128.load(biasesOf(layer) + 4 * n, 16);
    let y = output + n * unit;
    let a = input;
    while (a < blocks) {
      const b = a + inputBytes;
      const c = b + inputBytes;
      const d = c + inputBytes;
      let a0 = f32x4.splat(0);
      let a1 = f32x4.splat(0);
      let b0 = f32x4.splat(0);
      let b1 = f32x4.splat(0);
      let c0 = f32x4.splat(0);
      let c1 = f32x4.splat(0);
      let d0 = f32x4.splat(0);
      let d1 = f32x4.splat(0);
      for (let k: u32 = 0; k < inputs; k++) {
        const w0 = v128.load(weights0 + 16 * k);
        const w1 = v128.load(weights1 + 16 * k);
        const xa = v128.load32_splat(a + 4 * k);
        a0 = madd(w0, xa, a0);
        a1 = madd(w1, xa, a1);
        const xb = v128.load32_splat(b + 4 * k);
        b0 = madd(w0, xb, b0);
        b1 = madd(w1, xb, b1);
        const xc = v128.load32_splat(c + 4 * k);
        c0 = madd(w0, xc, c0);
        c1 = madd(w1, xc, c1);
        const xd = v128.load32_splat(d + 4 * k);
        d0 = madd(w0, xd, d0);
        d1 = madd(w1, xd, d1);
      }
      store_simd(y, f32x4.add(a0, bias0), activation, toU7, inverse, zero);
      store_simd(y + 4 * unit, f32x4.add(a1, bias1), activation, toU7, inverse, zero);
      y += outputBytes;
      store_simd(y, f32x4.add(b0, bias0), activation, toU7, inverse, zero);
      store_simd(y + 4 * unit, f32x4.add(b1, bias1), activation, toU7, inverse, zero);
      y += outputBytes;
      store_simd(y, f32x4.add(c0, bias0), activation, toU7, inverse, zero);
      store_simd(y + 4 * unit, f32x4.add(c1, bias1), activation, toU7, inverse, zero);
      y += outputBytes;
      store_simd(y, f32x4.add(d0, bias0), activation, toU7, inverse, zero);
      store_simd(y + 4 * unit, f32x4.add(d1, bias1), activation, toU7, inverse, zero);
      y += outputBytes;
      a = d + inputBytes;
    }
  }
  for (let r = records & ~3; r < records; r++) {
    row_f32_simd(layer, input + r * inputBytes, output + r * outputBytes, unit, inverse, zero);
  }
}

/** A single record: 32 outputs at a time, since fewer sums would each wait for its own last addition. */
function row_f32_simd(layer: usize, input: usize, output: usize, unit: u32, inverse: v128, zero: v128): void {
  const inputs = inputsOf(layer);
  const outputs = outputsOf(layer);
  const activation = activationOf(layer);
  const toU7 = unit === 1;
  const tileBytes = 16 * inputs;
  let weights = weightsOf(layer);
  let bias = biasesOf(layer);
  let n: u32 = 0;
  for (; n + 32 <= outputs; n += 32) {
    let y0 = f32x4.splat(0);
    let y1 = f32x4.splat(0);
    let y2 = f32x4.splat(0);
    let y3 = f32x4.splat(0);
    let y4 = f32x4.splat(0);
    let y5 = f32x4.splat(0);
    let y6 = f32x4.splat(0);
    let y7 = f32x4.splat(0);
    for (let k: u32 = 0; k < inputs; k++) {
      const x = v128.load32_splat(input + 4 * k);
      const w = weights + 16 * k;
      y0 = madd(v128.load(w), x, y0);
      y1 = madd(v128.load(w + tileBytes), x, y1);
      y2 = madd(v128.load(w + 2 * tileBytes), x, y2);
      y3 = madd(v128.load(w + 3 * tileBytes), x, y3);
      y4 = madd(v128.load(w + 4 * tileBytes), x, y4);
      y5 = madd(v128.load(w + 5 * tileBytes), x, y5);
      y6 = madd(v128.load(w + 6 * tileBytes), x, y6);
      y7 = madd(v128.load(w + 7 * tileBytes), x, y7);
    }
    store_simd(output, f32x4.add(y0, v128.load(bias)), activation, toU7, inverse, zero);
    store_simd(output + 4 * unit, f32x4.add(y1, v128.load(bias, 16)), activation, toU7, inverse, zero);
    store_simd(output + 8 * unit, f32x4.add(y2, v128.load(bias, 32)), activation, toU7, inverse, zero);
    store_simd(output + 12 * unit, f32x4.add(y3, v128.load(bias, 48)), activation, toU7, inverse, zero);
    store_simd(output + 16 * unit, f32x4.add(y4, v128.load(bias, 64)), activation, toU7, inverse, zero);
    store_simd(output + 20 * unit, f32x4.add(y5, v128.load(bias, 80)), activation, toU7, inverse, zero);
    store_simd(output + 24 * unit, f32x4.add(y6, v128.load(bias, 96)), activation, toU7, inverse, zero);
    store_simd(output + 28 * unit, f32x4.add(y7, v128.load(bias, 112)), activation, toU7, inverse, zero);
    weights += 8 * tileBytes;
    bias += 128;
    output += 32 * unit;
  }
  for (; n < outputs; n += 8) {
    let y0 = f32x4.splat(0);
    let y1 = f32x4.splat(0);
    for (let k: u32 = 0; k < inputs; k++) {
      const x = v128.load32_splat(input + 4 * k);
      y0 = madd(v128.load(weights + 16 * k), x, y0);
      y1 = madd(v128.load(weights + tileBytes + 16 * k), x, y1);
    }
    store_simd(output, f32x4.add(y0, v128.load(bias)), activation, toU7, inverse, zero);
    store_simd(output + 4 * unit, f32x4.add(y1, v128.load(bias, 16)), activation, toU7, inverse, zero);
    weights += 2 * tileBytes;
    bias += 32;
    output += 8 * unit;
  }
}

/** a · b + c */
function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}
