// From entries to embeddings: gather rows, dequantize, pool. format/row.ts says how a row is laid out. SIMD takes
// four elements at a time; the loop below it takes the rest, or all of them in the scalar build, with the same
// roundings: no multiply-add is fused here, so that all variants give the same bits.
import { TYPE_F16, TYPE_F32, TYPE_I4, TYPE_I8 } from "../../format/constants";
import { isMemory } from "../memory";
import { addresses, arena, offsets, values } from "./buffers";
import { endField, firstField } from "./field-runs";
import { f16_f32_convert__scalar, f16_f32_convert__simd } from "./float16";
import { embeddingDim, fields, rowType } from "./model";
import { isRow } from "./rows";

/**
 * Writes the embeddings of the fields in runs [first, end) of one record of the batch to their places in `target`,
 * F × D f32: e_f = Σ value · v over the field's entries, or zeros if it has none.
 */
export function embed(record: u32, first: u32, end: u32, target: usize): void {
  assert(isMemory(target, 4 * fields * embeddingDim));
  for (let run = first; run < end; run++) {
    const from = firstField(run);
    let ends = offsets + 4 * (record * fields + from);
    let entry = load<u32>(ends);
    let e = target + 4 * from * embeddingDim;
    for (const after = target + 4 * endField(run) * embeddingDim; e < after; e += 4 * embeddingDim) {
      ends += 4;
      const last = load<u32>(ends);
      if (entry === last) memory.fill(e, 0, 4 * embeddingDim);
      for (let add = false; entry < last; entry++) {
        const row = <usize>load<u32>(addresses + 4 * entry);
        const value = load<f32>(values + 4 * entry);
        assert(isRow(row, arena));
        if (rowType === TYPE_I8) i8_axpy(row + 8, value * load<f32>(row), e, add);
        else if (rowType === TYPE_I4) i4_axpy(row + 8, value * load<f32>(row), e, add);
        else if (rowType === TYPE_F16) f16_axpy(row + 2, value, e, add);
        else f32_axpy(row + 4, value, e, add);
        add = true;
      }
    }
  }
}

/** The linear term: Σ value · w over the entries of the fields in runs [first, end) of one record of the batch. */
export function linear(record: u32, first: u32, end: u32): f32 {
  const wOffset: usize = rowType === TYPE_F32 ? 0 : 4;
  const starts = offsets + 4 * record * fields;
  let sum: f32 = 0;
  for (let run = first; run < end; run++) {
    const last = load<u32>(starts + 4 * endField(run));
    for (let entry = load<u32>(starts + 4 * firstField(run)); entry < last; entry++) {
      const row = <usize>load<u32>(addresses + 4 * entry);
      const w = rowType === TYPE_F16 ? f16_f32_convert__scalar(load<u16>(row)) : load<f32>(row + wOffset);
      sum += load<f32>(values + 4 * entry) * w;
    }
  }
  return sum;
}

/** target = factor · q, plus target if `add`: D float32 from D int8. */
function i8_axpy(q: usize, factor: f32, target: usize, add: bool): void {
  let j: u32 = 0;
  if (ASC_FEATURE_SIMD) {
    const factors = f32x4.splat(factor);
    for (; j + 4 <= embeddingDim; j += 4) {
      const wide = i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(v128.load32_zero(q + j)));
      const product = f32x4.mul(factors, f32x4.convert_i32x4_s(wide));
      v128.store(target + 4 * j, add ? f32x4.add(v128.load(target + 4 * j), product) : product);
    }
  }
  for (; j < embeddingDim; j++) {
    const product = factor * <f32>load<i8>(q + j);
    store<f32>(target + 4 * j, add ? load<f32>(target + 4 * j) + product : product);
  }
}

/**
 * target = factor · q, plus target if `add`: D float32 from D int4, the first of each two in the low bits of a byte.
 */
function i4_axpy(q: usize, factor: f32, target: usize, add: bool): void {
  let j: u32 = 0;
  if (ASC_FEATURE_SIMD) {
    const factors = f32x4.splat(factor);
    for (; j + 4 <= embeddingDim; j += 4) {
      // Eight elements are a word, and a row has whole words. A product moves the element of each lane to the highest
      // bits, and an arithmetic shift moves it back to the lowest, with its sign.
      const word = v128.load32_splat(q + ((j >>> 3) << 2));
      const first = i32x4.mul(word, i32x4(1 << 28, 1 << 24, 1 << 20, 1 << 16));
      const second = i32x4.mul(word, i32x4(1 << 12, 1 << 8, 1 << 4, 1));
      const product = f32x4.mul(factors, f32x4.convert_i32x4_s(i32x4.shr_s(j & 4 ? second : first, 28)));
      v128.store(target + 4 * j, add ? f32x4.add(v128.load(target + 4 * j), product) : product);
    }
  }
  for (; j < embeddingDim; j++) {
    const element = ((<i32>load<u8>(q + (j >>> 1))) << (j & 1 ? 24 : 28)) >> 28;
    const product = factor * <f32>element;
    store<f32>(target + 4 * j, add ? load<f32>(target + 4 * j) + product : product);
  }
}

/** target = factor · v, plus target if `add`: D float32 from D float16. */
function f16_axpy(v: usize, factor: f32, target: usize, add: bool): void {
  let j: u32 = 0;
  if (ASC_FEATURE_SIMD) {
    const factors = f32x4.splat(factor);
    for (; j + 4 <= embeddingDim; j += 4) {
      const product = f32x4.mul(factors, f16_f32_convert__simd(v128.load64_zero(v + 2 * j)));
      v128.store(target + 4 * j, add ? f32x4.add(v128.load(target + 4 * j), product) : product);
    }
  }
  for (; j < embeddingDim; j++) {
    const product = factor * f16_f32_convert__scalar(load<u16>(v + 2 * j));
    store<f32>(target + 4 * j, add ? load<f32>(target + 4 * j) + product : product);
  }
}

/** target = factor · v, plus target if `add`: D float32 from D float32. */
function f32_axpy(v: usize, factor: f32, target: usize, add: bool): void {
  let j: u32 = 0;
  if (ASC_FEATURE_SIMD) {
    const factors = f32x4.splat(factor);
    for (; j + 4 <= embeddingDim; j += 4) {
      const product = f32x4.mul(factors, v128.load(v + 4 * j));
      v128.store(target + 4 * j, add ? f32x4.add(v128.load(target + 4 * j), product) : product);
    }
  }
  for (; j < embeddingDim; j++) {
    const product = factor * load<f32>(v + 4 * j);
    store<f32>(target + 4 * j, add ? load<f32>(target + 4 * j) + product : product);
  }
}
