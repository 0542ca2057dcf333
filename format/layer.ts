import { MAX_LANE_WEIGHT, PAD_INPUTS, PAD_OUTPUTS, TILE_INPUTS, TILE_OUTPUTS, TYPE_F32, TYPE_I8 } from "./constants.ts";

/** One layer of the MLP or of a tower as it is served: y = activation(W·a + bias). */
export interface DenseLayer {
  /** K, number of inputs. */
  inputs: number;
  /** N, number of outputs. */
  outputs: number;
  /** N × K, row-major. Int8Array: quantized, one scale per output. Float32Array: as trained. */
  weights: Int8Array | Float32Array;
  /** int8 only: N numbers, each the scale of the input times the scale of output n's weights. Empty for f32. */
  scales: Float32Array;
  /** N biases. For int8 the zero point of the input is folded in: b − scale · zero · Σ_k q[n][k]. */
  biases: Float32Array;
  /** One of ACTIVATION_…. It is ACTIVATION_NONE for the last layer of a tower, and only there. */
  activation: number;
  /** int8 only: an input a is quantized to clamp(round(a · inputInverseScale + inputZero), 0, 127). */
  inputInverseScale: number;
  inputZero: number;
}

export function padTo(n: number, multiple: number): number {
  return Math.ceil(n / multiple) * multiple;
}

export function weightType(layer: DenseLayer): number {
  return layer.weights instanceof Int8Array ? TYPE_I8 : TYPE_F32;
}

/** Bytes of a layer's packed weights. */
export function packedBytes(type: number, inputs: number, outputs: number): number {
  return padTo(inputs, PAD_INPUTS) * padTo(outputs, PAD_OUTPUTS) * (type === TYPE_I8 ? 1 : 4);
}

/**
 * The index of weight (n, k) in the packed array. int8 weights are packed as [N/4][K/4][4 outputs][4 inputs], so that a
 * 16-byte load is the operand of a four-way dot product for four outputs; f32 weights as [N/4][K][4 outputs].
 */
function packedIndex(type: number, paddedInputs: number, n: number, k: number): number {
  const tile = Math.floor(n / TILE_OUTPUTS) * TILE_OUTPUTS * paddedInputs;
  const output = n % TILE_OUTPUTS;
  if (type === TYPE_F32) return tile + k * TILE_OUTPUTS + output;
  const step = Math.floor(k / TILE_INPUTS) * TILE_INPUTS * TILE_OUTPUTS;
  return tile + step + output * TILE_INPUTS + (k % TILE_INPUTS);
}

/** Packs row-major weights into `target`, which holds zeros. */
export function packWeights(layer: DenseLayer, target: Int8Array | Float32Array): void {
  const type = weightType(layer);
  const paddedInputs = padTo(layer.inputs, PAD_INPUTS);
  for (let n = 0; n < layer.outputs; n++) {
    for (let k = 0; k < layer.inputs; k++) {
      target[packedIndex(type, paddedInputs, n, k)] = layer.weights[n * layer.inputs + k] as number;
    }
  }
}

/** The inverse of `packWeights`: N × K row-major weights. */
export function unpackWeights<T extends Int8Array | Float32Array>(
  packed: T,
  inputs: number,
  outputs: number,
  weights: T,
): T {
  const type = packed instanceof Int8Array ? TYPE_I8 : TYPE_F32;
  const paddedInputs = padTo(inputs, PAD_INPUTS);
  for (let n = 0; n < outputs; n++) {
    for (let k = 0; k < inputs; k++) weights[n * inputs + k] = packed[packedIndex(type, paddedInputs, n, k)] as number;
  }
  return weights;
}

/** Whether all packed weights that are padding, beyond N × K, are zero. */
export function isPadded(packed: Int8Array | Float32Array, inputs: number, outputs: number): boolean {
  const type = packed instanceof Int8Array ? TYPE_I8 : TYPE_F32;
  const paddedInputs = padTo(inputs, PAD_INPUTS);
  for (let n = 0; n < padTo(outputs, PAD_OUTPUTS); n++) {
    for (let k = n < outputs ? inputs : 0; k < paddedInputs; k++) {
      if (packed[packedIndex(type, paddedInputs, n, k)] !== 0) return false;
    }
  }
  return true;
}

/**
 * The inputs of a lane, counted from its first one: two neighbors in one word, and the two at the same places in the
 * next word.
 */
export const LANE = [0, 1, TILE_INPUTS, TILE_INPUTS + 1];

/** The first input of the lane that input k belongs to. */
export function firstOfLane(k: number): number {
  return k - (k % PAD_INPUTS) + (k & 2);
}

/** The sum of the weights above 0, and the sum of those below, that output n has in the lane whose first input is k. */
export function laneSums(weights: Int8Array, inputs: number, n: number, k: number): { above: number; below: number } {
  const sums = { above: 0, below: 0 };
  for (const offset of LANE) {
    const w = k + offset < inputs ? (weights[n * inputs + k + offset] as number) : 0;
    if (w > 0) sums.above += w;
    else sums.below += w;
  }
  return sums;
}

/**
 * The first lane whose weights add up to more than kernels may sum in 16 bits, as its output n and its first input k;
 * null where there is none.
 */
export function findHeavyLane(weights: Int8Array, inputs: number, outputs: number): { n: number; k: number } | null {
  const isHeavy = ({ above, below }: { above: number; below: number }): boolean =>
    above > MAX_LANE_WEIGHT || below < -MAX_LANE_WEIGHT;
  // A lane whose sizes add up to no more than the bound cannot be heavy, and adding them up is quick.
  const mayBeHeavy = (at: number): boolean =>
    size(weights[at]) + size(weights[at + 1]) + size(weights[at + 4]) + size(weights[at + 5]) > MAX_LANE_WEIGHT;
  for (let n = 0; n < outputs; n++) {
    for (let k = 0; k < inputs; k += 2 + 2 * (k & 2)) {
      if (mayBeHeavy(n * inputs + k) && isHeavy(laneSums(weights, inputs, n, k))) return { n, k };
    }
  }
  return null;
}

/** |w|; 0 beyond the last weight. */
function size(w = 0): number {
  return w < 0 ? -w : w;
}
