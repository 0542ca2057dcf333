// y = activation(scale ∘ (W·q) + bias) in plain SIMD, which has no dot product of bytes: both operands are widened to 16 bits
// and multiplied in pairs, so the sum of an output stays in two lanes until the end.
import {
  activationOf,
  biasesOf,
  inputsOf,
  inverseScale,
  isInt8,
  outputsOf,
  scalesOf,
  weightsOf,
  zeroPoint,
} from "./layers";
import { scale_simd, store_simd } from "./tail";

/**
 * See dense.ts. Blocks of 4 records (a, b, c, d) × 4 outputs (two in sum 0, two in sum 1): their 8 sums fit the
 * registers, those of 8 outputs would not.
 */
export function dense_i8_simd(
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
  const end = input + records * inputBytes;
  for (let n: u32 = 0; n < outputs; n += 4) {
    const weights = weightsOf(layer) + n * inputs;
    const scale = v128.load(scalesOf(layer) + 4 * n);
    const bias = v128.load(biasesOf(layer) + 4 * n);
    let y = output + n * unit;
    let a = input;
    while (a < blocks) {
      const b = a + inputBytes;
      const c = b + inputBytes;
      const d = c + inputBytes;
      let a0 = i32x4.splat(0);
      let a1 = i32x4.splat(0);
      let b0 = i32x4.splat(0);
      let b1 = i32x4.splat(0);
      let c0 = i32x4.splat(0);
      let c1 = i32x4.splat(0);
      let d0 = i32x4.splat(0);
      let d1 = i32x4.splat(0);
      for (let k: u32 = 0; k < inputs; k += 4) {
        const w0 = v128.load8x8_s(weights + 4 * k);
        const w1 = v128.load8x8_s(weights + 4 * k, 8);
        const qa = i16x8.extend_low_i8x16_u(v128.load32_splat(a + k));
        a0 = i32x4.add(a0, i32x4.dot_i16x8_s(w0, qa));
        a1 = i32x4.add(a1, i32x4.dot_i16x8_s(w1, qa));
        const qb = i16x8.extend_low_i8x16_u(v128.load32_splat(b + k));
        b0 = i32x4.add(b0, i32x4.dot_i16x8_s(w0, qb));
        b1 = i32x4.add(b1, i32x4.dot_i16x8_s(w1, qb));
        const qc = i16x8.extend_low_i8x16_u(v128.load32_splat(c + k));
        c0 = i32x4.add(c0, i32x4.dot_i16x8_s(w0, qc));
        c1 = i32x4.add(c1, i32x4.dot_i16x8_s(w1, qc));
        const qd = i16x8.extend_low_i8x16_u(v128.load32_splat(d + k));
        d0 = i32x4.add(d0, i32x4.dot_i16x8_s(w0, qd));
        d1 = i32x4.add(d1, i32x4.dot_i16x8_s(w1, qd));
      }
      store_simd(y, scale_simd(joinPairs(a0, a1), scale, bias), activation, toU7, inverse, zero);
      y += outputBytes;
      store_simd(y, scale_simd(joinPairs(b0, b1), scale, bias), activation, toU7, inverse, zero);
      y += outputBytes;
      store_simd(y, scale_simd(joinPairs(c0, c1), scale, bias), activation, toU7, inverse, zero);
      y += outputBytes;
      store_simd(y, scale_simd(joinPairs(d0, d1), scale, bias), activation, toU7, inverse, zero);
      y += outputBytes;
      a = d + inputBytes;
    }
    for (; a < end; a += inputBytes) {
      let a0 = i32x4.splat(0);
      let a1 = i32x4.splat(0);
      for (let k: u32 = 0; k < inputs; k += 4) {
        const q = i16x8.extend_low_i8x16_u(v128.load32_splat(a + k));
        a0 = i32x4.add(a0, i32x4.dot_i16x8_s(v128.load8x8_s(weights + 4 * k), q));
        a1 = i32x4.add(a1, i32x4.dot_i16x8_s(v128.load8x8_s(weights + 4 * k, 8), q));
      }
      store_simd(y, scale_simd(joinPairs(a0, a1), scale, bias), activation, toU7, inverse, zero);
      y += outputBytes;
    }
  }
}

/** [a₀+a₁, a₂+a₃, b₀+b₁, b₂+b₃]: the sums of four outputs from their two lanes each. */
function joinPairs(a: v128, b: v128): v128 {
  return i32x4.add(v128.shuffle<i32>(a, b, 0, 2, 4, 6), v128.shuffle<i32>(a, b, 1, 3, 5, 7));
}
