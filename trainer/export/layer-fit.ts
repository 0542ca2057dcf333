import { ACTIVATION_MAX, ACTIVATION_NONE, ACTIVATION_RELU, ACTIVATION_TANH } from "../../format/constants.ts";
import type { DenseLayer } from "../../format/layer.ts";
import * as tf from "../engine/tfjs.ts";
import { momentsOf } from "./activations.ts";
import { factorize, type Moments, refit, roundWeights } from "./least-squares.ts";
import { chooseRange, type Range, type Steps, stepsOf } from "./ranges.ts";

/** A layer with more inputs is not fitted: its K × K covariances would take too much time and memory. */
const FIT_INPUTS = 2048;
/** Multiplications that a candidate for a range may cost: 400 records through a layer of 400 × 400. */
const RANGE_PRODUCTS = 2 ** 26;

/** Fits a network layer by layer, with its activations on a sample of records: as trained, and as served. */
export class NetworkFit {
  /** The next layer's inputs, [n, K], in the trained network. */
  #trained: tf.Tensor2D;
  /** The next layer's inputs, [n, K], in the network that is served. */
  #given: tf.Tensor2D;

  /** Owns both tensors from here on. */
  constructor(trained: tf.Tensor2D, given: tf.Tensor2D) {
    this.#trained = trained;
    this.#given = given;
  }

