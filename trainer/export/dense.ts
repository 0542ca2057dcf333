import { ACTIVATION_MAX, ACTIVATION_RELU } from "../../format/constants.ts";
import type { DenseLayer } from "../../format/dense.ts";
import type { Dataset } from "../data/dataset.ts";
import type { Model } from "../model/deepfm.ts";
import { BATCH_NORM_EPSILON } from "../model/layers.ts";
import type { Learner } from "../model/learner.ts";

export type Quantization = "int8" | "f32";

/** The interval that a layer's inputs are in, but for outliers. */
interface Range {
  low: number;
  high: number;
}

/** The share of inputs left outside the range at either end: clipping a few outliers gives all others a finer step. */
const OUTLIERS = 1e-4;
const SAMPLES_PER_BATCH = 20_000;

/** The hidden layers as they are served: BatchNorm folded in, and quantised with ranges measured on `calibration`. */
export function servedLayers(learner: Learner, quantization: Quantization, calibration: Dataset): DenseLayer[] {
  const folded = learner.model.mlp.hidden.map((_, layer) => foldBatchNorm(learner.model, layer));
  if (quantization === "f32") return folded;
  const ranges = inputRanges(learner, calibration);
  return folded.map((layer, i) => quantizeLayer(layer, ranges[i] as Range));
}

/** W·diag(γ/√(σ² + ε)) and β − μγ/√(σ² + ε), with the weights turned to [N][K]. */
function foldBatchNorm(model: Model, layer: number): DenseLayer {
  const name = (part: string): string => `mlp.${layer}.${part}`;
  const [inputs, outputs] = model.parameters.shapes.get(name("weights")) as [number, number];
  const kernel = model.parameters.view(name("weights"));
  const biases = model.parameters.view(name("bias")).slice();
  const factors = new Float32Array(outputs).fill(1);
  if (model.mlp.batchNorm) {
    const gamma = model.parameters.view(name("gamma"));
    const mean = model.moments.view(name("mean"));
    const variance = model.moments.view(name("variance"));
    for (let n = 0; n < outputs; n++) {
      factors[n] = (gamma[n] as number) / Math.sqrt((variance[n] as number) + BATCH_NORM_EPSILON);
      biases[n] = (biases[n] as number) - (mean[n] as number) * (factors[n] as number);
    }
  }
  const weights = new Float32Array(inputs * outputs);
  for (let n = 0; n < outputs; n++) {
    for (let k = 0; k < inputs; k++)
      weights[n * inputs + k] = (kernel[k * outputs + n] as number) * (factors[n] as number);
  }
  const quantisation = { scales: new Float32Array(0), inputInverseScale: 0, inputZero: 0 };
  return { inputs, outputs, weights, biases, activation: ACTIVATION_RELU, ...quantisation };
}

/** Measures the range of each hidden layer's inputs on the calibration records, from an even sample of them. */
function inputRanges(learner: Learner, calibration: Dataset): Range[] {
  const samples: number[][] = learner.model.mlp.hidden.map(() => []);
  learner.predict(calibration, undefined, (layer, input) => {
    const sample = samples[layer];
    if (!sample) return; // the last layer's input is not quantised
    const stride = Math.max(1, Math.floor(input.length / SAMPLES_PER_BATCH)) | 1;
    for (let i = 0; i < input.length; i += stride) sample.push(input[i] as number);
  });
  return samples.map((sample) => {
    const sorted = Float32Array.from(sample).sort();
    const cut = Math.floor(sorted.length * OUTLIERS);
    // Zero is kept inside, so that padding and absent fields are exact.
    return { low: Math.min(0, sorted[cut] as number), high: Math.max(0, sorted[sorted.length - 1 - cut] as number) };
  });
}

/** int8 weights with a scale an output, 7-bit inputs with one scale and zero point, which is folded into the biases. */
function quantizeLayer(layer: DenseLayer, { low, high }: Range): DenseLayer {
  const { inputs, outputs } = layer;
  const inputScale = (high - low) / ACTIVATION_MAX || 1;
  const inputZero = Math.round(-low / inputScale);
  const weights = new Int8Array(inputs * outputs);
  const scales = new Float32Array(outputs);
  const biases = layer.biases.slice();
  for (let n = 0; n < outputs; n++) {
    const row = Float32Array.from(layer.weights.subarray(n * inputs, (n + 1) * inputs));
    const scale = row.reduce((most, w) => Math.max(most, Math.abs(w)), 0) / 127 || 1;
    let sum = 0;
    for (let k = 0; k < inputs; k++) {
      const q = Math.round((row[k] as number) / scale);
      weights[n * inputs + k] = q;
      sum += q;
    }
    scales[n] = inputScale * scale;
    biases[n] = (biases[n] as number) - inputZero * sum * inputScale * scale;
  }
  return { ...layer, weights, scales, biases, inputInverseScale: 1 / inputScale, inputZero };
}
