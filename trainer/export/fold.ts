import { ACTIVATION_NONE, ACTIVATION_RELU, ACTIVATION_SIGMOID, ACTIVATION_TANH } from "../../format/constants.ts";
import type { DenseLayer } from "../../format/layer.ts";
import { BATCH_NORM_EPSILON, type Mlp } from "../model/mlp.ts";
import type { Model } from "../model/model.ts";

const ACTIVATIONS = { relu: ACTIVATION_RELU, tanh: ACTIVATION_TANH, sigmoid: ACTIVATION_SIGMOID };

/** A network's layers as a blob has them: its hidden layers, and the output layer of a tower. */
export function foldLayers(model: Model, network: Mlp): DenseLayer[] {
  const layers = network.hidden.map((_, i) => foldBatchNorm(model, network, i));
  if (!network.isTower) return layers; // an MLP's one output unit has its own section in the blob
  const name = `${network.name}.output`;
  const ones = new Float32Array(network.outputs).fill(1);
  return [...layers, transposed(model, name, ones, model.parameters.view(`${name}.bias`).slice(), ACTIVATION_NONE)];
}

/**
 * Hidden layer i with its BatchNorm folded in: the weights W·diag(γ/√(σ² + ε)) and the biases b − μγ/√(σ² + ε), where
 * b, the layer's bias, stands for BatchNorm's β.
 */
function foldBatchNorm(model: Model, { name, activation, batchNorm, hidden }: Mlp, i: number): DenseLayer {
  const layer = `${name}.${i}`;
  const outputs = hidden[i];
  const biases = model.parameters.view(`${layer}.bias`).slice();
  const factors = new Float32Array(outputs).fill(1);
  if (batchNorm) {
    const gamma = model.parameters.view(`${layer}.gamma`);
    const mean = model.runningStats.view(`${layer}.mean`);
    const variance = model.runningStats.view(`${layer}.variance`);
    for (let n = 0; n < outputs; n++) {
      factors[n] = gamma[n] / Math.sqrt(variance[n] + BATCH_NORM_EPSILON);
      biases[n] = biases[n] - mean[n] * factors[n];
    }
  }
  return transposed(model, layer, factors, biases, ACTIVATIONS[activation]);
}

/** A layer with its weights transposed from [K, N] to [N, K], each output's multiplied by its factor. */
function transposed(
  model: Model,
  name: string,
  factors: Float32Array,
  biases: Float32Array,
  activation: number,
): DenseLayer {
  const [inputs, outputs] = model.parameters.shapes.get(`${name}.weights`) as [number, number];
  const kernel = model.parameters.view(`${name}.weights`);
  const weights = new Float32Array(inputs * outputs);
  for (let n = 0; n < outputs; n++) {
    for (let k = 0; k < inputs; k++) weights[n * inputs + k] = kernel[k * outputs + n] * factors[n];
  }
  return {
    inputs,
    outputs,
    weights,
    scales: new Float32Array(0),
    biases,
    activation,
    inputInverseScale: 0,
    inputZero: 0,
  };
}
