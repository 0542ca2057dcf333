// The layer entries of section MODEL and what they point at in section DENSE. An entry, once checked, is the layer:
// its address is passed around, and these functions read it.
import {
  ACTIVATION_NONE,
  ACTIVATION_SIGMOID,
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
  MAX_LANE_WEIGHT,
  MAX_LAYER_WIDTH,
  MODEL_HEAD_BYTES,
  MODEL_OUTPUT_WEIGHTS,
  PAD_INPUTS,
  PAD_OUTPUTS,
  SECTION_ALIGNMENT,
  SECTION_DENSE,
  SIDE_CONTEXT,
  SIDE_ITEM,
  TERM_TOWERS,
  TILE_INPUTS,
  TILE_OUTPUTS,
  TYPE_I8,
} from "../../format/constants";
import { LOAD_BAD_LAYER, LOAD_OK } from "../../runtime/abi";
import { contextLayers, embeddingDim, fieldsOf, layerCount, mlpWidth, model, outputWidth, terms } from "./model";
import { sectionAddress, sectionBytes } from "./sections";

/** Where what was checked last ends in DENSE: all is there in order, so that no byte is used twice. */
let denseEnd: u64 = 0;

/** Checks the chains of layers and that all they point at lies in DENSE, aligned and in order, with finite floats. */
export function checkLayers(): i32 {
  denseEnd = 0;
  if (terms & TERM_TOWERS) {
    // A tower ends in a vector as long as an embedding, without an activation.
    if (!isChain(0, contextLayers, fieldsOf(SIDE_CONTEXT) * embeddingDim, embeddingDim)) return LOAD_BAD_LAYER;
    if (!isChain(contextLayers, layerCount, fieldsOf(SIDE_ITEM) * embeddingDim, embeddingDim)) return LOAD_BAD_LAYER;
  } else if (layerCount !== 0) {
    if (!isChain(0, layerCount, mlpWidth(), 0)) return LOAD_BAD_LAYER;
    if (load<u32>(layerAddress(layerCount - 1), LAYER_OUTPUTS) !== outputWidth) return LOAD_BAD_LAYER;
  }
  const offset = load<u32>(model, MODEL_OUTPUT_WEIGHTS);
  return areFloats(offset, padOutputs(outputWidth), outputWidth) ? LOAD_OK : LOAD_BAD_LAYER;
}

/**
 * Whether layers [first, end) are right and each takes what the one before gives, the first one `width` inputs. The last
 * one has `outputs` outputs and no activation; if that is 0, any number, and an activation as all others.
 */
function isChain(first: u32, end: u32, width: u32, outputs: u32): bool {
  for (let i = first; i < end; i++) {
    const layer = layerAddress(i);
    if (load<u32>(layer, LAYER_INPUTS) !== width || !isLayer(layer)) return false;
    width = load<u32>(layer, LAYER_OUTPUTS);
    if ((activationOf(layer) === ACTIVATION_NONE) !== (outputs !== 0 && i === end - 1)) return false;
  }
  return outputs === 0 || width === outputs;
}

/** Whether the layer's numbers are in range, and its weights, scales and biases in place and finite. */
function isLayer(layer: usize): bool {
  const outputs = load<u32>(layer, LAYER_OUTPUTS);
  const type = load<u32>(layer, LAYER_WEIGHT_TYPE);
  if (outputs < 1 || outputs > <u32>MAX_LAYER_WIDTH) return false;
  if (type > <u32>TYPE_I8) return false;
  if (activationOf(layer) > <u32>ACTIVATION_SIGMOID) return false;
  const weights = load<u32>(layer, LAYER_WEIGHTS);
  const count = <u64>paddedInputsOf(layer) * paddedOutputsOf(layer);
  if (type === TYPE_I8) {
    if (!isPlace(weights, count) || !isPadded<i8>(layer) || !lanesAreLight(layer)) return false;
    if (!areFloats(load<u32>(layer, LAYER_SCALES), paddedOutputsOf(layer), outputs)) return false;
  } else if (!areFloats(weights, count, count) || !isPadded<f32>(layer)) return false;
  if (!areFloats(load<u32>(layer, LAYER_BIASES), paddedOutputsOf(layer), outputs)) return false;
  return F32.isFinite(inverseScale(layer)) && F32.isFinite(zeroPoint(layer));
}

/** The entry of layer i; 0 past the last. */
export function layerAddress(i: u32): usize {
  return i < layerCount ? model + MODEL_HEAD_BYTES + i * LAYER_ENTRY_BYTES : 0;
}

/** Whether the layer takes u7 inputs. False for 0, which follows a last layer. */
export function isInt8(layer: usize): bool {
  return layer !== 0 && load<u32>(layer, LAYER_WEIGHT_TYPE) === TYPE_I8;
}

/** K, padded as the weights are. */
export function paddedInputsOf(layer: usize): u32 {
  return padInputs(load<u32>(layer, LAYER_INPUTS));
}

/** K in words of four bytes: four u7 inputs, or one float32. */
export function wordsOf(layer: usize): u32 {
  return isInt8(layer) ? paddedInputsOf(layer) >>> 2 : paddedInputsOf(layer);
}

/** Bytes of one record's inputs: u7 or f32, padded as the outputs of a layer before are. */
export function inputBytes(layer: usize): u32 {
  const width = padOutputs(load<u32>(layer, LAYER_INPUTS));
  return isInt8(layer) ? width : 4 * width;
}

/** Bytes of one record's outputs, in the type that the next layer takes; f32 if that is 0. */
export function outputBytes(layer: usize, next: usize): u32 {
  return isInt8(next) ? paddedOutputsOf(layer) : 4 * paddedOutputsOf(layer);
}

