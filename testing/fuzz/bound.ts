// A bound of the numbers that a kernel can meet when it scores a batch, from the blob's weights and the batch's values:
// sums of absolute values in the order of FORMAT.md's "Meaning of a score". Where the bound is within f32, FORMAT.md
// promises finite scores. Padding counts, as kernels compute with it.
import type { ModelBlob } from "../../format/blob.ts";
import * as c from "../../format/constants.ts";
import { type DenseLayer, packedBytes, padTo, weightType } from "../../format/layer.ts";
import { readRow, rowStride } from "../../format/row.ts";
import { sectionOf, viewOf } from "../format/edit-blob.ts";

/**
 * A bound of all f32 that `blob`, read as `model`, makes of records whose largest Σ |value| of field f is `sums[f]`. It
 * holds for contexts and candidates too, whose sums are parts of those of records.
 */
export function largestNumber(model: ModelBlob, blob: Uint8Array, sums: Float64Array): number {
  return largest(numbersMet(model, blob, sums, NO_ITEM));
}

/** A bound of all f32 that scoring the catalogue's items with such contexts makes. */
export function largestOfItems(model: ModelBlob, blob: Uint8Array, sums: Float64Array): number {
  return largest(numbersMet(model, blob, sums, largestItem(model)));
}

/**
 * The largest absolute values in the records of items: of the logit, of Σ y, and of the first layer's sums or the
 * tower's vector.
 */
interface LargestItem {
  logit: number;
  sum: number;
  deep: number;
}

const NO_ITEM: LargestItem = { logit: 0, sum: 0, deep: 0 };
/** The bound of an int8 layer's sums, which wrap around. */
const MAX_INTEGER = 2 ** 31;

function largestItem({ items, terms, fmDim, layers }: ModelBlob): LargestItem {
  const count = items.entries ? 0 : items.keys.length / 2; // entries are scored as candidates are
  const stride = items.records.length / count || 0;
  const most = { ...NO_ITEM };
  const deepAt = c.ITEM_VECTORS / 4 + padTo(fmDim, c.PAD_OUTPUTS);
  const int8 = (terms & c.TERM_MLP) !== 0 && layers[0]?.weights instanceof Int8Array;
  for (let i = 0; i < count; i++) {
    const numbers = new Float32Array(items.records.slice(i * stride, (i + 1) * stride).buffer);
    most.logit = Math.max(most.logit, Math.abs(numbers[0]));
    most.sum = Math.max(most.sum, largest(numbers.subarray(c.ITEM_VECTORS / 4, deepAt)));
    most.deep = Math.max(most.deep, int8 ? MAX_INTEGER : largest(numbers.subarray(deepAt)));
  }
  return most;
}

/** The bounds of all numbers on the way to a logit. `item` is added to what a record's own fields give. */
function numbersMet(model: ModelBlob, blob: Uint8Array, sums: Float64Array, item: LargestItem): number[] {
  const { embeddingDim: D, terms, products, sides } = model;
  const d = D - model.mlpFrom;
  const { w, v } = largestInRows(model);
  let e = 0;
  let linear = 0;
  for (const sum of sums) {
    e += sum * v;
    linear += sum * w;
  }
  const met = [e, linear];
  const meet = (x: number): number => {
    met.push(x);
    return x;
  };
  let logit = Math.abs(model.bias) + linear + item.logit;
  if (terms & c.TERM_FM)
    logit += meet(2 * model.fmDim * e * e) + meet(padTo(model.fmDim, c.PAD_OUTPUTS) * item.sum * e);
  if (terms & c.TERM_MLP) {
    let inputs = e;
    if (products & c.PRODUCT_INNER) inputs += meet(d * e * e) * Math.max(1, Math.abs(model.innerScale));
    if (products & c.PRODUCT_OUTER) inputs += e * Math.max(1, Math.abs(model.outerScale)) * Math.max(1, e);
    const at = viewOf(sectionOf(blob, c.SECTION_MODEL)).getUint32(c.MODEL_OUTPUT_WEIGHTS, true);
    const units = padTo(model.outputWeights.length, c.PAD_OUTPUTS);
    logit += stack(model.layers, 0, blob, inputs, meet, item.deep) * units * largest(floatsOf(blob, at, units));
  }
  if (terms & c.TERM_TOWERS) {
    const first = model.contextLayers;
    const u = e + stack(model.layers.slice(0, first), 0, blob, e, meet);
    const i = e + stack(model.layers.slice(first), first, blob, e, meet);
    logit += padTo(D, c.PAD_OUTPUTS) * meet(u) * meet(i + item.deep);
  }
  meet(logit * sides.length);
  return met;
}

