// Layers over a batch: y = activation(W·a + bias), sums by the variant that this build has, then tail.ts. int8 and float32
// share one geometry: a word of inputs (panels.ts) meets 16 bytes of weights of each tile of four outputs, in which weights
// are packed as [N/4][words][16 bytes].
//
// All functions that sum take
//   weights       where the first of two tiles begins at the first word, `tileBytes` before the second one
//   input, words  the first word of the inputs, and how many follow each other
//   start         eight sums to begin with, those of the next record `startStride` bytes on
//   sums          where they write eight sums a record
import { PAD_OUTPUTS } from "../../format/constants";
import { contextSums, evenOutputs, itemRuns, oddOutputs, sums, wholeRun, zeroSums } from "./buffers";
import { inputBytes, inputsOf, isInt8, layerAddress, outputBytes, outputsOf, weightsOf, wordsOf } from "./layers";
import { isMemory } from "./memory";
import { blockRecords } from "./panels";
import { itemRunCount } from "./share";
import { sums_f32_scalar, sums_i8_scalar } from "./sums_scalar";
import { finishBlock, finishRow } from "./tail";
import { row_f32_simd, tile_f32_simd, wideRow_f32_simd } from "./tile_f32_simd";
import { row_i8_relaxed, tile_i8_relaxed } from "./tile_i8_relaxed";
import { row_i8_simd, tile_i8_simd } from "./tile_i8_simd";

/** Records whose int8 inputs stay in the nearest cache beside two tiles' weights; those pass by in turn, from the next cache. */
const CACHED_RECORDS: u32 = 16;

/**
 * Runs layers [first, end), each of which takes what the one before gives; `input`: inputs of the first one, in panels.
 * `shared`: the first one begins with the context's sums and takes the item's words alone. Returns where the last one's
 * outputs are: f32, its padded N a record.
 */
export function runLayers(first: u32, end: u32, input: usize, records: u32, shared: bool = false): usize {
  for (let i = first; i < end; i++) {
    const layer = layerAddress(i);
    const output = (i - first) & 1 ? oddOutputs : evenOutputs;
    if (shared && i === first) {
      start = contextSums;
      runs = itemRuns;
      runCount = itemRunCount;
    } else {
      start = 0;
      store<u32>(wholeRun, 0);
      store<u32>(wholeRun, wordsOf(layer), 4);
      runs = wholeRun;
      runCount = 1;
    }
    dense(layer, i + 1 < end ? layerAddress(i + 1) : 0, input, output, records);
    input = output;
  }
  return input;
}

/** Writes the sums of `layer` over all words of one record's inputs, without what follows, to `target`. */
export function sumLayer(layer: usize, input: usize, target: usize): void {
  const tileBytes = 16 * wordsOf(layer);
  let weights = weightsOf(layer);
  for (let n: u32 = 0; n < outputsOf(layer); n += PAD_OUTPUTS) {
    sumRow(layer, weights, tileBytes, input, wordsOf(layer), zeroSums, target + 4 * n);
    weights += 2 * tileBytes;
  }
}

/**
 * Finishes layer 0 of records whose sums are those of `contextSums` and those at the records' addresses, u32 at `addresses`; its
 * outputs in panels of layer 1, or f32 record by record.
 */
export function finishShared(addresses: usize, output: usize, records: u32): void {
  const layer = layerAddress(0);
  const next = layerAddress(1);
  const stride = outputBytes(layer, next);
  assert(isMemory(output, <u64>records * stride));
  const blocks = blockRecords(records);
  for (let n: u32 = 0; n < outputsOf(layer); n += PAD_OUTPUTS) {
    for (let r: u32 = 0; r < blocks; r += 4) {
      for (let i: u32 = 0; i < 4; i++) {
        addSums(layer, contextSums + 4 * n, load<u32>(addresses + 4 * (r + i)) + 4 * n, sums + 32 * i);
      }
      finishBlock(layer, next, n, output + r * stride);
    }
    for (let r = blocks; r < records; r++) {
      addSums(layer, contextSums + 4 * n, load<u32>(addresses + 4 * r) + 4 * n, sums);
      finishRow(layer, next, n, sums, output + r * stride);
    }
  }
}

/** target[i] = a[i] + b[i] of eight sums. */
function addSums(layer: usize, a: usize, b: usize, target: usize): void {
  const int8 = isInt8(layer);
  if (ASC_FEATURE_SIMD) {
    for (let half: usize = 0; half < 32; half += 16) {
      const x = v128.load(a + half);
      const y = v128.load(b + half);
      v128.store(target + half, int8 ? i32x4.add(x, y) : f32x4.add(x, y));
    }
    return;
  }
  for (let at: usize = 0; at < 32; at += 4) {
    if (int8) store<i32>(target + at, load<i32>(a + at) + load<i32>(b + at));
    else store<f32>(target + at, load<f32>(a + at) + load<f32>(b + at));
  }
}

/** What the layer at hand sums: its words in `runs`, pairs of u32 (first, end), on top of `start`, N sums or 0 for none. */
let start: usize = 0;
let runs: usize = 0;
let runCount: u32 = 0;

