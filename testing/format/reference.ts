import type { ModelBlob } from "../../format/blob.ts";
import type { CalibrationMap } from "../../format/calibration.ts";
import * as c from "../../format/constants.ts";
import { EncodedRecords } from "../../format/encoded-records.ts";
import { itemStride } from "../../format/items.ts";
import { findKey, pageOfKey } from "../../format/keys.ts";
import { type DenseLayer, padTo } from "../../format/layer.ts";
import { Page } from "../../format/page.ts";
import { readBlob } from "../../format/read-blob.ts";
import { type FieldSide, RecordEncoder } from "../../format/record.ts";
import { readRow, rowStride } from "../../format/row.ts";
import { filterHas } from "../../format/row-filter.ts";

// FORMAT.md, "Meaning of a score", word for word in float64. It is slow, and knows nothing of a kernel's layout.

/** Scores one record. `pages[p]`: the bytes of page p. */
export function referenceScore(blob: Uint8Array, pages: Uint8Array[], record: unknown): Score {
  const model = readBlob(blob);
  const { e, linear } = embed(model, pages, record);
  let logit = model.bias;
  if (model.terms & c.TERM_LINEAR) logit += linear;
  if (model.terms & c.TERM_FM) logit += fm(model, e);
  if (model.terms & c.TERM_MLP) logit += inner(model.outputWeights, run(model.layers, mlpInputs(model, e)));
  if (model.terms & c.TERM_TOWERS) logit += inner(tower(model, c.SIDE_CONTEXT, e), tower(model, c.SIDE_ITEM, e));
  return scoreOf(model, logit);
}

export interface Score {
  logit: number;
  score: number;
}

function scoreOf({ calibration }: ModelBlob, raw: number): Score {
  const logit = calibration ? calibrate(calibration, raw) : raw;
  return { logit, score: 1 / (1 + Math.exp(-logit)) };
}

/** The piecewise linear map of a raw logit. */
function calibrate({ logits: x, calibrated: y, slopes: [low, high] }: CalibrationMap, z: number): number {
  const above = x.findIndex((knot) => z <= knot);
  if (above === 0) return (y[0] as number) + low * (z - (x[0] as number));
  if (above < 0) return (y.at(-1) as number) + high * (z - (x.at(-1) as number));
  const [x0, x1, y0, y1] = [x[above - 1], x[above], y[above - 1], y[above]] as [number, number, number, number];
  return y0 + ((z - x0) * (y1 - y0)) / (x1 - x0);
}

/** An item's record as ITEMS has it. `item` has only the fields of the item. */
export function itemRecord(blob: Uint8Array, pages: Uint8Array[], item: unknown): Uint8Array {
  const model = readBlob(blob);
  const { terms, fmDim, embeddingDim: D, layers } = model;
  const { e, linear } = embed(model, pages, item, "item");
  const view = new DataView(new ArrayBuffer(itemStride(model)));
  const logit = (terms & c.TERM_LINEAR ? linear : 0) + (terms & c.TERM_FM ? fm(model, e) : 0);
  view.setFloat32(c.ITEM_LOGIT, logit, true);
  fmSums(model, e).forEach((x, j) => {
    view.setFloat32(c.ITEM_VECTORS + 4 * j, x, true);
  });
  const deep = c.ITEM_VECTORS + 4 * padTo(fmDim, c.PAD_OUTPUTS);
  const put = (numbers: readonly number[], integers: boolean): void => {
    numbers.forEach((x, n) => {
      if (integers) view.setInt32(deep + 4 * n, x, true);
      else view.setFloat32(deep + 4 * n, x, true);
    });
  };
  const [first] = layers;
  if (terms & c.TERM_MLP && first) put(firstSums(model, first, e, c.SIDE_ITEM), first.weights instanceof Int8Array);
  if (terms & c.TERM_TOWERS) put(tower(model, c.SIDE_ITEM, e).slice(0, D), false);
  return new Uint8Array(view.buffer);
}

/** Scores an item of the catalogue, by its number, with a context, which has only the fields of the context. */
export function forwardItem(blob: Uint8Array, pages: Uint8Array[], context: unknown, item: number): Score {
  const model = readBlob(blob);
  const { terms, fmDim, embeddingDim: D } = model;
  const { e, linear } = embed(model, pages, context, "context");
  const stride = itemStride(model);
  const record = new DataView(model.items.records.slice(item * stride, (item + 1) * stride).buffer);
  const deep = c.ITEM_VECTORS + 4 * padTo(fmDim, c.PAD_OUTPUTS);
  let logit = model.bias + record.getFloat32(c.ITEM_LOGIT, true);
  if (terms & c.TERM_LINEAR) logit += linear;
  if (terms & c.TERM_FM) {
    logit += fm(model, e);
    fmSums(model, e).forEach((x, j) => {
      logit += x * record.getFloat32(c.ITEM_VECTORS + 4 * j, true);
    });
  }
  const [first, ...others] = model.layers;
  if (terms & c.TERM_MLP && first) {
    const int8 = first.weights instanceof Int8Array;
    const sums = firstSums(model, first, e, c.SIDE_CONTEXT).map((x, n) => {
      const at = deep + 4 * n;
      return int8 ? (x + record.getInt32(at, true)) | 0 : x + record.getFloat32(at, true);
    });
    logit += inner(model.outputWeights, run(others, finish(first, sums)));
  }
  if (terms & c.TERM_TOWERS) {
    const vector = Array.from({ length: D }, (_, j) => record.getFloat32(deep + 4 * j, true));
    logit += inner(tower(model, c.SIDE_CONTEXT, e), vector);
  }
  return scoreOf(model, logit);
}

