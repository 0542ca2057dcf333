// Layers over a batch: y = activation(W·a + bias). gemm.ts computes W·a for a few records and 8 outputs at a time, and
// epilogue.ts the rest at once, while the sums are in the cache.
import { PAD_OUTPUTS } from "../../format/constants";
import { isMemory } from "../memory";
import { contextSums, evenOutputs, itemRuns, oddOutputs, sums, wholeRun, zeroSums } from "./buffers";
import { epilogue_1x8, epilogue_4x8 } from "./epilogue";
import { f32_gemm_1x32__simd } from "./f32_gemm_1x32__simd";
import { gemm_1x8, gemm_4x8 } from "./gemm";
import { itemRunCount } from "./item-inputs";
import {
  inputBytes,
  isInt8,
  layerAddress,
  outputBytes,
  paddedInputsOf,
  paddedOutputsOf,
  weightsOf,
  wordsOf,
} from "./layers";
import { blockRecords } from "./panels";

/**
 * The int8 inputs of this many records stay in the L1 cache beside the weights of two tiles. The weights come from
 * the L2 cache, two tiles after two tiles, once for so many records.
 */
const CACHED_RECORDS: u32 = 16;

/** The address of the N sums that the layer at hand begins with; 0 if it begins with zeros. */
let start: usize = 0;
/**
 * The words that the layer at hand sums over: `wordRunCount` pairs of u32, the first word and the one after the last.
 */
let wordRuns: usize = 0;
let wordRunCount: u32 = 0;

/**
 * Runs layers [first, end), each on the outputs of the one before. `input`: the first one's inputs, in panels.
 * Returns the address of the last one's outputs: record by record, as many float32 as its padded N. With `shared`,
 * the first layer begins with the context's sums and sums over the item's words alone.
 */
export function runLayers(first: u32, end: u32, input: usize, records: u32, shared: bool = false): usize {
  for (let i = first; i < end; i++) {
    const layer = layerAddress(i);
    const output = (i - first) & 1 ? oddOutputs : evenOutputs;
    if (shared && i === first) {
      start = contextSums;
      wordRuns = itemRuns;
      wordRunCount = itemRunCount;
    } else {
      start = 0;
      store<u32>(wholeRun, 0);
      store<u32>(wholeRun, wordsOf(layer), 4);
      wordRuns = wholeRun;
      wordRunCount = 1;
    }
    runLayer(layer, i + 1 < end ? layerAddress(i + 1) : 0, input, output, records);
    input = output;
  }
  return input;
}

/** Writes the padded N sums of `layer` over all words of one record's inputs to `target`, i32 or f32, without bias. */
export function sumLayer(layer: usize, input: usize, target: usize): void {
  const tileBytes = 16 * wordsOf(layer);
  let weights = weightsOf(layer);
  for (let n: u32 = 0; n < paddedOutputsOf(layer); n += PAD_OUTPUTS) {
    gemm_1x8(layer, weights, tileBytes, input, wordsOf(layer), zeroSums, target + 4 * n);
    weights += 2 * tileBytes;
  }
}

/**
 * Finishes layer 0 of records whose sums are `contextSums` plus their own, the addresses of which are at `addresses`,
 * u32. Its outputs are in panels of layer 1; if there is none, float32 record by record.
 */
export function finishSums(addresses: usize, output: usize, records: u32): void {
  const layer = layerAddress(0);
  const next = layerAddress(1);
  const stride = outputBytes(layer, next);
  assert(isMemory(output, <u64>records * stride));
  const blocks = blockRecords(records);
  for (let n: u32 = 0; n < paddedOutputsOf(layer); n += PAD_OUTPUTS) {
    for (let r: u32 = 0; r < blocks; r += 4) {
      for (let i: u32 = 0; i < 4; i++) {
        addSums(layer, contextSums + 4 * n, load<u32>(addresses + 4 * (r + i)) + 4 * n, sums + 32 * i);
      }
      epilogue_4x8(layer, next, n, output + r * stride);
    }
    for (let r = blocks; r < records; r++) {
      addSums(layer, contextSums + 4 * n, load<u32>(addresses + 4 * r) + 4 * n, sums);
      epilogue_1x8(layer, next, n, sums, output + r * stride);
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

/**
 * Runs one layer. Its outputs are in panels of the type that layer `next` takes; if that is 0, float32 record by
 * record.
 */
function runLayer(layer: usize, next: usize, input: usize, output: usize, records: u32): void {
  const stride = inputBytes(layer);
  const outputStride = outputBytes(layer, next);
  assert(isMemory(input, <u64>records * stride) && isMemory(output, <u64>records * outputStride));
  assert(stride >= paddedInputsOf(layer) * (isInt8(layer) ? 1 : 4));
  assert(outputStride >= paddedOutputsOf(layer) * (isInt8(next) ? 1 : 4));
  const blocks = blockRecords(records);
  const tileBytes = 16 * wordsOf(layer);
  for (let first: u32 = 0; first < blocks; first += CACHED_RECORDS) {
    const end = min<u32>(first + CACHED_RECORDS, blocks);
    let weights = weightsOf(layer);
    for (let n: u32 = 0; n < paddedOutputsOf(layer); n += PAD_OUTPUTS) {
      for (let r = first; r < end; r += 4) {
        sumRuns(layer, weights, tileBytes, input + r * stride, n);
        epilogue_4x8(layer, next, n, output + r * outputStride);
      }
      weights += 2 * tileBytes;
    }
  }
  for (let r = blocks; r < records; r++) runLoneRecord(layer, next, input + r * stride, output + r * outputStride);
}

/** Writes the sums of 4 records × outputs n … n + 7 over the words in `wordRuns` to `sums`. */
function sumRuns(layer: usize, weights: usize, tileBytes: u32, input: usize, n: u32): void {
  let from = startOf(n);
  for (let run: u32 = 0; run < wordRunCount; run++) {
    const first = load<u32>(wordRuns + 8 * run);
    const words = load<u32>(wordRuns + 8 * run, 4) - first;
    gemm_4x8(layer, weights + 16 * first, tileBytes, input + 16 * first, words, from, run > 0 ? 32 : 0);
    from = sums;
  }
}

/** Runs one layer for a record that is in no block of four. */
function runLoneRecord(layer: usize, next: usize, input: usize, output: usize): void {
  const tileBytes = 16 * wordsOf(layer);
  const wide = ASC_FEATURE_SIMD && !isInt8(layer);
  let weights = weightsOf(layer);
  let n: u32 = 0;
  while (n < paddedOutputsOf(layer)) {
    const outputs: u32 = wide && n + 32 <= paddedOutputsOf(layer) ? 32 : PAD_OUTPUTS;
    let from = startOf(n);
    for (let run: u32 = 0; run < wordRunCount; run++) {
      const first = load<u32>(wordRuns + 8 * run);
      const words = load<u32>(wordRuns + 8 * run, 4) - first;
      if (outputs === 32) f32_gemm_1x32__simd(weights + 16 * first, tileBytes, input + 4 * first, words, from, sums);
      else gemm_1x8(layer, weights + 16 * first, tileBytes, input + 4 * first, words, from, sums);
      from = sums;
    }
    for (let done: u32 = 0; done < outputs; done += PAD_OUTPUTS) {
      epilogue_1x8(layer, next, n + done, sums + 4 * done, output);
    }
    n += outputs;
    weights += (outputs >>> 2) * tileBytes;
  }
}

/** The address of the sums that outputs n, n + 1, … begin with. */
function startOf(n: u32): usize {
  return start === 0 ? zeroSums : start + 4 * n;
}
