// The forward pass in float64, straight from FORMAT.md ("Meaning of a score") and the blob's unpacked arrays, with
// the error that a correct float32 kernel is expected to make (approximate.ts). Quantized inputs and their sums are
// integers, and exact. Only an input that lies within DOUBT errors of a half may be rounded to either side, and then
// its error is one unit of q.
import type { ModelBlob } from "../../../format/blob.ts";
import * as c from "../../../format/constants.ts";
import type { DenseLayer } from "../../../format/layer.ts";
import { readRow, rowStride } from "../../../format/row.ts";
import type { TestRecord } from "../../../testing/kernel/random-model.ts";
import {
  type Approximate,
  type ApproximateVector,
  addTo,
  DOUBT,
  elements,
  inner,
  product,
  Sum,
  scaled,
  setElement,
  slice,
  sumOf,
  U,
  vector,
  vectorOf,
  weightedSum,
} from "./approximate.ts";

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

/** The embeddings e₁ … e_F, e_f = Σ value · v over the entries of field f, and the linear term Σ value · w. */
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
      linear.add(value * row[0], U * value * row[0]);
      sums.forEach((sum, j) => {
        const term = value * row[j + 1];
        // The kernel rounds value · scale and its product with q; readRow has rounded scale · q once.
        sum.add(term, 2 * U * term);
      });
    }
    return vectorOf(sums.map((sum) => sum.result()));
  });
  return { e, linear: linear.result() };
}

/** The term of FM: ½ Σ_j [(Σ_f e_fj)² − Σ_f e_fj²]. */
function fm(e: readonly ApproximateVector[]): Approximate {
  const twice = new Sum();
  for (let j = 0; j < e[0].values.length; j++) {
    const sum = new Sum();
    const squares = new Sum();
    for (const { values, errors } of e) {
      const x = values[j];
      const error = errors[j];
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

/** The term of the MLP: Σ outputWeights · aᴸ, aᴸ the last layer's outputs. */
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

/** The term of the towers: ⟨u, i⟩ of their vectors, each the outputs of its last layer + Σ of its side's embeddings. */
function towers(model: ModelBlob, e: readonly ApproximateVector[]): Approximate {
  const n = model.contextLayers;
  const stacks = [model.layers.slice(0, n), model.layers.slice(n)];
  const [u, i] = stacks.map((layers, side) => {
    const own = e.filter((_, f) => model.sides[f] === side);
    return sumOf([sumOf(own), run(layers, vectorOf(own.flatMap(elements)))]);
  });
  return inner(u, i);
}

/** The outputs of the last of the layers. */
function run(layers: readonly DenseLayer[], inputs: ApproximateVector): ApproximateVector {
  let a = inputs;
  for (const layer of layers) a = layer.weights instanceof Int8Array ? int8Layer(layer, a) : floatLayer(layer, a);
  return a;
}

/** A float32 layer: activation(W·a + bias). */
function floatLayer(layer: DenseLayer, a: ApproximateVector): ApproximateVector {
  const y = vector(layer.outputs);
  for (let n = 0; n < layer.outputs; n++) {
    const sum = new Sum();
    weightedSum(layer.weights, n * layer.inputs, a, sum);
    sum.add(layer.biases[n], 0);
    setElement(y, n, activate(layer.activation, sum.result()));
  }
  return y;
}

/**
 * An int8 layer: activation(scale ∘ (W·q) + bias), where q = clamp(roundHalfEven(a · inverseScale + zeroPoint), 0,
 * 127).
 */
function int8Layer(layer: DenseLayer, a: ApproximateVector): ApproximateVector {
  const q = vector(layer.inputs);
  for (let k = 0; k < layer.inputs; k++) {
    const x = new Sum();
    x.add(a.values[k] * layer.inputInverseScale, a.errors[k] * Math.abs(layer.inputInverseScale));
    x.add(layer.inputZero, 0);
    const { value, error } = x.result();
    const rounded = quantize(value);
    const doubt = Math.max(quantize(value + DOUBT * error) - rounded, rounded - quantize(value - DOUBT * error));
    setElement(q, k, { value: rounded, error: doubt });
  }
  const y = vector(layer.outputs);
  for (let n = 0; n < layer.outputs; n++) {
    let sum = 0;
    let variance = 0;
    for (let k = 0; k < layer.inputs; k++) {
      const weight = layer.weights[n * layer.inputs + k];
      sum += weight * q.values[k];
      variance += (weight * q.errors[k]) ** 2;
    }
    const output = new Sum();
    output.add(sum * layer.scales[n], layer.scales[n] * (Math.sqrt(variance) + U * Math.abs(sum)));
    output.add(layer.biases[n], 0);
    setElement(y, n, activate(layer.activation, output.result()));
  }
  return y;
}

/** max(x, 0). A negative sum becomes 0, exactly so if no possible error would make it positive. */
function relu({ value, error }: Approximate): Approximate {
  if (value > 0) return { value, error };
  return { value: 0, error: value + DOUBT * error > 0 ? error : 0 };
}

/**
 * tanh and sigmoid pass on the error of x times their slope, and add a rounding error of their own
 * (activation.test.ts).
 */
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
