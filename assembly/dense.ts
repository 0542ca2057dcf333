// Layers over a batch, by the variant that this build has.
import { evenOutputs, oddOutputs } from "./buffers";
import { dense_f32_scalar, dense_f32_simd } from "./dense_f32";
import { dense_i8_relaxed } from "./dense_i8_relaxed";
import { dense_i8_scalar } from "./dense_i8_scalar";
import { dense_i8_simd } from "./dense_i8_simd";
import { inputBytes, inputsOf, isInt8, layerAddress, outputBytes, outputsOf } from "./layers";
import { isMemory } from "./memory";

/**
 * Runs layers [first, end), each of which takes what the one before gives; `input`: records of inputBytes(first layer).
 * Returns where the last one's outputs are: f32, its padded N a record.
 */
export function runLayers(first: u32, end: u32, input: usize, records: u32): usize {
  for (let i = first; i < end; i++) {
    const output = (i - first) & 1 ? oddOutputs : evenOutputs;
    dense(layerAddress(i), i + 1 < end ? layerAddress(i + 1) : 0, input, output, records);
    input = output;
  }
  return input;
}

/**
 * One layer: B × N = activation(B × K · Wᵀ + bias), in the type that the next one takes, f32 if that is 0. All variants
 * take (layer, next layer or 0, input, bytes between its records, output, bytes between its records, records).
 */
function dense(layer: usize, next: usize, input: usize, output: usize, records: u32): void {
  const inputStride = inputBytes(layer);
  const outputStride = outputBytes(layer, next);
  assert(isMemory(input, <u64>records * inputStride) && isMemory(output, <u64>records * outputStride));
  assert(inputStride >= inputsOf(layer) * (isInt8(layer) ? 1 : 4));
  assert(outputStride >= outputsOf(layer) * (isInt8(next) ? 1 : 4));
  if (isInt8(layer)) {
    if (ASC_FEATURE_RELAXED_SIMD) dense_i8_relaxed(layer, next, input, inputStride, output, outputStride, records);
    else if (ASC_FEATURE_SIMD) dense_i8_simd(layer, next, input, inputStride, output, outputStride, records);
    else dense_i8_scalar(layer, next, input, inputStride, output, outputStride, records);
  } else {
    if (ASC_FEATURE_SIMD) dense_f32_simd(layer, next, input, inputStride, output, outputStride, records);
    else dense_f32_scalar(layer, next, input, inputStride, output, outputStride, records);
  }
}
