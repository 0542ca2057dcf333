// The forward pass in float64, straight from FORMAT.md ("Meaning of a score") and the blob's unpacked arrays, with the
// error that a correct float32 kernel is to be expected to make: every number carries the standard deviation of its
// error, if each rounding errs independently by u · |result| (u = 2⁻²⁴, half a unit in the last place). Worst-case bounds
// are no use here, they grow by Σ|w| ≈ 30 at each layer of 400; roundings of a sum grow like a random walk (Higham & Mary,
// "A New Approach to Probabilistic Rounding Error Analysis", 2019). So a test asks for |kernel − reference| ≤ a few
// `error`s, and chooses no tolerance by taste. Quantized inputs and their sums are integers and exact: only an input
// that lies within DOUBT errors of a half may be rounded to either side, and then its unit of q counts as its error.
import type { ModelBlob } from "../../../format/blob.ts";
import * as c from "../../../format/constants.ts";
import type { DenseLayer } from "../../../format/layer.ts";
import { readRow, rowStride } from "../../../format/row.ts";
import type { TestRecord } from "../../../testing/kernel/random-model.ts";

/** A number and the standard deviation of a float32 kernel's error. */
export interface Approximate {
  value: number;
  error: number;
}

interface ApproximateVector {
  values: Float64Array;
  errors: Float64Array;
}

const U = 2 ** -24;

/** How many standard deviations are possible. */
export const DOUBT = 8;

/** The logit of one record. */
export function referenceLogit(model: ModelBlob, record: TestRecord): Approximate {
  const { e, linear } = embed(model, record);
  const logit = new Sum();
  logit.add(model.bias, 0);
  if (model.terms & c.TERM_LINEAR) logit.add(linear.value, linear.error);
  if (model.terms & c.TERM_FM) addTo(logit, fm(e.map((v) => slice(v, 0, model.fmDim))));
  if (model.terms & c.TERM_MLP) addTo(logit, mlp(model, e));
  if (model.terms & c.TERM_TOWERS) addTo(logit, towers(model, e));
  return logit.result();
}

/** A float32 sum: its terms' errors and one rounding an addition, of variance (u · |partial sum|)². */
class Sum {
  value = 0;
  #variance = 0;

  add(term: number, error: number): void {
    this.value += term;
    this.#variance += error ** 2 + (U * this.value) ** 2;
  }