/**
 * Each field's embedding, D numbers, and the sum of all linear terms. With `side`, only the fields of that side count.
 */
function embed(
  { spec, rowType, embeddingDim: D, keys, rows, filter }: ModelBlob,
  pages: Uint8Array[],
  record: unknown,
  side?: FieldSide,
): { e: number[][]; linear: number } {
  const fields = spec.fields.length;
  const stride = rowStride(rowType, D);
  const layout = { rowType, embeddingDim: D, pageCount: pages.length };
  const encoded = new EncodedRecords();
  const encoder = new RecordEncoder(spec);
  if (side === "context") encoder.encodeContext(record, encoded, "record");
  else if (side === "item") encoder.encodeItem(record, encoded, "record");
  else encoder.encodeObject(record, encoded, "record");

  const rowBytes = (field: number, lo: number, hi: number): Uint8Array => {
    const hot = findKey(keys, lo, hi);
    if (hot >= 0) return rows.subarray((fields + hot) * stride);
    const number = pageOfKey(hi, pages.length);
    const inPage = spec.fields[field]?.kv && (lo !== 0 || hi !== 0) && filterHas(filter, lo, hi);
    const page = inPage ? pages[number] : undefined;
    const cold = page && new Page(page, layout, number).row(lo, hi);
    return cold ?? rows.subarray(field * stride);
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
  return { e, linear };
}

/** Σ_{f<g} ⟨y_f, y_g⟩ */
function fm({ fmDim }: ModelBlob, e: readonly number[][]): number {
  return pairs(e.map((v) => v.slice(0, fmDim))).reduce((total, [a, b]) => total + inner(a, b), 0);
}

/** Σ_f y_f */
function fmSums({ fmDim }: ModelBlob, e: readonly number[][]): number[] {
  return sum(e.map((v) => v.slice(0, fmDim)));
}

/** N numbers: Σ W[n, k] · a⁰[k] over the inputs of the fields of one side. For int8 weights a⁰ is quantized. */
function firstSums(model: ModelBlob, layer: DenseLayer, e: readonly number[][], side: number): number[] {
  const d = model.embeddingDim - model.mlpFrom;
  const input = inputsOf(layer, mlpInputs(model, e));
  const own = input.map((x, k) => (model.sides[Math.floor(k / d)] === side ? x : 0));
  return sumsOf(layer, own);
}

/** a⁰ of the MLP: the elements of the embeddings from mlpFrom on, then the products. */
function mlpInputs(model: ModelBlob, e: readonly number[][]): number[] {
  const deep = e.map((v) => v.slice(model.mlpFrom));
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

/** The vector that the tower of one side gives. */
function tower(model: ModelBlob, side: number, e: readonly number[][]): number[] {
  const n = model.contextLayers;
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
  return finish(layer, sumsOf(layer, inputsOf(layer, a)));
}

/** The numbers that a layer's weights are multiplied by: its inputs, quantized for int8 weights. */
function inputsOf({ weights, inputInverseScale, inputZero }: DenseLayer, a: number[]): number[] {
  return weights instanceof Int8Array ? a.map((x) => quantize(x, inputInverseScale, inputZero)) : a;
}

function sumsOf({ inputs, outputs, weights }: DenseLayer, input: readonly number[]): number[] {
  return Array.from({ length: outputs }, (_, n) => inner(weights.subarray(n * inputs, (n + 1) * inputs), input));
}

/** The outputs of a layer, from the sums over its inputs. */
function finish({ weights, scales, biases, activation }: DenseLayer, sums: readonly number[]): number[] {
  const int8 = weights instanceof Int8Array;
  return sums.map((x, n) => activate(activation, (int8 ? x * (scales[n] ?? 0) : x) + (biases[n] ?? 0)));
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

/** All pairs of two elements of a list, in lexicographic order of their positions. */
function pairs<T>(list: readonly T[]): [T, T][] {
  return list.flatMap((a, i) => list.slice(i + 1).map((b): [T, T] => [a, b]));
}

/** clamp(roundHalfEven(x · inverseScale + zero), 0, 127). What is rounded is computed in float32. */
function quantize(x: number, inverseScale: number, zero: number): number {
  const t = Math.fround(Math.fround(Math.fround(x) * inverseScale) + zero);
  const floor = Math.floor(t);
  const rest = t - floor;
  const rounded = rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
  return Math.min(127, Math.max(0, rounded));
}