/** N */
export function outputsOf(layer: usize): u32 {
  return load<u32>(layer, LAYER_OUTPUTS);
}

/** N, padded as the weights are. */
export function paddedOutputsOf(layer: usize): u32 {
  return padOutputs(load<u32>(layer, LAYER_OUTPUTS));
}

/** ACTIVATION_… */
export function activationOf(layer: usize): u32 {
  return load<u32>(layer, LAYER_ACTIVATION);
}

export function weightsOf(layer: usize): usize {
  return sectionAddress(SECTION_DENSE) + load<u32>(layer, LAYER_WEIGHTS);
}

export function scalesOf(layer: usize): usize {
  return sectionAddress(SECTION_DENSE) + load<u32>(layer, LAYER_SCALES);
}

export function biasesOf(layer: usize): usize {
  return sectionAddress(SECTION_DENSE) + load<u32>(layer, LAYER_BIASES);
}

export function inverseScale(layer: usize): f32 {
  return load<f32>(layer, LAYER_INPUT_INVERSE_SCALE);
}

export function zeroPoint(layer: usize): f32 {
  return load<f32>(layer, LAYER_INPUT_ZERO);
}

export function outputWeights(): usize {
  return sectionAddress(SECTION_DENSE) + load<u32>(model, MODEL_OUTPUT_WEIGHTS);
}

/** Rounds a width up to what a layer's weights are packed for as inputs. */
export function padInputs(n: u32): u32 {
  return (n + PAD_INPUTS - 1) & ~(PAD_INPUTS - 1);
}

/** Rounds a width up to what a layer's weights are packed for as outputs; so no kernel has a remainder of outputs. */
export function padOutputs(n: u32): u32 {
  return (n + PAD_OUTPUTS - 1) & ~(PAD_OUTPUTS - 1);
}

/** Whether `bytes` from `offset` on lie in DENSE, aligned, behind all that was checked before. */
function isPlace(offset: u32, bytes: u64): bool {
  if (offset % SECTION_ALIGNMENT !== 0 || offset < denseEnd || offset + bytes > sectionBytes(SECTION_DENSE))
    return false;
  denseEnd = offset + bytes;
  return true;
}

/** Whether `count` finite floats are in place, of which those from `used` on are padding and zero. */
function areFloats(offset: u32, count: u64, used: u64): bool {
  if (!isPlace(offset, 4 * count)) return false;
  const first = sectionAddress(SECTION_DENSE) + offset;
  const last = first + 4 * <usize>count;
  for (let at = first; at < last; at += 4) if (!F32.isFinite(load<f32>(at))) return false;
  for (let at = first + 4 * <usize>used; at < last; at += 4) if (load<f32>(at) !== 0) return false;
  return true;
}

/** Whether all packed weights beyond the N × K are zero: format/layer.ts. */
function isPadded<T>(layer: usize): bool {
  const inputs = load<u32>(layer, LAYER_INPUTS);
  const outputs = load<u32>(layer, LAYER_OUTPUTS);
  const paddedInputs = paddedInputsOf(layer);
  for (let n: u32 = 0; n < paddedOutputsOf(layer); n++) {
    const tile = weightsOf(layer) + <usize>sizeof<T>() * ((n & ~(TILE_OUTPUTS - 1)) * paddedInputs);
    const output = n & (TILE_OUTPUTS - 1);
    for (let k = n < outputs ? inputs : 0; k < paddedInputs; k++) {
      const step = (k & ~(TILE_INPUTS - 1)) * TILE_OUTPUTS;
      const at = isFloat<T>() ? k * TILE_OUTPUTS + output : step + output * TILE_INPUTS + (k & (TILE_INPUTS - 1));
      if (load<T>(tile + <usize>sizeof<T>() * at) !== <T>0) return false;
    }
  }
  return true;
}

/**
 * Whether no lane's weights add up to more than 16 bits hold (FORMAT.md, "DENSE"): a pair of an output's weights in a word of
 * inputs, and the pair behind it in the next. Two words of a tile are 32 bytes, lane by lane in both halves.
 */
function lanesAreLight(layer: usize): bool {
  const end = weightsOf(layer) + <usize>paddedInputsOf(layer) * paddedOutputsOf(layer);
  if (ASC_FEATURE_SIMD) {
    const zero = i8x16.splat(0);
    let most = i16x8.splat(0);
    let least = i16x8.splat(0);
    for (let at = weightsOf(layer); at < end; at += 32) {
      const w = v128.load(at);
      const v = v128.load(at, 16);
      most = i16x8.max_s(most, i16x8.add(sumPairs(i8x16.max_s(w, zero)), sumPairs(i8x16.max_s(v, zero))));
      least = i16x8.min_s(least, i16x8.add(sumPairs(i8x16.min_s(w, zero)), sumPairs(i8x16.min_s(v, zero))));
    }
    const over = i16x8.gt_s(most, i16x8.splat(<i16>MAX_LANE_WEIGHT));
    return !v128.any_true(v128.or(over, i16x8.lt_s(least, i16x8.splat(-(<i16>MAX_LANE_WEIGHT)))));
  }
  for (let at = weightsOf(layer); at < end; at += 32) {
    for (let lane: u32 = 0; lane < 16; lane += 2) {
      let above: i32 = 0;
      let below: i32 = 0;
      for (let i: u32 = 0; i < 4; i++) {
        const w = <i32>load<i8>(at + lane + (i & 1) + ((i & 2) << 3));
        above += max(w, 0);
        below += min(w, 0);
      }
      if (above > MAX_LANE_WEIGHT || below < -MAX_LANE_WEIGHT) return false;
    }
  }
  return true;
}

function sumPairs(bytes: v128): v128 {
  return i16x8.extadd_pairwise_i8x16_s(bytes);
}