  result(): Approximate {
    return { value: this.value, error: Math.sqrt(this.#variance) };
  }
}

function addTo(sum: Sum, term: Approximate): void {
  sum.add(term.value, term.error);
}

/** e₁ … e_F with e_f = Σ value · v, and Σ value · w. */
function embed(model: ModelBlob, record: TestRecord): { e: ApproximateVector[]; linear: Approximate } {
  const k = model.embeddingDim;
  const stride = rowStride(model.rowType, k);
  const rows = new DataView(model.rows.buffer, model.rows.byteOffset, model.rows.byteLength);
  const row = new Float32Array(k + 1);
  const linear = new Sum();
  const e = record.map((field) => {
    const sums = Array.from({ length: k }, () => new Sum());
    for (const { row: number, value } of field) {
      readRow(model.rowType, k, rows, number * stride, row, 0);
      linear.add(value * at(row, 0), U * value * at(row, 0));
      sums.forEach((sum, j) => {
        const term = value * at(row, j + 1);
        sum.add(term, 2 * U * term); // of value · scale, of its product with q, and readRow's own of scale · q
      });
    }
    return vectorOf(sums.map((sum) => sum.result()));
  });
  return { e, linear: linear.result() };
}

/** ½ Σ_j [(Σ_f e_fj)² − Σ_f e_fj²] */
function fm(e: readonly ApproximateVector[]): Approximate {
  const twice = new Sum();
  for (let j = 0; j < (e[0]?.values.length ?? 0); j++) {
    const sum = new Sum();
    const squares = new Sum();
    for (const { values, errors } of e) {
      const x = at(values, j);
      const error = at(errors, j);
      sum.add(x, error);
      squares.add(x * x, 2 * Math.abs(x) * error + U * x * x);
    }
    const { value, error } = sum.result();
    const term = new Sum();
    term.add(value * value, 2 * Math.abs(value) * error);
    term.add(-squares.value, squares.result().error);
    addTo(twice, term.result());
  }
  const { value, error } = twice.result();
  return { value: value / 2, error: error / 2 };
}

/** Σ outputWeights · aᴸ */
function mlp(model: ModelBlob, e: readonly ApproximateVector[]): Approximate {
  const deep = e.map((v) => slice(v, model.mlpFrom, model.embeddingDim));
  const inputs = deep.flatMap(elements);
  if (model.products & c.PRODUCT_INNER) {
    deep.forEach((a, i) => {
      for (const b of deep.slice(i + 1)) inputs.push(scaled(model.innerScale, inner(a, b)));
    });
  }
  if (model.products & c.PRODUCT_OUTER) {
    const sum = elements(sumOf(deep));
    sum.forEach((a, i) => {
      for (const b of sum.slice(i)) inputs.push(scaled(model.outerScale, product(a, b)));
    });
  }
  return weightedSum(model.outputWeights, 0, run(model.layers, vectorOf(inputs)), new Sum());
}

/** ⟨u, i⟩ of the towers' vectors: last layer + Σ of the side's embeddings. */
function towers(model: ModelBlob, e: readonly ApproximateVector[]): Approximate {
  const n = model.contextLayers;
  const stacks = [model.layers.slice(0, n), model.layers.slice(n)];
  const [u, i] = stacks.map((layers, side) => {
    const own = e.filter((_, f) => model.sides[f] === side);
    return sumOf([sumOf(own), run(layers, vectorOf(own.flatMap(elements)))]);
  });
  return inner(u as ApproximateVector, i as ApproximateVector);
}

function run(layers: readonly DenseLayer[], inputs: ApproximateVector): ApproximateVector {
  let a = inputs;
  for (const layer of layers) a = layer.weights instanceof Int8Array ? denseI8(layer, a) : denseF32(layer, a);
  return a;
}

function sumOf(vectors: readonly ApproximateVector[]): ApproximateVector {
  const sums = elements(vectors[0]).map(() => new Sum());
  for (const v of vectors) {
    sums.forEach((sum, j) => {
      sum.add(at(v.values, j), at(v.errors, j));
    });
  }
  return vectorOf(sums.map((sum) => sum.result()));
}

/** ⟨a, b⟩ */
function inner(a: ApproximateVector, b: ApproximateVector): Approximate {
  const sum = new Sum();
  const others = elements(b);
  elements(a).forEach((x, j) => {
    addTo(sum, product(x, others[j]));
  });
  return sum.result();
}

function product(a: Approximate, b: Approximate): Approximate {
  const value = a.value * b.value;
  return { value, error: Math.abs(a.value) * b.error + Math.abs(b.value) * a.error + U * Math.abs(value) };
}

function scaled(scale: number, { value, error }: Approximate): Approximate {
  return { value: scale * value, error: Math.abs(scale) * (error + U * Math.abs(value)) };
}

/** activation(W·a + bias) */
function denseF32(layer: DenseLayer, a: ApproximateVector): ApproximateVector {
  const y = vector(layer.outputs);
  for (let n = 0; n < layer.outputs; n++) {
    const sum = new Sum();
    weightedSum(layer.weights, n * layer.inputs, a, sum);
    sum.add(at(layer.biases, n), 0);
    set(y, n, activate(layer.activation, sum.result()));
  }
  return y;
}

/** activation(scale ∘ (W·q) + bias) with q = clamp(roundHalfEven(a · inverseScale + zero), 0, 127) */
function denseI8(layer: DenseLayer, a: ApproximateVector): ApproximateVector {
  const q = vector(layer.inputs);
  for (let k = 0; k < layer.inputs; k++) {
    const x = new Sum();
    x.add(at(a.values, k) * layer.inputInverseScale, at(a.errors, k) * Math.abs(layer.inputInverseScale));
    x.add(layer.inputZero, 0);
    const { value, error } = x.result();
    const rounded = quantize(value);
    const doubt = Math.max(quantize(value + DOUBT * error) - rounded, rounded - quantize(value - DOUBT * error));
    set(q, k, { value: rounded, error: doubt });
  }
  const y = vector(layer.outputs);
  for (let n = 0; n < layer.outputs; n++) {
    let sum = 0;
    let variance = 0;
    for (let k = 0; k < layer.inputs; k++) {
      const weight = at(layer.weights, n * layer.inputs + k);
      sum += weight * at(q.values, k);
      variance += (weight * at(q.errors, k)) ** 2;
    }
    const scaled = new Sum();
    scaled.add(sum * at(layer.scales, n), at(layer.scales, n) * (Math.sqrt(variance) + U * Math.abs(sum)));
    scaled.add(at(layer.biases, n), 0);
    set(y, n, activate(layer.activation, scaled.result()));
  }
  return y;
}

/** Adds Σ_k weights[from + k] · a[k] to `sum`. */
function weightedSum(weights: Int8Array | Float32Array, from: number, a: ApproximateVector, sum: Sum): Approximate {
  for (let k = 0; k < a.values.length; k++) {
    const weight = at(weights, from + k);
    const term = weight * at(a.values, k);
    sum.add(term, Math.abs(weight) * at(a.errors, k) + U * Math.abs(term));
  }
  return sum.result();
}

/** A negative sum that could not have been positive becomes 0 exactly. */
function relu({ value, error }: Approximate): Approximate {
  if (value > 0) return { value, error };
  return { value: 0, error: value + DOUBT * error > 0 ? error : 0 };
}

/** tanh and sigmoid are contractions, with a rounding error of the kernel's own (activation.test.ts). */
function activate(activation: number, x: Approximate): Approximate {
  if (activation === c.ACTIVATION_NONE) return x;
  if (activation === c.ACTIVATION_RELU) return relu(x);
  const value = activation === c.ACTIVATION_TANH ? Math.tanh(x.value) : 1 / (1 + Math.exp(-x.value));
  const slope = activation === c.ACTIVATION_TANH ? 1 - value ** 2 : value * (1 - value);
  return { value, error: Math.abs(slope) * x.error + 2 * U * Math.abs(value) };
}

function quantize(x: number): number {
  return Math.min(c.ACTIVATION_MAX, Math.max(0, roundHalfEven(x)));
}

function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
}

function vector(length: number): ApproximateVector {
  return { values: new Float64Array(length), errors: new Float64Array(length) };
}

function vectorOf(list: readonly Approximate[]): ApproximateVector {
  return { values: Float64Array.from(list, (x) => x.value), errors: Float64Array.from(list, (x) => x.error) };
}

function elements({ values, errors }: ApproximateVector): Approximate[] {
  return Array.from(values, (value, i) => ({ value, error: at(errors, i) }));
}

function slice({ values, errors }: ApproximateVector, from: number, to: number): ApproximateVector {
  return { values: values.subarray(from, to), errors: errors.subarray(from, to) };
}

function set(to: ApproximateVector, i: number, { value, error }: Approximate): void {
  to.values[i] = value;
  to.errors[i] = error;
}

function at(array: Float64Array | Float32Array | Int8Array, i: number): number {
  return array[i];
}
