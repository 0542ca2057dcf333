import type { ResolvedSpec } from "../../format/spec.ts";
import type { Random } from "../data/random.ts";
import type { Parameters } from "./parameters.ts";

/** BatchNorm's ε. */
export const BATCH_NORM_EPSILON = 1e-5;

/**
 * A multi-layer perceptron: a layer is linear → BatchNorm → activation → dropout, and the last one is linear alone. The
 * weights of hidden layer i are named `<name>.<i>.…`, those of the last layer `<name>.output.…`.
 */
export interface Mlp {
  name: string;
  /** The width of its input. */
  inputs: number;
  /** The units of each hidden layer. */
  hidden: readonly number[];
  activation: "relu" | "tanh" | "sigmoid";
  /** The fraction of hidden units that are dropped in training. */
  dropout: number;
  batchNorm: boolean;
  /** The units of the last layer. */
  outputs: number;
  /** Whether its outputs are a tower's vector, with a bias each. Otherwise it has one unit, which adds to a logit. */
  isTower: boolean;
}

/** A network with the hidden layers of the spec, and one unit behind them. */
export function mlpOf(spec: ResolvedSpec["model"], name: string, inputs: number): Mlp {
  const { hidden, activation, dropout, batchNorm } = spec;
  return { name, inputs, hidden, activation, dropout, batchNorm, outputs: 1, isTower: false };
}

/** The network of a tower, whose vector has the length `outputs`, which may be 1. */
export function towerOf(spec: ResolvedSpec["model"], name: string, inputs: number, outputs: number): Mlp {
  return { ...mlpOf(spec, name, inputs), outputs, isTower: true };
}

/** The deviation of initial weights times √(fan-in): He et al. 2015 for ReLU, LeCun et al. 1998 for the others. */
const GAIN = { relu: Math.SQRT2, tanh: 1, sigmoid: 1 };

const constant = (value: number) => (): number => value;

/** Defines a network's weights [K, N], biases [N] and BatchNorm's γ [N], with their initial values. */
export function defineMlp(parameters: Parameters, network: Mlp, random: Random): void {
  const { name, inputs, hidden, activation, outputs, isTower } = network;
  let width = inputs;
  hidden.forEach((units, i) => {
    const deviation = GAIN[activation] / Math.sqrt(width);
    parameters.define(`${name}.${i}.weights`, [width, units], () => deviation * random.normal());
    // With BatchNorm this is its β. A bias before it would do nothing, as BatchNorm subtracts the mean.
    parameters.define(`${name}.${i}.bias`, [units], constant(0));
    if (network.batchNorm) parameters.define(`${name}.${i}.gamma`, [units], constant(1));
    width = units;
  });
  const deviation = Math.sqrt(1 / width);
  parameters.define(`${name}.output.weights`, [width, outputs], () => deviation * random.normal());
  if (isTower) parameters.define(`${name}.output.bias`, [outputs], constant(0));
}

/** Defines the running mean and variance of each layer with BatchNorm: not trained, but part of the model. */
export function defineRunningStats(runningStats: Parameters, { name, hidden, batchNorm }: Mlp): void {
  if (!batchNorm) return;
  hidden.forEach((units, i) => {
    runningStats.define(`${name}.${i}.mean`, [units], constant(0));
    runningStats.define(`${name}.${i}.variance`, [units], constant(1));
  });
}
