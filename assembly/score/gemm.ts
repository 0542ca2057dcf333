// The sums of a layer, W·a on top of given sums, by the kernels of this build. int8 and float32 share one geometry: a
// word of inputs (panels.ts) meets 16 bytes of weights in each tile of four outputs, and weights are packed as
// [N/4][words][16 bytes].
//
// Kernels are named as XNNPACK names its micro-kernels, datatype_operation_tile__engine (assembly/README.md has all
// operations):
//
//   datatype    i8: int8 weights × u7 inputs; f32: float32 weights and inputs
//   operation   gemm, for a lone record too
//   tile        records × outputs
//   engine      scalar; simd, which the relaxed build uses too where it has no kernel of its own; relaxed
//
// All of them take
//   weights       the address of the first word's weights in the first of two tiles; the second is `tileBytes` on
//   input, words  the address of the first word of inputs, and the number of words
//   start         the address of eight sums to begin with; those of the next record are `startStride` bytes on
//   sums          where they write eight sums a record, i32 or f32
import { sums } from "./buffers";
import { f32_gemm_1x8__scalar } from "./f32_gemm_1x8__scalar";
import { f32_gemm_1x8__simd } from "./f32_gemm_1x8__simd";
import { f32_gemm_4x8__simd } from "./f32_gemm_4x8__simd";
import { i8_gemm_1x8__relaxed } from "./i8_gemm_1x8__relaxed";
import { i8_gemm_1x8__scalar } from "./i8_gemm_1x8__scalar";
import { i8_gemm_1x8__simd } from "./i8_gemm_1x8__simd";
import { i8_gemm_4x8__relaxed } from "./i8_gemm_4x8__relaxed";
import { i8_gemm_4x8__simd } from "./i8_gemm_4x8__simd";
import { isInt8 } from "./layers";

/** Writes the sums of 4 records × 8 outputs to the buffer `sums`. */
export function gemm_4x8(
  layer: usize,
  weights: usize,
  tileBytes: u32,
  input: usize,
  words: u32,
  start: usize,
  startStride: u32,
): void {
  if (isInt8(layer)) {
    if (ASC_FEATURE_RELAXED_SIMD) i8_gemm_4x8__relaxed(weights, tileBytes, input, words, start, startStride, sums);
    else if (ASC_FEATURE_SIMD) i8_gemm_4x8__simd(weights, tileBytes, input, words, start, startStride, sums);
    else {
      for (let r: u32 = 0; r < 4; r++)
        i8_gemm_1x8__scalar(weights, tileBytes, input + 4 * r, 16, words, start + r * startStride, sums + 32 * r);
    }
  } else {
    if (ASC_FEATURE_SIMD) f32_gemm_4x8__simd(weights, tileBytes, input, words, start, startStride, sums);
    else {
      for (let r: u32 = 0; r < 4; r++)
        f32_gemm_1x8__scalar(weights, tileBytes, input + 4 * r, 16, words, start + r * startStride, sums + 32 * r);
    }
  }
}

/** Writes the sums of one record × 8 outputs to `target`. */
export function gemm_1x8(
  layer: usize,
  weights: usize,
  tileBytes: u32,
  input: usize,
  words: u32,
  start: usize,
  target: usize,
): void {
  if (isInt8(layer)) {
    if (ASC_FEATURE_RELAXED_SIMD) i8_gemm_1x8__relaxed(weights, tileBytes, input, words, start, target);
    else if (ASC_FEATURE_SIMD) i8_gemm_1x8__simd(weights, tileBytes, input, words, start, target);
    else i8_gemm_1x8__scalar(weights, tileBytes, input, 4, words, start, target);
  } else {
    if (ASC_FEATURE_SIMD) f32_gemm_1x8__simd(weights, tileBytes, input, words, start, target);
    else f32_gemm_1x8__scalar(weights, tileBytes, input, 4, words, start, target);
  }
}
