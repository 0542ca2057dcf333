import { ACTIVATION_RELU, ACTIVATION_SIGMOID, ACTIVATION_TANH } from "../../../format/constants.ts";
import type { Random } from "../../data/random.ts";
import { BATCH_NORM_EPSILON, type Mlp } from "../../model/mlp.ts";
import { type DropoutSteps, dropoutSteps } from "../dropout-steps.ts";
import type { DenseWeights } from "./dense-weights.ts";
import type { TrainingKernels } from "./kernels.ts";
import type { LinearMemory } from "./memory.ts";
import { type Matrix, multiply, multiplyBack, multiplyOver } from "./products.ts";

const ACTIVATIONS = { relu: ACTIVATION_RELU, tanh: ACTIVATION_TANH, sigmoid: ACTIVATION_SIGMOID };

/** What the networks of an engine share. */
export interface Shared {
  memory: LinearMemory;
  kernels: TrainingKernels;
  weights: DenseWeights;
  random: Random;
  /** The most records of a pass, and of a step of training. */
  records: number;
  trained: number;
  /** Room for the gradients of a layer's units, [trained, the widest layer] each: they take turns. */
  turns: readonly [number, number];
}

/** Addresses of a hidden layer's matrices, [records, units] each. */
interface Layer {
  name: string;
  /** N */
  units: number;
  /** What the layer puts out, with the share that is not 0 after the last pass. */
  x: Matrix;
  /** ẑ of BatchNorm, or the address of x where there is none. */
  z: number;
  /** [N]: 1/√(variance + ε) of BatchNorm. */
  inverse: number;
  /** Dropout's random bytes, [trained, units]. */
  bytes: number;
}

/** Receives the address of the input [B, K] of each layer, of the output layer last. */
export type OnLayer = (layer: number, address: number, width: number) => void;

/** A network in an engine's memory. */
export class Network {
  readonly mlp: Mlp;
  /** The address of what it puts out, [records, outputs]. */
  readonly output: number;
  readonly #shared: Shared;
  readonly #layers: Layer[];
  readonly #dropout: DropoutSteps;

  constructor(mlp: Mlp, shared: Shared) {
    const { memory, records, trained } = shared;
    this.mlp = mlp;
    this.#shared = shared;
    this.#dropout = dropoutSteps(mlp.dropout);
    this.#layers = mlp.hidden.map((units, i): Layer => {
      const x = memory.allocateNumbers(records * units);
      return {
        name: `${mlp.name}.${i}`,
        units,
        x: { address: x, width: units, share: 1 },
        z: mlp.batchNorm ? memory.allocateNumbers(records * units) : x,
        inverse: memory.allocateNumbers(units),
        // Random bytes are written four at a time.
        bytes: mlp.dropout > 0 ? memory.allocate(trained * units + 4) : 0,
      };
    });
    this.output = memory.allocateNumbers(records * mlp.outputs);
  }

  /** Computes `output` of the input [rows, K] at an address. */
  forward(input: number, rows: number, training: boolean, onLayer?: OnLayer): void {
    const { kernels, weights } = this.#shared;
    const { name, outputs, isTower } = this.mlp;
    let x: Matrix = { address: input, width: this.mlp.inputs, share: 1 };
    this.#layers.forEach((layer, i) => {
      onLayer?.(i, x.address, x.width);
      this.#layerForward(layer, x, rows, training);
      x = layer.x;
    });
    onLayer?.(this.#layers.length, x.address, x.width);
    multiply(kernels, x, weights.value(`${name}.output.weights`), this.output, rows, outputs);
    if (isTower) kernels.addBias(this.output, weights.value(`${name}.output.bias`), rows, outputs);
  }

  #layerForward({ name, units, x, z, inverse, bytes }: Layer, input: Matrix, rows: number, training: boolean): void {
    const { kernels, weights, random } = this.#shared;
    multiply(kernels, input, weights.value(`${name}.weights`), z, rows, units);
    if (this.mlp.batchNorm) {
      const [mean, variance] = ["mean", "variance"].map((moment) =>
        training ? weights.batchStat(`${name}.${moment}`) : weights.stat(`${name}.${moment}`),
      ) as [number, number];
      if (training) kernels.moments(z, mean, variance, rows, units);
      kernels.inverseDeviations(variance, inverse, units, BATCH_NORM_EPSILON);
      kernels.normalize(z, mean, inverse, rows, units);
    }
    const drops = training && bytes > 0;
    if (drops) kernels.randomBytes(random.bits(), bytes, rows * units);
    const { dropped, scale } = this.#dropout;
    const gamma = this.mlp.batchNorm ? weights.value(`${name}.gamma`) : 0;
    const bias = weights.value(`${name}.bias`);
    const to = x.address;
    const masks = drops ? bytes : 0;
    const left = kernels.layerForward(z, gamma, bias, masks, to, rows, units, this.#activation, dropped, scale);
    x.share = left / (rows * units);
  }

  /**
   * Computes the gradients of the weights and of the input [rows, K], which is written to `dInput`, from those of the
   * output at `dOutput` [rows, outputs]. The last `forward` must have been one of training on this input.
   */
  backward(input: number, dOutput: number, dInput: number, rows: number): void {
    const { kernels, weights, turns } = this.#shared;
    const { name, outputs, isTower } = this.mlp;
    const inputOf = (i: number): Matrix =>
      this.#layers[i - 1]?.x ?? { address: input, width: this.mlp.inputs, share: 1 };
    const depth = this.#layers.length;
    if (isTower) kernels.columnSums(dOutput, rows, outputs, weights.gradient(`${name}.output.bias`));
    let [d] = turns;
    this.#backward(`${name}.output`, inputOf(depth), { address: dOutput, width: outputs, share: 1 }, d, rows);
    for (let i = depth - 1; i >= 0; i--) {
      const layer = this.#layers[i];
      this.#layerBackward(layer, d, rows);
      const next = i === 0 ? dInput : d === turns[0] ? turns[1] : turns[0];
      // ReLU and dropout have no slope where they put out 0; BatchNorm's gradient is nowhere 0.
      const share = this.mlp.batchNorm ? 1 : layer.x.share;
      this.#backward(layer.name, inputOf(i), { address: d, width: layer.units, share }, next, rows);
      d = next;
    }
  }

  /** Takes `d`, the gradient of a layer's x, to that of its product. */
  #layerBackward({ name, units, x, z, inverse, bytes }: Layer, d: number, rows: number): void {
    const { kernels, weights } = this.#shared;
    const { batchNorm } = this.mlp;
    const { dropped, scale } = this.#dropout;
    const dBias = weights.gradient(`${name}.bias`);
    const dGamma = batchNorm ? weights.gradient(`${name}.gamma`) : 0;
    const standard = batchNorm ? z : 0;
    kernels.layerBackward(d, x.address, bytes, standard, dBias, dGamma, rows, units, this.#activation, dropped, scale);
    if (!batchNorm) return;
    kernels.normalizeBackward(d, z, weights.value(`${name}.gamma`), inverse, dGamma, dBias, rows, units);
  }

  /** The gradients of x · w: of the weights w, and at `dx` that of x. */
  #backward(name: string, x: Matrix, d: Matrix, dx: number, rows: number): void {
    const { kernels, weights } = this.#shared;
    multiplyOver(kernels, x, d, weights.gradient(`${name}.weights`), rows);
    multiplyBack(kernels, d, weights.value(`${name}.weights`), dx, rows, x.width);
  }

  get #activation(): number {
    return ACTIVATIONS[this.mlp.activation];
  }
}
