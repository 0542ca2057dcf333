import { ACTIVATION_MAX, ACTIVATION_NONE, ACTIVATION_RELU, ACTIVATION_TANH } from "../../format/constants.ts";
import type { DenseLayer } from "../../format/layer.ts";
import type { DenseMatrix, MatrixProduct } from "../engine/assembly/matrix-product.ts";
import { sigmoid } from "../metrics/metrics.ts";
import { columnMeans, mapColumns, momentsOf } from "./activations.ts";
import { factorize, type Moments, refit, roundWeights } from "./least-squares.ts";
import { chooseRange, type Range, type Steps, stepsOf } from "./ranges.ts";

/** A layer with more inputs is not fitted: its K × K covariances would take too much time and memory. */
const FIT_INPUTS = 2048;
/** Multiplications that a candidate for a range may cost: 400 records through a layer of 400 × 400. */
const RANGE_PRODUCTS = 2 ** 26;

/** Fits a network layer by layer, with its activations on a sample of records: as trained, and as served. */
export class NetworkFit {
  readonly #product: MatrixProduct;
  /** The next layer's inputs, [n, K], in the trained network. */
  #trained: DenseMatrix;
  /** The next layer's inputs, [n, K], in the network that is served. */
  #given: DenseMatrix;

  /** Begins with the inputs of the first layer. */
  constructor(product: MatrixProduct, trained: DenseMatrix, given: DenseMatrix) {
    this.#product = product;
    this.#trained = trained;
    this.#given = given;
  }

