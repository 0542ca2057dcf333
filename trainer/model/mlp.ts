import * as tf from "@tensorflow/tfjs";
import type { Random } from "../random.ts";
import { batchNorm, linear, normalize } from "./layers.ts";
import type { Parameters, Tensors } from "./parameters.ts";

/** What a forward pass does beside computing logits. */
export interface Pass {
  training: boolean;
  /** A mask of 0 and 1/(1 − rate) for dropout. */
  dropoutMask(rows: number, columns: number, rate: number): tf.Tensor2D;
  /** Mean and variance of layer `layer`'s batch, each [N]; training only. */
  batchMoments(layer: number, mean: tf.Tensor, variance: tf.Tensor): void;
  /** The input of each layer, for calibration at export. */
  activations?(layer: number, input: tf.Tensor): void;
}

export interface MlpShape {
  inputs: number;
  hidden: readonly number[];
  dropout: number;
  batchNorm: boolean;
}

const constant = (value: number) => (): number => value;

/** Hidden layers `mlp.i` and the last one, `mlp.output`; weights [K, N] as He et al. 2015 draw them for ReLU. */
export function defineMlp(parameters: Parameters, { inputs, hidden, batchNorm }: MlpShape, random: Random): void {
  let width = inputs;
  hidden.forEach((units, i) => {
    const deviation = Math.sqrt(2 / width);
    parameters.define(`mlp.${i}.weights`, [width, units], () => deviation * random.normal());
    // BatchNorm takes the mean away, so a bias before it would do nothing; its β comes after.
    parameters.define(`mlp.${i}.bias`, [units], constant(0));
    if (batchNorm) parameters.define(`mlp.${i}.gamma`, [units], constant(1));
    width = units;
  });
  const deviation = Math.sqrt(1 / width);
  parameters.define("mlp.output.weights", [width, 1], () => deviation * random.normal());
  parameters.define("mlp.output.bias", [1], constant(0));
}

/** Moving averages of BatchNorm's moments: not trained, but part of the model. */
export function defineMoments(moments: Parameters, { hidden, batchNorm }: MlpShape): void {
  if (!batchNorm) return;
  hidden.forEach((units, i) => {
    moments.define(`mlp.${i}.mean`, [units], constant(0));
    moments.define(`mlp.${i}.variance`, [units], constant(1));
  });
}

/** The MLP over a⁰ [B, K]: linear → BatchNorm → ReLU → dropout a layer, then one linear unit: [B, 1]. */
export function mlp(a: tf.Tensor2D, shape: MlpShape, weights: Tensors, moments: Tensors, pass: Pass): tf.Tensor2D {
  let x = a;
  const of = (name: string): tf.Tensor => weights[name] as tf.Tensor;
  const normalized = (i: number, z: tf.Tensor2D, bias: tf.Tensor1D): tf.Tensor2D => {
    const gamma = of(`mlp.${i}.gamma`) as tf.Tensor1D;
    if (pass.training) return batchNorm(z, gamma, bias, (mean, variance) => pass.batchMoments(i, mean, variance));
    return normalize(z, moments[`mlp.${i}.mean`] as tf.Tensor, moments[`mlp.${i}.variance`] as tf.Tensor)
      .mul(gamma)
      .add(bias);
  };
  shape.hidden.forEach((units, i) => {
    pass.activations?.(i, x);
    const [kernel, bias] = [of(`mlp.${i}.weights`) as tf.Tensor2D, of(`mlp.${i}.bias`) as tf.Tensor1D];
    const z = shape.batchNorm ? normalized(i, tf.matMul(x, kernel), bias) : linear(x, kernel, bias);
    x = z.relu();
    if (pass.training && shape.dropout > 0) x = x.mul(pass.dropoutMask(x.shape[0], units, shape.dropout));
  });
  pass.activations?.(shape.hidden.length, x);
  return linear(x, of("mlp.output.weights") as tf.Tensor2D, of("mlp.output.bias") as tf.Tensor1D);
}
