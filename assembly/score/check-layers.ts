// Checks of the layer entries of section MODEL, and of what they point at in section DENSE.
import {
  ACTIVATION_NONE,
  ACTIVATION_SIGMOID,
  LAYER_BIASES,
  LAYER_INPUTS,
  LAYER_SCALES,
  LAYER_WEIGHT_TYPE,
  LAYER_WEIGHTS,
  MAX_LANE_WEIGHT,
  MAX_LAYER_WIDTH,
  MODEL_OUTPUT_WEIGHTS,
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
import {
  activationOf,
  inverseScale,
  layerAddress,
  outputsOf,
  paddedInputsOf,
  paddedOutputsOf,
  padOutputs,
  weightsOf,
  zeroPoint,
} from "./layers";
import { contextLayers, embeddingDim, fieldsOf, layerCount, mlpWidth, model, outputWidth, terms } from "./model";
import { sectionAddress, sectionBytes } from "./sections";

/** Where the part of DENSE that was checked last ends. Parts are in order, so that no byte belongs to two of them. */
let denseEnd: u64 = 0;

/**
 * Checks that the layers fit each other, and that all they point at is in DENSE, aligned and in order, with finite
 * floats. Returns a LOAD_* code.
 */
export function checkLayers(): i32 {
  denseEnd = 0;
  if (terms & TERM_TOWERS) {
    // A tower ends in a vector as long as an embedding, without an activation.
    if (!isChain(0, contextLayers, fieldsOf(SIDE_CONTEXT) * embeddingDim, embeddingDim)) return LOAD_BAD_LAYER;
    if (!isChain(contextLayers, layerCount, fieldsOf(SIDE_ITEM) * embeddingDim, embeddingDim)) return LOAD_BAD_LAYER;
  } else if (layerCount !== 0) {
    if (!isChain(0, layerCount, mlpWidth(), 0)) return LOAD_BAD_LAYER;
    if (outputsOf(layerAddress(layerCount - 1)) !== outputWidth) return LOAD_BAD_LAYER;
  }
  const offset = load<u32>(model, MODEL_OUTPUT_WEIGHTS);
  return areFloats(offset, padOutputs(outputWidth), outputWidth) ? LOAD_OK : LOAD_BAD_LAYER;
}

/**
 * Whether layers [first, end) are valid, the first one has `width` inputs, and each other as many as the one before
 * has outputs. If `outputs` is 0, all of them have an activation. Otherwise the last one has so many outputs, and no
 * activation.
 */
function isChain(first: u32, end: u32, width: u32, outputs: u32): bool {
  for (let i = first; i < end; i++) {
    const layer = layerAddress(i);
    if (load<u32>(layer, LAYER_INPUTS) !== width || !isLayer(layer)) return false;
    width = outputsOf(layer);
    if ((activationOf(layer) === ACTIVATION_NONE) !== (outputs !== 0 && i === end - 1)) return false;
  }
  return outputs === 0 || width === outputs;
}

/** Whether the numbers of a layer's entry are in range, and its weights, scales and biases in place and finite. */
function isLayer(layer: usize): bool {
  const outputs = outputsOf(layer);
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

/** Whether `bytes` from `offset` on are in DENSE, aligned, and behind all that was checked before. */
function isPlace(offset: u32, bytes: u64): bool {
  if (offset % SECTION_ALIGNMENT !== 0 || offset < denseEnd || offset + bytes > sectionBytes(SECTION_DENSE))
    return false;
  denseEnd = offset + bytes;
  return true;
}

/**
 * Whether `count` floats from `offset` on are in place and finite, and those behind the first `used` are zero, as
 * padding.
 */
function areFloats(offset: u32, count: u64, used: u64): bool {
  if (!isPlace(offset, 4 * count)) return false;
  const first = sectionAddress(SECTION_DENSE) + offset;
  const last = first + 4 * <usize>count;
  for (let at = first; at < last; at += 4) if (!F32.isFinite(load<f32>(at))) return false;
  for (let at = first + 4 * <usize>used; at < last; at += 4) if (load<f32>(at) !== 0) return false;
  return true;
}

/** Whether all packed weights but the N × K are zero; format/layer.ts says how weights are packed. T: their type. */
function isPadded<T>(layer: usize): bool {
  const inputs = load<u32>(layer, LAYER_INPUTS);
  const outputs = outputsOf(layer);
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
 * Whether the weights of every lane add up to so little that 16 bits hold their products with inputs: FORMAT.md,
 * "DENSE". A lane is a pair of an output's weights in a word of inputs and the same pair in the next word. Two words
 * of a tile are 32 bytes, and the two pairs of a lane are 16 bytes apart.
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

/** The eight sums of neighboring int8. */
function sumPairs(bytes: v128): v128 {
  return i16x8.extadd_pairwise_i8x16_s(bytes);
}