  /** The best range for the next layer's inputs in columns [from, to): the one that loses least. */
  range(layer: DenseLayer, from: number, to: number): Range {
    return bestRange(this.#product, layer, this.#given, from, to);
  }

  /** Multiplies each column of the next layer's inputs by its factor. */
  scaleInputs(factors: Float32Array): void {
    const scaled = (inputs: DenseMatrix): DenseMatrix => mapColumns(inputs, (x, k) => x * factors[k]);
    this.#trained = scaled(this.#trained);
    this.#given = scaled(this.#given);
  }

  /** Quantizes the next layer. `range` is that of its inputs; by default, the one that loses least. */
  quantize(layer: DenseLayer, range?: Range): DenseLayer {
    const { inputs, outputs } = layer;
    const weights = layer.weights as Float32Array;
    const { step, zero } = stepsOf(range ?? this.range(layer, 0, inputs));
    this.#given = quantizeInputs(this.#given, { step, zero });

    const moments = momentsOf(this.#trained, this.#given, inputs <= FIT_INPUTS, this.#product);
    const factor = moments.covariances && factorize(moments.covariances.given, moments.variances);
    const target = moments.covariances && factor ? refit(weights, moments.covariances, factor) : weights;
    const rounded = roundWeights(target, moments.variances, factor);
    const served = Float32Array.from(rounded.weights, (q, i) => q * rounded.scales[Math.floor(i / inputs)]);
    const biases = Float32Array.from(layer.biases, (bias, n) => bias + meanLoss(weights, served, moments, n));
    this.#trained = this.#run(this.#trained, layer, weights, layer.biases);
    this.#given = this.#run(this.#given, layer, served, biases);

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
    this.#trained = this.#run(this.#trained, layer, weights, layer.biases);
    this.#given = this.#run(this.#given, layer, served.weights, served.biases);
    return { ...layer, ...served };
  }

  /**
   * Fits the output unit, whose weights [K] stay float32. Returns them, the bias that keeps the mean output, and the
   * errors [n] that its outputs still have.
   */
  output(weights: Float32Array): { weights: Float32Array; bias: number; errors: Float32Array } {
    const { weights: fitted, biases } = this.#refit(weights, new Float32Array(1));
    const bias = biases[0];
    const of = (inputs: DenseMatrix, column: Float32Array): Float32Array =>
      this.#product.multiply(inputs, { values: column, rows: column.length, columns: 1 }).values;
    const exact = of(this.#trained, weights);
    const errors = of(this.#given, fitted).map((sum, record) => sum + bias - exact[record]);
    return { weights: fitted, bias, errors };
  }

  /** Weights [N, K] and biases [N], fitted to the inputs that the layer is given. */
  #refit(weights: Float32Array, biases: Float32Array): { weights: Float32Array; biases: Float32Array } {
    const inputs = weights.length / biases.length;
    const moments = momentsOf(this.#trained, this.#given, inputs <= FIT_INPUTS, this.#product);
    const { covariances, variances } = moments;
    const fitted = covariances ? refit(weights, covariances, factorize(covariances.given, variances)) : weights;
    return { weights: fitted, biases: biases.map((bias, n) => bias + meanLoss(weights, fitted, moments, n)) };
  }

  /** A layer's outputs [n, N]. */
  #run(
    inputs: DenseMatrix,
    { inputs: columns, outputs: rows, activation }: DenseLayer,
    weights: Float32Array,
    biases: Float32Array,
  ): DenseMatrix {
    const sums = this.#product.multiply(inputs, { values: weights, rows, columns }, { b: true });
    const activate = activationOf(activation);
    return mapColumns(sums, (sum, n) => activate(sum + biases[n]));
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

/** Added to a number of less than 2²² in float32 and taken away, it leaves the nearest integer, halves to even. */
const ROUNDER = 1.5 * 2 ** 23;

/** The numbers that a layer computes with in place of its inputs [n, K]: step · (q − zero), q as the kernel has it. */
function quantizeInputs(inputs: DenseMatrix, { step, zero }: Steps): DenseMatrix {
  const inverse = Math.fround(1 / step);
  const values = new Float32Array(inputs.values.length);
  for (let i = 0; i < values.length; i++) {
    const place = Math.fround(Math.fround(inputs.values[i] * inverse) + zero);
    const q = Math.fround(Math.max(0, Math.min(ACTIVATION_MAX, place)) + ROUNDER) - ROUNDER;
    values[i] = step * (q - zero);
  }
  return { ...inputs, values };
}

function activationOf(activation: number): (sum: number) => number {
  if (activation === ACTIVATION_NONE) return (sum) => sum;
  if (activation === ACTIVATION_RELU) return (sum) => Math.max(0, sum);
  return activation === ACTIVATION_TANH ? Math.tanh : sigmoid;
}

/**
 * The range for the inputs [n, K] in columns [from, to) whose quantization changes the layer's sums least. With δ, the
 * errors of the inputs, that is the range of least Σ (W·δ − its mean)²: the bias makes good the mean.
 */
function bestRange(
  product: MatrixProduct,
  { weights, inputs: K, outputs }: DenseLayer,
  given: DenseMatrix,
  from: number,
  to: number,
): Range {
  const used = Math.min(given.rows, Math.max(1, Math.floor(RANGE_PRODUCTS / (K * outputs))));
  const everyRow = pickColumns(given, from, to, given.rows);
  const widest = { low: 0, high: 0 };
  for (const x of everyRow.values) {
    if (x < widest.low) widest.low = x;
    if (x > widest.high) widest.high = x;
  }
  const inputs = pickColumns(given, from, to, used);
  const kernel = pickColumns({ values: weights as Float32Array, rows: outputs, columns: K }, from, to, outputs);
  return chooseRange(widest, (range) => {
    const errors = quantizeInputs(inputs, stepsOf(range));
    subtract(errors.values, inputs.values);
    return squaredDeviations(product.multiply(errors, kernel, { b: true }));
  });
}

// As functions of their own: within that of a range V8 takes ten times as long for these loops.

/** from −= list */
function subtract(from: Float32Array, list: Float32Array): void {
  for (let i = 0; i < from.length; i++) from[i] = from[i] - list[i];
}

/** Σ (number − its column's mean)² */
function squaredDeviations(matrix: DenseMatrix): number {
  const { values, columns } = matrix;
  const means = columnMeans(matrix);
  let sum = 0;
  for (let at = 0; at < values.length; at += columns) {
    for (let n = 0; n < columns; n++) {
      const deviation = values[at + n] - means[n];
      sum += deviation * deviation;
    }
  }
  return sum;
}

/** Columns [from, to) of so many of a matrix's rows, evenly chosen. */
function pickColumns({ values, rows, columns }: DenseMatrix, from: number, to: number, count: number): DenseMatrix {
  const width = to - from;
  const picked = new Float32Array(count * width);
  for (let i = 0; i < count; i++) {
    const row = Math.floor((i * rows) / count) * columns;
    picked.set(values.subarray(row + from, row + to), i * width);
  }
  return { values: picked, rows: count, columns: width };
}
