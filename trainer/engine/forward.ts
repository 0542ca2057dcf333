import type { Mlp } from "../model/mlp.ts";
import { batchNorm, linear, normalize } from "./layers.ts";
import * as tf from "./tfjs.ts";

/** Tensors by the names of the parameters or running statistics that they hold. */
export type Tensors = Record<string, tf.Tensor>;

/** One forward pass: the dense weights it uses, and what it does beside computing. */
export interface Pass {
  weights: Tensors;
  /** Set where the pass is a step of training. */
  training: TrainingPass | null;
  /** For BatchNorm where the pass is not training. */
  runningStats: Tensors;
  /** Receives the input of each layer of a network, for calibration at export. */
  onActivations?(network: string, layer: number, input: tf.Tensor): void;
}

export interface TrainingPass {
  /** A mask of 0 and 1/(1 − rate) for dropout. */
  dropoutMask(rows: number, columns: number, rate: number): tf.Tensor2D;
  /** Receives the mean [N] and variance [N] of a layer with BatchNorm over the batch. */
  onMoments(layer: string, mean: tf.Tensor, variance: tf.Tensor): void;
}

/** A network's output on a [B, K]: [B, outputs]. */
export function forward(network: Mlp, a: tf.Tensor2D, pass: Pass): tf.Tensor2D {
  const { name, hidden, activation, dropout } = network;
  const { weights, training } = pass;
  let x = a;
  hidden.forEach((units, i) => {
    pass.onActivations?.(name, i, x);
    const layer = `${name}.${i}`;
    const kernel = weights[`${layer}.weights`] as tf.Tensor2D;
    const bias = weights[`${layer}.bias`] as tf.Tensor1D;
    const z = network.batchNorm ? normalized(layer, tf.matMul(x, kernel), bias, pass) : linear(x, kernel, bias);
    x = z[activation]();
    if (training && dropout > 0) x = x.mul(training.dropoutMask(x.shape[0], units, dropout));
  });
  pass.onActivations?.(name, hidden.length, x);
  const output = weights[`${name}.output.weights`] as tf.Tensor2D;
  return network.isTower ? linear(x, output, weights[`${name}.output.bias`] as tf.Tensor1D) : tf.matMul(x, output);
}

/** BatchNorm of z: over its batch in training, by the running statistics otherwise. */
function normalized(
  layer: string,
  z: tf.Tensor2D,
  beta: tf.Tensor1D,
  { weights, runningStats, training }: Pass,
): tf.Tensor2D {
  const gamma = weights[`${layer}.gamma`] as tf.Tensor1D;
  if (training) return batchNorm(z, gamma, beta, (mean, variance) => training.onMoments(layer, mean, variance));
  return normalize(z, runningStats[`${layer}.mean`], runningStats[`${layer}.variance`]).mul(gamma).add(beta);
}