  dispose(): void {
    tf.dispose([this.#trained, this.#given]);
  }

  /** The best range for the next layer's inputs in columns [from, to): the one that loses least. */
  range(layer: DenseLayer, from: number, to: number): Range {
    return bestRange(layer, this.#given, from, to);
  }

  /** Multiplies each column of the next layer's inputs by its factor. */
  scaleInputs(factors: Float32Array): void {
    const scaled = (inputs: tf.Tensor2D): tf.Tensor2D => tf.tidy(() => inputs.mul(tf.tensor1d(factors))) as tf.Tensor2D;
    this.#advance(scaled(this.#trained), scaled(this.#given));
  }

  /** Quantizes the next layer. `range` is that of its inputs; by default, the one that loses least. */
  quantize(layer: DenseLayer, range?: Range): DenseLayer {
    const { inputs, outputs } = layer;
    const weights = layer.weights as Float32Array;
    const { step, zero } = stepsOf(range ?? this.range(layer, 0, inputs));
    this.#advance(this.#trained, quantizeInputs(this.#given, { step, zero }));

    const moments = momentsOf(this.#trained, this.#given, inputs <= FIT_INPUTS);
    const factor = moments.covariances && factorize(moments.covariances.given, moments.variances);
    const target = moments.covariances && factor ? refit(weights, moments.covariances, factor) : weights;
    const rounded = roundWeights(target, moments.variances, factor);
    const served = Float32Array.from(rounded.weights, (q, i) => q * rounded.scales[Math.floor(i / inputs)]);
    const biases = Float32Array.from(layer.biases, (bias, n) => bias + meanLoss(weights, served, moments, n));
    this.#advance(run(this.#trained, layer, weights, layer.biases), run(this.#given, layer, served, biases));

    const scales = Float32Array.from(rounded.scales, (scale) => step * scale);
    for (let n = 0; n < outputs; n++) {
      const sum = rounded.weights.subarray(n * inputs, (n + 1) * inputs).reduce((total, q) => total + q, 0);
      biases[n] = biases[n] - zero * sum * scales[n];
    }
    return { ...layer, weights: rounded.weights, scales, biases, inputInverseScale: 1 / step, inputZero: zero };
  }

  /** Keeps the next layer in float32, its weights fitted to the inputs that it is given. */
  keep(layer: DenseLayer): DenseLayer {
    const weights = layer.weights as Float32Array;
    const served = this.#refit(weights, layer.biases);
    const given = run(this.#given, layer, served.weights, served.biases);
    this.#advance(run(this.#trained, layer, weights, layer.biases), given);
    return { ...layer, ...served };
  }

  /**
   * Fits the output unit, whose weights [K] stay float32. Returns them, the bias that keeps the mean output, and the
   * errors [n] that its outputs still have.
   */
  output(weights: Float32Array): { weights: Float32Array; bias: number; errors: Float32Array } {
    const { weights: fitted, biases } = this.#refit(weights, new Float32Array(1));
    const bias = biases[0];
    const errors = tf.tidy(() => {
      const of = (inputs: tf.Tensor2D, column: Float32Array): tf.Tensor =>
        tf.matMul(inputs, tf.tensor2d(column, [column.length, 1]));
      return of(this.#given, fitted).add(bias).sub(of(this.#trained, weights)).dataSync().slice() as Float32Array;
    });
    return { weights: fitted, bias, errors };
  }

  /** Weights [N, K] and biases [N], fitted to the inputs that the layer is given. */
  #refit(weights: Float32Array, biases: Float32Array): { weights: Float32Array; biases: Float32Array } {
    const inputs = weights.length / biases.length;
    const moments = momentsOf(this.#trained, this.#given, inputs <= FIT_INPUTS);
    const { covariances, variances } = moments;
    const fitted = covariances ? refit(weights, covariances, factorize(covariances.given, variances)) : weights;
    return { weights: fitted, biases: biases.map((bias, n) => bias + meanLoss(weights, fitted, moments, n)) };
  }

  #advance(trained: tf.Tensor2D, given: tf.Tensor2D): void {
    if (trained !== this.#trained) this.#trained.dispose();
    this.#given.dispose();
    [this.#trained, this.#given] = [trained, given];
  }
}

/**
 * By how much the mean of output n is too small without a correction of its bias: Σ_k trained weight · trained mean −
 * served weight · given mean (Nagel et al. 2019, "Data-Free Quantization", section 4.2, but with measured means).
 */
function meanLoss(trained: Float32Array, served: Float32Array, { trainedMean, givenMean }: Moments, n: number): number {
  const K = trainedMean.length;
  let sum = 0;
  for (let k = 0; k < K; k++) {
    sum += trained[n * K + k] * trainedMean[k];
    sum -= served[n * K + k] * givenMean[k];
  }
  return sum;
}

/** The numbers that a layer computes with in place of its inputs [n, K]: step · (q − zero). */
function quantizeInputs(inputs: tf.Tensor2D, { step, zero }: Steps): tf.Tensor2D {
  return tf.tidy(() =>
    inputs
      .mul(Math.fround(1 / step))
      .add(zero)
      .round() // halves to even, as in the kernel
      .clipByValue(0, ACTIVATION_MAX)
      .sub(zero)
      .mul(step),
  ) as tf.Tensor2D;
}

/** A layer's outputs [n, N]. */
function run(
  inputs: tf.Tensor2D,
  { inputs: K, outputs, activation }: DenseLayer,
  weights: Float32Array,
  biases: Float32Array,
): tf.Tensor2D {
  return tf.tidy(() => {
    const sums = tf.matMul(inputs, tf.tensor2d(weights, [outputs, K]), false, true).add(tf.tensor1d(biases));
    if (activation === ACTIVATION_NONE) return sums as tf.Tensor2D;
    if (activation === ACTIVATION_RELU) return sums.relu() as tf.Tensor2D;
    return (activation === ACTIVATION_TANH ? sums.tanh() : sums.sigmoid()) as tf.Tensor2D;
  });
}

/**
 * The range for the inputs [n, K] in columns [from, to) whose quantization changes the layer's sums least. With δ, the
 * errors of the inputs, that is the range of least Σ (W·δ − its mean)²: the bias makes good the mean.
 */
function bestRange({ weights, inputs: K, outputs }: DenseLayer, given: tf.Tensor2D, from: number, to: number): Range {
  const records = given.shape[0];
  const used = Math.min(records, Math.max(1, Math.floor(RANGE_PRODUCTS / (K * outputs))));
  const indices = Int32Array.from({ length: used }, (_, i) => Math.floor((i * records) / used));
  const [low, high, inputs, kernel] = tf.tidy(() => [
    tf.minimum(given.slice([0, from], [records, to - from]).min(), 0),
    tf.maximum(given.slice([0, from], [records, to - from]).max(), 0),
    tf.gather(given, tf.tensor1d(indices, "int32")).slice([0, from], [used, to - from]) as tf.Tensor2D,
    tf.tensor2d(weights as Float32Array, [outputs, K]).slice([0, from], [outputs, to - from]),
  ]) as unknown as [tf.Scalar, tf.Scalar, tf.Tensor2D, tf.Tensor2D];
  try {
    const widest = { low: low.dataSync()[0], high: high.dataSync()[0] };
    return chooseRange(widest, (range) => {
      const error = tf.tidy(() => {
        const errors = tf.matMul(quantizeInputs(inputs, stepsOf(range)).sub(inputs), kernel, false, true);
        return errors.sub(errors.mean(0)).square().sum();
      });
      const [sum] = error.dataSync();
      error.dispose();
      return sum as number;
    });
  } finally {
    tf.dispose([low, high, inputs, kernel]);
  }
}
