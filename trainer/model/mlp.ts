import * as tf from "@tensorflow/tfjs";
import type { Random } from "../data/random.ts";
import { batchNorm, linear, normalize } from "./layers.ts";
import type { Parameters, Tensors } from "./parameters.ts";

/** What a forward pass does beside computing logits. */
export interface Pass {
  training: boolean;
  /** A mask of 0 and 1/(1 − rate) for dropout. */
  dropoutMask(rows: number, columns: number, rate: number): tf.Tensor2D;
  /** Mean and variance of a layer's batch, each [N]; training only. */
  batchMoments(layer: string, mean: tf.Tensor, variance: tf.Tensor): void;
  /** The input of each layer of a network, for calibration at export. */
  activations?(network: string, layer: number, input: tf.Tensor): void;
}

/** A multi-layer perceptron: hidden layers and a linear last one. Its weights are named `<name>.…`. */
export interface Mlp {
  name: string;
  inputs: number;
  hidden: readonly number[];
  activation: "relu" | "tanh" | "sigmoid";
  dropout: number;
  batchNorm: boolean;
  /** Units of the last layer. One unit adds to a logit, and has no bias beside the logit's own. */
  outputs: number;
}

/** What the deviation of initial weights is times √(fan-in) for: He et al. 2015 for ReLU, LeCun et al. 1998 for the others. */
const GAIN = { relu: Math.SQRT2, tanh: 1, sigmoid: 1 };

const constant = (value: number) => (): number => value;

/** Defines hidden layers `<name>.i` and the last one, `<name>.output`; weights are [K, N]. */
export function defineMlp(parameters: Parameters, network: Mlp, random: Random): void {
  const { name, inputs, hidden, activation, outputs } = network;
  let width = inputs;
  hidden.forEach((units, i) => {
    const deviation = GAIN[activation] / Math.sqrt(width);
    parameters.define(`${name}.${i}.weights`, [width, units], () => deviation * random.normal());
    // BatchNorm takes the mean away, so a bias before it would do nothing; its β comes after.
    parameters.define(`${name}.${i}.bias`, [units], constant(0));
    if (network.batchNorm) parameters.define(`${name}.${i}.gamma`, [units], constant(1));
    width = units;
  });
  const deviation = Math.sqrt(1 / width);
  parameters.define(`${name}.output.weights`, [width, outputs], () => deviation * random.normal());
  if (outputs > 1) parameters.define(`${name}.output.bias`, [outputs], constant(0));
}

/** Moving averages of BatchNorm's mean and variance: not trained, but part of the model. */
export function defineRunningStats(runningStats: Parameters, { name, hidden, batchNorm }: Mlp): void {
  if (!batchNorm) return;
  hidden.forEach((units, i) => {
    runningStats.define(`${name}.${i}.mean`, [units], constant(0));
    runningStats.define(`${name}.${i}.variance`, [units], constant(1));
  });
}

/** The MLP over a⁰ [B, K]: linear → BatchNorm → activation → dropout a layer, then the linear last one: [B, outputs]. */
export function mlp(a: tf.Tensor2D, network: Mlp, weights: Tensors, runningStats: Tensors, pass: Pass): tf.Tensor2D {
  const { name, hidden, activation, dropout } = network;
  const of = (part: string): tf.Tensor => weights[`${name}.${part}`];
  const normalized = (i: number, z: tf.Tensor2D, bias: tf.Tensor1D): tf.Tensor2D => {
    const layer = `${name}.${i}`;
    const gamma = of(`${i}.gamma`) as tf.Tensor1D;
    if (pass.training) return batchNorm(z, gamma, bias, (mean, variance) => pass.batchMoments(layer, mean, variance));
    return normalize(z, runningStats[`${layer}.mean`], runningStats[`${layer}.variance`]).mul(gamma).add(bias);
  };
  let x = a;
  hidden.forEach((units, i) => {
    pass.activations?.(name, i, x);
    const [kernel, bias] = [of(`${i}.weights`) as tf.Tensor2D, of(`${i}.bias`) as tf.Tensor1D];
    x = (network.batchNorm ? normalized(i, tf.matMul(x, kernel), bias) : linear(x, kernel, bias))[activation]();
    if (pass.training && dropout > 0) x = x.mul(pass.dropoutMask(x.shape[0], units, dropout));
  });
  pass.activations?.(name, hidden.length, x);
  const output = of("output.weights") as tf.Tensor2D;
  return network.outputs > 1 ? linear(x, output, of("output.bias") as tf.Tensor1D) : tf.matMul(x, output);
}
