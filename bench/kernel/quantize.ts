// Makes int8 layers of float32 ones: weights with one scale per output, inputs of 7 bits in the range seen in records.
import type { ModelBlob } from "../../format/blob.ts";
import { ACTIVATION_MAX, ACTIVATION_RELU } from "../../format/constants.ts";
import type { DenseLayer } from "../../format/layer.ts";
import { roundWeights } from "../../trainer/export/least-squares.ts";

/**
 * The model with int8 layers. `inputs`: the first layer's inputs, one array for each record. Throws if an activation is
 * not ReLU.
 */
export function quantizeModel(model: ModelBlob, inputs: readonly Float32Array[]): ModelBlob {
  let activations = inputs;
  const layers = model.layers.map((layer) => {
    let [low, high] = [0, 0];
    for (const a of activations) {
      for (const x of a) {
        low = Math.min(low, x);
        high = Math.max(high, x);
      }
    }
    const quantized = quantizeLayer(layer, low, high, variancesOf(activations, layer.inputs));
    activations = activations.map((a) => forward(layer, a));
    return quantized;
  });
  return { ...model, layers };
}

/** ReLU(W·a + b) */
function forward({ inputs, outputs, weights, biases, activation }: DenseLayer, a: Float32Array): Float32Array {
  if (activation !== ACTIVATION_RELU) throw new Error(`got activation ${activation}, expected ReLU`);
  const y = new Float32Array(outputs);
  for (let n = 0; n < outputs; n++) {
    let sum = biases[n];
    for (let k = 0; k < inputs; k++) sum += weights[n * inputs + k] * a[k];
    y[n] = Math.max(0, sum);
  }
  return y;
}

function variancesOf(activations: readonly Float32Array[], inputs: number): Float32Array {
  return Float32Array.from({ length: inputs }, (_, k) => {
    const mean = activations.reduce((sum, a) => sum + a[k], 0) / activations.length;
    return activations.reduce((sum, a) => sum + (a[k] - mean) ** 2, 0) / activations.length;
  });
}

function quantizeLayer(layer: DenseLayer, low: number, high: number, variances: Float32Array): DenseLayer {
  const { inputs, outputs } = layer;
  const inputScale = (high - low) / ACTIVATION_MAX;
  const inputZero = Math.round(-low / inputScale);
  const { weights, scales } = roundWeights(layer.weights as Float32Array, variances, null);
  const sum = (n: number): number => weights.subarray(n * inputs, (n + 1) * inputs).reduce((a, b) => a + b, 0);
  return {
    ...layer,
    weights,
    scales: Float32Array.from({ length: outputs }, (_, n) => inputScale * scales[n]),
    biases: layer.biases.map((bias, n) => bias - inputZero * inputScale * scales[n] * sum(n)),
    inputInverseScale: 1 / inputScale,
    inputZero,
    inputs,
  };
}

/** A layer's N × K weights as int8 from −most to most, and the N scales. */
export function quantizeWeights(
  { inputs, outputs, weights }: Pick<DenseLayer, "inputs" | "outputs" | "weights">,
  most: number,
): { weights: Int8Array; scales: Float32Array } {
  const quantized = new Int8Array(inputs * outputs);
  const scales = new Float32Array(outputs);
  for (let n = 0; n < outputs; n++) {
    let reach = 0;
    for (let k = 0; k < inputs; k++) reach = Math.max(reach, Math.abs(weights[n * inputs + k]));
    const scale = reach / most || 1;
    scales[n] = scale;
    for (let k = 0; k < inputs; k++) {
      quantized[n * inputs + k] = Math.round(weights[n * inputs + k] / scale);
    }
  }
  return { weights: quantized, scales };
}
