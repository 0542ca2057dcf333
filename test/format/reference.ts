import type { ModelBlob } from "../../format/blob.ts";
import * as c from "../../format/constants.ts";
import type { DenseLayer } from "../../format/dense.ts";
import { findKey, pageOfKey } from "../../format/keys.ts";
import { Page } from "../../format/page.ts";
import { readBlob } from "../../format/read-blob.ts";
import { EncodedRecords, RecordEncoder } from "../../format/record.ts";
import { readRow, rowStride } from "../../format/row.ts";

// FORMAT.md, "Meaning of a score", in float64 and word for word: slow, and with nothing of a kernel's layout in it.

/** The score of one record. `pages[p]`: the bytes of page p. */
export function forward(blob: Uint8Array, pages: Uint8Array[], record: unknown): { logit: number; score: number } {
  const model = readBlob(blob);
  const { spec, rowType, embeddingDim: D } = model;
  const fields = spec.fields.length;
  const stride = rowStride(rowType, D);
  const layout = { rowType, embeddingDim: D, pageCount: pages.length };
  const encoded = new EncodedRecords();
  new RecordEncoder(spec).encodeObject(record, encoded, "record");

  const rowBytes = (field: number, lo: number, hi: number): Uint8Array => {
    const hot = findKey(model.keys, lo, hi);
    if (hot >= 0) return model.rows.subarray((fields + hot) * stride);
    const number = pageOfKey(hi, pages.length);
    const page = spec.fields[field]?.kv && (lo !== 0 || hi !== 0) ? pages[number] : undefined;
    const cold = page && new Page(page, layout, number).row(lo, hi);
    return cold ?? model.rows.subarray(field * stride);
  };

  let linear = 0;
  const e: number[][] = [];
  const row = new Float32Array(1 + D);
  for (let field = 0; field < fields; field++) {
    const embedding: number[] = new Array(D).fill(0);
    for (let entry = encoded.offsets[field] ?? 0; entry < (encoded.offsets[field + 1] ?? 0); entry++) {
      const bytes = rowBytes(field, encoded.keys[2 * entry] ?? 0, encoded.keys[2 * entry + 1] ?? 0);
      readRow(rowType, D, new DataView(bytes.buffer, bytes.byteOffset), 0, row, 0);
      const value = encoded.values[entry] ?? 0;
      linear += value * (row[0] ?? 0);
      for (let j = 0; j < D; j++) embedding[j] = (embedding[j] ?? 0) + value * (row[1 + j] ?? 0);
    }
    e.push(embedding);
  }

  let logit = model.bias;
  if (model.parts & c.PART_LINEAR) logit += linear;
  if (model.parts & c.PART_FM) {
    for (const [a, b] of pairs(e.map((v) => v.slice(0, model.fmDim)))) logit += inner(a, b);
  }
  if (model.parts & c.PART_MLP) logit += inner(model.outputWeights, run(model.layers, mlpInputs(model, e)));
  if (model.parts & c.PART_TOWERS) logit += inner(tower(model, c.SIDE_CONTEXT, e), tower(model, c.SIDE_ITEM, e));
  return { logit, score: 1 / (1 + Math.exp(-logit)) };
}

/** The deep parts of the embeddings, then the products. */
function mlpInputs(model: ModelBlob, e: readonly number[][]): number[] {
  const deep = e.map((v) => v.slice(model.deepFrom));
  const inputs = deep.flat();
  if (model.products & c.PRODUCT_INNER) for (const [a, b] of pairs(deep)) inputs.push(model.innerScale * inner(a, b));
  if (model.products & c.PRODUCT_OUTER) {
    const s = sum(deep);
    s.forEach((x, a) => {
      for (const y of s.slice(a)) inputs.push(model.outerScale * x * y);
    });
  }
  return inputs;
}

/** The vector of one side's tower. */
function tower(model: ModelBlob, side: number, e: readonly number[][]): number[] {
  const [n] = model.towerLayers;
  const layers = side === c.SIDE_CONTEXT ? model.layers.slice(0, n) : model.layers.slice(n);
  const own = e.filter((_, f) => model.sides[f] === side);
  return sum([...own, run(layers, own.flat())]);
}

function run(layers: readonly DenseLayer[], inputs: number[]): number[] {
  let a = inputs;
  for (const layer of layers) a = dense(layer, a);
  return a;
}

function dense(layer: DenseLayer, a: number[]): number[] {
  const int8 = layer.weights instanceof Int8Array;
  const input = int8 ? a.map((x) => quantise(x, layer.inputInverseScale, layer.inputZero)) : a;
  return Array.from(layer.biases, (bias, n) => {
    let sum = 0;
    for (let i = 0; i < layer.inputs; i++) sum += (layer.weights[n * layer.inputs + i] ?? 0) * (input[i] ?? 0);
    return activate(layer.activation, int8 ? sum * (layer.scales[n] ?? 0) + bias : sum + bias);
  });
}

function activate(activation: number, x: number): number {
  if (activation === c.ACTIVATION_RELU) return Math.max(0, x);
  if (activation === c.ACTIVATION_TANH) return Math.tanh(x);
  return activation === c.ACTIVATION_SIGMOID ? 1 / (1 + Math.exp(-x)) : x;
}

function inner(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let j = 0; j < a.length; j++) sum += (a[j] ?? 0) * (b[j] ?? 0);
  return sum;
}

function sum(vectors: readonly number[][]): number[] {
  return (vectors[0] ?? []).map((_, j) => vectors.reduce((total, v) => total + (v[j] ?? 0), 0));
}

/** All pairs of a list, each in its order, in lexicographic order. */
function pairs<T>(list: readonly T[]): [T, T][] {
  return list.flatMap((a, i) => list.slice(i + 1).map((b): [T, T] => [a, b]));
}

/** clamp(roundHalfEven(x · inverseScale + zero), 0, 127), the argument of the rounding in float32. */
function quantise(x: number, inverseScale: number, zero: number): number {
  const t = Math.fround(Math.fround(Math.fround(x) * inverseScale) + zero);
  const floor = Math.floor(t);
  const rest = t - floor;
  const rounded = rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
  return Math.min(127, Math.max(0, rounded));
}