/** One layer, its outputs in panels of the next one's type; if that is 0, f32 record by record. */
function dense(layer: usize, next: usize, input: usize, output: usize, records: u32): void {
  const stride = inputBytes(layer);
  const outputStride = outputBytes(layer, next);
  assert(isMemory(input, <u64>records * stride) && isMemory(output, <u64>records * outputStride));
  assert(stride >= inputsOf(layer) * (isInt8(layer) ? 1 : 4));
  assert(outputStride >= outputsOf(layer) * (isInt8(next) ? 1 : 4));
  const blocks = blockRecords(records);
  const tileBytes = 16 * wordsOf(layer);
  for (let first: u32 = 0; first < blocks; first += CACHED_RECORDS) {
    const end = min<u32>(first + CACHED_RECORDS, blocks);
    let weights = weightsOf(layer);
    for (let n: u32 = 0; n < outputsOf(layer); n += PAD_OUTPUTS) {
      for (let r = first; r < end; r += 4) {
        sumRuns(layer, weights, tileBytes, input + r * stride, n);
        finishBlock(layer, next, n, output + r * outputStride);
      }
      weights += 2 * tileBytes;
    }
  }
  for (let r = blocks; r < records; r++) denseRow(layer, next, input + r * stride, output + r * outputStride);
}

/** Sums of 4 records × outputs n … n + 7 over the words in `runs`, into `sums`. */
function sumRuns(layer: usize, weights: usize, tileBytes: u32, input: usize, n: u32): void {
  let from = startAt(n);
  for (let run: u32 = 0; run < runCount; run++) {
    const first = load<u32>(runs + 8 * run);
    const words = load<u32>(runs + 8 * run, 4) - first;
    sumBlock(layer, weights + 16 * first, tileBytes, input + 16 * first, words, from, run > 0 ? 32 : 0);
    from = sums;
  }
}

/** One layer of a lone record. */
function denseRow(layer: usize, next: usize, input: usize, output: usize): void {
  const tileBytes = 16 * wordsOf(layer);
  const wide = ASC_FEATURE_SIMD && !isInt8(layer);
  let weights = weightsOf(layer);
  let n: u32 = 0;
  while (n < outputsOf(layer)) {
    const outputs: u32 = wide && n + 32 <= outputsOf(layer) ? 32 : PAD_OUTPUTS;
    let from = startAt(n);
    for (let run: u32 = 0; run < runCount; run++) {
      const first = load<u32>(runs + 8 * run);
      const words = load<u32>(runs + 8 * run, 4) - first;
      if (outputs === 32) wideRow_f32_simd(weights + 16 * first, tileBytes, input + 4 * first, words, from, sums);
      else sumRow(layer, weights + 16 * first, tileBytes, input + 4 * first, words, from, sums);
      from = sums;
    }
    for (let done: u32 = 0; done < outputs; done += PAD_OUTPUTS) {
      finishRow(layer, next, n + done, sums + 4 * done, output);
    }
    n += outputs;
    weights += (outputs >>> 2) * tileBytes;
  }
}

function startAt(n: u32): usize {
  return start === 0 ? zeroSums : start + 4 * n;
}

/** Sums of 4 records × 8 outputs. */
function sumBlock(
  layer: usize,
  weights: usize,
  tileBytes: u32,
  input: usize,
  words: u32,
  from: usize,
  fromStride: u32,
): void {
  if (isInt8(layer)) {
    if (ASC_FEATURE_RELAXED_SIMD) tile_i8_relaxed(weights, tileBytes, input, words, from, fromStride, sums);
    else if (ASC_FEATURE_SIMD) tile_i8_simd(weights, tileBytes, input, words, from, fromStride, sums);
    else {
      for (let r: u32 = 0; r < 4; r++)
        sums_i8_scalar(weights, tileBytes, input + 4 * r, 16, words, from + r * fromStride, sums + 32 * r);
    }
  } else {
    if (ASC_FEATURE_SIMD) tile_f32_simd(weights, tileBytes, input, words, from, fromStride, sums);
    else {
      for (let r: u32 = 0; r < 4; r++)
        sums_f32_scalar(weights, tileBytes, input + 4 * r, 16, words, from + r * fromStride, sums + 32 * r);
    }
  }
}

/** Sums of one record × 8 outputs. */
function sumRow(
  layer: usize,
  weights: usize,
  tileBytes: u32,
  input: usize,
  words: u32,
  from: usize,
  target: usize,
): void {
  if (isInt8(layer)) {
    if (ASC_FEATURE_RELAXED_SIMD) row_i8_relaxed(weights, tileBytes, input, words, from, target);
    else if (ASC_FEATURE_SIMD) row_i8_simd(weights, tileBytes, input, words, from, target);
    else sums_i8_scalar(weights, tileBytes, input, 4, words, from, target);
  } else {
    if (ASC_FEATURE_SIMD) row_f32_simd(weights, tileBytes, input, words, from, target);
    else sums_f32_scalar(weights, tileBytes, input, 4, words, from, target);
  }
}
