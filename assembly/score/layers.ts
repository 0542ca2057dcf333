// The layer entries of section MODEL. Once they are checked (check-layers.ts), a layer is passed around as the
// address of its entry, and the functions below read it.
import {
  LAYER_ACTIVATION,
  LAYER_BIASES,
  LAYER_ENTRY_BYTES,
  LAYER_INPUT_INVERSE_SCALE,
  LAYER_INPUT_ZERO,
  LAYER_INPUTS,
  LAYER_OUTPUTS,
  LAYER_SCALES,
  LAYER_WEIGHT_TYPE,
  LAYER_WEIGHTS,
  MODEL_HEAD_BYTES,
  MODEL_OUTPUT_WEIGHTS,
  PAD_INPUTS,
  PAD_OUTPUTS,
  SECTION_DENSE,
  TYPE_I8,
} from "../../format/constants";
import { layerCount, model } from "./model";
import { sectionAddress } from "./sections";

/** The address of layer i's entry; 0 if there is no such layer. */
export function layerAddress(i: u32): usize {
  return i < layerCount ? model + MODEL_HEAD_BYTES + i * LAYER_ENTRY_BYTES : 0;
}

/** Whether the layer has int8 weights and takes u7 inputs. False for 0, which stands for no layer. */
export function isInt8(layer: usize): bool {
  return layer !== 0 && load<u32>(layer, LAYER_WEIGHT_TYPE) === TYPE_I8;
}

/** K, padded to what the weights are packed for. */
export function paddedInputsOf(layer: usize): u32 {
  return padInputs(load<u32>(layer, LAYER_INPUTS));
}

/** The padded K in words of four bytes: four u7 inputs, or one float32 input. */
export function wordsOf(layer: usize): u32 {
  return isInt8(layer) ? paddedInputsOf(layer) >>> 2 : paddedInputsOf(layer);
}

/** Bytes of one record's inputs, u7 or f32. They are padded as the outputs of the layer before are. */
export function inputBytes(layer: usize): u32 {
  const width = padOutputs(load<u32>(layer, LAYER_INPUTS));
  return isInt8(layer) ? width : 4 * width;
}

/** Bytes of one record's outputs in the type that layer `next` takes; f32 if that is 0. */
export function outputBytes(layer: usize, next: usize): u32 {
  return isInt8(next) ? paddedOutputsOf(layer) : 4 * paddedOutputsOf(layer);
}

/** N */
export function outputsOf(layer: usize): u32 {
  return load<u32>(layer, LAYER_OUTPUTS);
}

/** N, padded to what the weights are packed for. */
export function paddedOutputsOf(layer: usize): u32 {
  return padOutputs(load<u32>(layer, LAYER_OUTPUTS));
}

/** ACTIVATION_… */
export function activationOf(layer: usize): u32 {
  return load<u32>(layer, LAYER_ACTIVATION);
}

/** The address of the packed weights. */
export function weightsOf(layer: usize): usize {
  return sectionAddress(SECTION_DENSE) + load<u32>(layer, LAYER_WEIGHTS);
}

/** The address of the padded N scales, f32; for int8 layers alone. */
export function scalesOf(layer: usize): usize {
  return sectionAddress(SECTION_DENSE) + load<u32>(layer, LAYER_SCALES);
}

/** The address of the padded N biases, f32. */
export function biasesOf(layer: usize): usize {
  return sectionAddress(SECTION_DENSE) + load<u32>(layer, LAYER_BIASES);
}

/** An input a of an int8 layer is quantized with a · inverseScale + zeroPoint: quantize.ts. */
export function inverseScale(layer: usize): f32 {
  return load<f32>(layer, LAYER_INPUT_INVERSE_SCALE);
}

/** See `inverseScale`. */
export function zeroPoint(layer: usize): f32 {
  return load<f32>(layer, LAYER_INPUT_ZERO);
}

/** The address of the weights of the MLP's output unit, f32, padded. */
export function outputWeights(): usize {
  return sectionAddress(SECTION_DENSE) + load<u32>(model, MODEL_OUTPUT_WEIGHTS);
}

/** K rounded up to what weights are packed for. */
function padInputs(n: u32): u32 {
  return (n + PAD_INPUTS - 1) & ~(PAD_INPUTS - 1);
}

/** N rounded up to what weights are packed for, so that no kernel has a remainder of outputs. */
export function padOutputs(n: u32): u32 {
  return (n + PAD_OUTPUTS - 1) & ~(PAD_OUTPUTS - 1);
}
