// y = activation(scale ∘ (W·q) + bias) with the four-way dot product of relaxed SIMD: one instruction where the processor
// has it (VPDPBUSD, SDOT). It is defined alike everywhere for a second operand in 0..127, and so are its 16-bit steps:
// 2 · 127 · 128 < 2¹⁵.
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
 * See dense.ts. Blocks of 4 records (a, b, c, d) × 8 outputs (tiles 0, 1): 8 sums, 2 weights and 4 inputs fit the 16
 * registers of x86.
 */
export function dense_i8_relaxed(
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
  for (let n: u32 = 0; n < outputs; n += 8) {
    const weights0 = weightsOf(layer) + n * inputs;
    const weights1 = weights0 + 4 * inputs;
    const scale0 = v128.load(scalesOf(layer) + 4 * n);
    const scale1 = v128.load(scalesOf(layer) + 4 * n, 16);
    const bias0 = v128.load(biasesOf(layer) + 4 * n);
    const bias1 = v128.load(biasesOf(layer) + 4 * n, 16);
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
        const w0 = v128.load(weights0 + 4 * k);
        const w1 = v128.load(weights1 + 4 * k);
        const qa = v128.load32_splat(a + k);
        a0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w0, qa, a0);
        a1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w1, qa, a1);
        const qb = v128.load32_splat(b + k);
        b0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w0, qb, b0);
        b1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w1, qb, b1);
        const qc = v128.load32_splat(c + k);
        c0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w0, qc, c0);
        c1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w1, qc, c1);
        const qd = v128.load32_splat(d + k);
        d0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w0, qd, d0);
        d1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w1, qd, d1);
      }
      store_simd(y, scale_simd(a0, scale0, bias0), activation, toU7, inverse, zero);
      store_simd(y + 4 * unit, scale_simd(a1, scale1, bias1), activation, toU7, inverse, zero);
      y += outputBytes;
      store_simd(y, scale_simd(b0, scale0, bias0), activation, toU7, inverse, zero);
      store_simd(y + 4 * unit, scale_simd(b1, scale1, bias1), activation, toU7, inverse, zero);
      y += outputBytes;
      store_simd(y, scale_simd(c0, scale0, bias0), activation, toU7, inverse, zero);
      store_simd(y + 4 * unit, scale_simd(c1, scale1, bias1), activation, toU7, inverse, zero);
      y += outputBytes;
      store_simd(y, scale_simd(d0, scale0, bias0), activation, toU7, inverse, zero);
      store_simd(y + 4 * unit, scale_simd(d1, scale1, bias1), activation, toU7, inverse, zero);
      y += outputBytes;
      a = d + inputBytes;
    }
    // One record at a time: four steps of k side by side, since one sum would wait for its own last addition.
    for (; a < end; a += inputBytes) {
      let a0 = i32x4.splat(0);
      let a1 = i32x4.splat(0);
      let b0 = i32x4.splat(0);
      let b1 = i32x4.splat(0);
      let c0 = i32x4.splat(0);
      let c1 = i32x4.splat(0);
      let d0 = i32x4.splat(0);
      let d1 = i32x4.splat(0);
      let k: u32 = 0;
      for (; k + 16 <= inputs; k += 16) {
        const w0 = weights0 + 4 * k;
        const w1 = weights1 + 4 * k;
        const qa = v128.load32_splat(a + k);
        a0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(w0), qa, a0);
        a1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(w1), qa, a1);
        const qb = v128.load32_splat(a + k, 4);
        b0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(w0, 16), qb, b0);
        b1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(w1, 16), qb, b1);
        const qc = v128.load32_splat(a + k, 8);
        c0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(w0, 32), qc, c0);
        c1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(w1, 32), qc, c1);
        const qd = v128.load32_splat(a + k, 12);
        d0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(w0, 48), qd, d0);
        d1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(w1, 48), qd, d1);
      }
      for (; k < inputs; k += 4) {
        const q = v128.load32_splat(a + k);
        a0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(weights0 + 4 * k), q, a0);
        a1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(weights1 + 4 * k), q, a1);
      }
      a0 = i32x4.add(i32x4.add(a0, b0), i32x4.add(c0, d0));
      a1 = i32x4.add(i32x4.add(a1, b1), i32x4.add(c1, d1));
      store_simd(y, scale_simd(a0, scale0, bias0), activation, toU7, inverse, zero);
      store_simd(y + 4 * unit, scale_simd(a1, scale1, bias1), activation, toU7, inverse, zero);
      y += outputBytes;
    }
  }
}