/**
 * Whether layers and output unit take no byte of DENSE twice. Then a record costs at most one pass over the section,
 * and no small blob can make a call long.
 */
export function placesApart(model: ModelBlob, blob: Uint8Array): boolean {
  const section = viewOf(sectionOf(blob, c.SECTION_MODEL));
  const at = (entry: number, offset: number): number => section.getUint32(entry + offset, true);
  const places = model.layers.flatMap((layer, i) => {
    const entry = c.MODEL_HEAD_BYTES + i * c.LAYER_ENTRY_BYTES;
    const floats = 4 * padTo(layer.outputs, c.PAD_OUTPUTS);
    return [
      [at(entry, c.LAYER_WEIGHTS), packedBytes(weightType(layer), layer.inputs, layer.outputs)],
      [at(entry, c.LAYER_BIASES), floats],
      ...(weightType(layer) === c.TYPE_I8 ? [[at(entry, c.LAYER_SCALES), floats]] : []),
    ] as [number, number][];
  });
  places.push([at(0, c.MODEL_OUTPUT_WEIGHTS), 4 * padTo(model.outputWeights.length, c.PAD_OUTPUTS)]);
  places.sort(([a], [b]) => a - b);
  return places.every(([start], i) => i === 0 || start >= places[i - 1].reduce((a, b) => a + b));
}

/** The largest |w| and |v| of all rows. */
function largestInRows({ rowType, embeddingDim: D, rows }: ModelBlob): { w: number; v: number } {
  const view = viewOf(rows);
  const row = new Float32Array(D + 1);
  let [w, v] = [0, 0];
  for (let at = 0; at < rows.length; at += rowStride(rowType, D)) {
    readRow(rowType, D, view, at, row, 0);
    w = Math.max(w, Math.abs(row[0]));
    v = Math.max(v, largest(row.subarray(1)));
    // The kernel multiplies value and scale first, so their product counts even where q is 0.
    const steps = rowType === c.TYPE_I8 ? 128 : rowType === c.TYPE_I4 ? 8 : 0;
    if (steps > 0) v = Math.max(v, steps * Math.abs(view.getFloat32(at, true)));
  }
  return { w, v };
}

/**
 * A bound of the outputs of layers that feed each other, from `model.layers[first]` on. `shared` is added to the sums
 * of the first one.
 */
function stack(
  layers: readonly DenseLayer[],
  first: number,
  blob: Uint8Array,
  inputs: number,
  meet: (x: number) => number,
  shared = 0,
): number {
  const model = viewOf(sectionOf(blob, c.SECTION_MODEL));
  let a = meet(inputs);
  layers.forEach((layer, i) => {
    const entry = c.MODEL_HEAD_BYTES + (first + i) * c.LAYER_ENTRY_BYTES;
    const K = padTo(layer.inputs, c.PAD_OUTPUTS);
    const N = padTo(layer.outputs, c.PAD_OUTPUTS);
    const floats = (offset: number, count: number): number =>
      largest(floatsOf(blob, model.getUint32(entry + offset, true), count));
    const int8 = weightType(layer) === c.TYPE_I8;
    const size = padTo(layer.inputs, c.PAD_INPUTS) * N;
    // An int8 layer's inputs are at most 127, whatever comes before it.
    const others = i === 0 ? shared : 0;
    const sum = int8
      ? (127 * 128 * K + others) * floats(c.LAYER_SCALES, N)
      : a * K * floats(c.LAYER_WEIGHTS, size) + others;
    a = meet(sum + floats(c.LAYER_BIASES, N));
    if (layer.activation === c.ACTIVATION_TANH || layer.activation === c.ACTIVATION_SIGMOID) a = 1;
  });
  return a;
}

function floatsOf(blob: Uint8Array, offset: number, count: number): Float32Array {
  const dense = sectionOf(blob, c.SECTION_DENSE);
  return new Float32Array(dense.buffer, dense.byteOffset + offset, count);
}

function largest(floats: Iterable<number>): number {
  let most = 0;
  for (const x of floats) most = Math.max(most, Math.abs(x));
  return most;
}
