// One hidden layer over a batch, by the variant that this build has.
import { activationBytes, activations } from "./buffers";
import { dense_f32_scalar, dense_f32_simd } from "./dense_f32";
import { dense_i8_relaxed } from "./dense_i8_relaxed";
import { dense_i8_scalar } from "./dense_i8_scalar";
import { dense_i8_simd } from "./dense_i8_simd";
import { inputsOf, isInt8, layerAddress, outputsOf } from "./layers";
import { isMemory } from "./memory";

/**
 * Layer i: reads activations i, writes activations i + 1, in the type that layer i + 1 takes; B × N = relu(B × K · Wᵀ +
 * bias). All variants take (layer, next layer or 0, input, bytes between its records, output, bytes between its
 * records, records).
 */
export function dense(i: u32, records: u32): void {
  const layer = layerAddress(i);
  const next = layerAddress(i + 1);
  const input = activations(i);
  const output = activations(i + 1);
  const inputBytes = activationBytes(i);
  const outputBytes = activationBytes(i + 1);
  assert(isMemory(input, <u64>records * inputBytes) && isMemory(output, <u64>records * outputBytes));
  assert(inputBytes >= inputsOf(layer) * (isInt8(layer) ? 1 : 4));
  assert(outputBytes >= outputsOf(layer) * (isInt8(next) ? 1 : 4));
  if (isInt8(layer)) {
    if (ASC_FEATURE_RELAXED_SIMD) dense_i8_relaxed(layer, next, input, inputBytes, output, outputBytes, records);
    else if (ASC_FEATURE_SIMD) dense_i8_simd(layer, next, input, inputBytes, output, outputBytes, records);
    else dense_i8_scalar(layer, next, input, inputBytes, output, outputBytes, records);
  } else {
    if (ASC_FEATURE_SIMD) dense_f32_simd(layer, next, input, inputBytes, output, outputBytes, records);
    else dense_f32_scalar(layer, next, input, inputBytes, output, outputBytes, records);
  }
}
