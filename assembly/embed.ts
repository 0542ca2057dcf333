// From entries to embeddings: gather rows, dequantise, pool. Rows: format/row.ts. Whole vectors of four go through SIMD
// where it is there, the rest and the scalar build through the loop below it, which rounds in the same way: no fused
// multiply-add here, so that all variants give the same bits.
import { TYPE_I8 } from "../format/constants";
import { addresses, arena, offsets, values } from "./buffers";
import { isMemory } from "./memory";
import { embeddingDim, fields, rowType } from "./model";
import { isRow } from "./rows";
import { endField, firstField } from "./sides";

/**
 * Writes record b's embeddings of the fields in runs [first, end) (sides.ts) into `target`, F × D f32: e_f = Σ value · v over
 * the field's entries, zeros where it has none.
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
        if (rowType === TYPE_I8) addRow_i8(row + 8, value * load<f32>(row), e, add);
        else addRow_f32(row + 4, value, e, add);
        add = true;
      }
    }
  }
}

/** Σ value · w over record b's entries of the fields in runs [first, end). */
export function linear(record: u32, first: u32, end: u32): f32 {
  const wOffset: usize = rowType === TYPE_I8 ? 4 : 0;
  const starts = offsets + 4 * record * fields;
  let sum: f32 = 0;
  for (let run = first; run < end; run++) {
    const last = load<u32>(starts + 4 * endField(run));
    for (let entry = load<u32>(starts + 4 * firstField(run)); entry < last; entry++) {
      const row = <usize>load<u32>(addresses + 4 * entry);
      sum += load<f32>(values + 4 * entry) * load<f32>(row + wOffset);
    }
  }
  return sum;
}

/** target[j] = factor · q[j], D of them, plus target[j] if `add`; q int8. */
function addRow_i8(q: usize, factor: f32, target: usize, add: bool): void {
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

/** target[j] = factor · v[j], D of them, plus target[j] if `add`; v f32. */
function addRow_f32(v: usize, factor: f32, target: usize, add: bool): void {
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
