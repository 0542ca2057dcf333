import { bucketBits, bucketStarts, type ModelBlob } from "./blob.ts";
import * as c from "./constants.ts";
import { FormatError } from "./errors.ts";
import { checksum, type Hash64 } from "./hash.ts";
import { writeEntriesSection } from "./item-entries.ts";
import { type DenseLayer, packedBytes, packWeights, padTo, weightType } from "./layer.ts";
import { readBlob } from "./read-blob.ts";

/**
 * Lays out a model blob. It is not sealed yet: its digest and signature are zeros until `sealBlob`. Throws FormatError
 * where the model breaks a rule of FORMAT.md.
 */
export function writeBlob(model: ModelBlob): Uint8Array {
  model.layers.forEach((layer, i) => {
    checkLayer(layer, `layers[${i}]`);
  });
  expectLength("sides", model.sides.length, model.spec.fields.length);
  const dense = layOutDense(model);
  const sections = [
    json({ producer: model.producer, spec: model.spec, calibration: model.calibration, hotPages: model.hotPages }),
    writeModelSection(model, dense),
    bytesOf(bucketStarts(model.keys, bucketBits(model.keys.length / 2))),
    bytesOf(model.keys),
    model.rows,
    model.pageDigests,
    dense.bytes,
    json(model.evidence),
    json(model.golden),
    bytesOf(model.items.keys),
    model.items.entries ? writeEntriesSection(model.items) : model.items.records,
    bytesOf(model.filter),
  ];
  const tableEnd = c.BLOB_HEADER_BYTES + c.SECTION_COUNT * c.SECTION_ENTRY_BYTES;
  let total = padTo(tableEnd, c.SECTION_ALIGNMENT);
  for (const section of sections) total = padTo(total + section.byteLength, c.SECTION_ALIGNMENT);

  const blob = new Uint8Array(total);
  const view = new DataView(blob.buffer);
  let offset = padTo(tableEnd, c.SECTION_ALIGNMENT);
  sections.forEach((section, i) => {
    const entry = c.BLOB_HEADER_BYTES + i * c.SECTION_ENTRY_BYTES;
    const sum = checksum(section, i + 1);
    view.setUint32(entry + c.SECTION_ENTRY_ID, i + 1, true);
    view.setUint32(entry + c.SECTION_ENTRY_OFFSET, offset, true);
    view.setUint32(entry + c.SECTION_ENTRY_SIZE, section.byteLength, true);
    writeChecksum(view, entry + c.SECTION_ENTRY_CHECKSUM, sum);
    blob.set(section, offset);
    offset = padTo(offset + section.byteLength, c.SECTION_ALIGNMENT);
  });
  view.setUint32(c.BLOB_HEADER_MAGIC, c.BLOB_MAGIC, true);
  view.setUint32(c.BLOB_HEADER_VERSION, c.BLOB_VERSION, true);
  view.setUint32(c.BLOB_HEADER_LENGTH, total, true);
  view.setUint32(c.BLOB_HEADER_SECTION_COUNT, c.SECTION_COUNT, true);
  const tableSum = checksum(blob.subarray(c.BLOB_HEADER_BYTES, tableEnd), 0);
  writeChecksum(view, c.BLOB_HEADER_TABLE_CHECKSUM, tableSum);
  readBlob(blob); // what could not be read is never written
  return blob;
}

/**
 * Throws FormatError where an array has another length than its layer's shape: it would overwrite its neighbors, or
 * leave zeros that no reader can tell from weights.
 */
function checkLayer(layer: DenseLayer, place: string): void {
  expectLength(`${place}.weights`, layer.weights.length, layer.inputs * layer.outputs);
  expectLength(`${place}.scales`, layer.scales.length, weightType(layer) === c.TYPE_I8 ? layer.outputs : 0);
  expectLength(`${place}.biases`, layer.biases.length, layer.outputs);
}

function expectLength(place: string, got: number, expected: number): void {
  if (got !== expected) throw new FormatError(place, `got ${got} numbers, expected ${expected}`);
}

interface DenseSection {
  bytes: Uint8Array;
  layers: { weights: number; scales: number; biases: number }[];
  outputWeights: number;
}

function layOutDense(model: ModelBlob): DenseSection {
  let size = 0;
  const take = (bytes: number): number => {
    const offset = size;
    size = padTo(size + bytes, c.SECTION_ALIGNMENT);
    return offset;
  };
  const layers = model.layers.map((layer) => {
    const perOutput = 4 * padTo(layer.outputs, c.PAD_OUTPUTS);
    return {
      weights: take(packedBytes(weightType(layer), layer.inputs, layer.outputs)),
      scales: weightType(layer) === c.TYPE_I8 ? take(perOutput) : 0,
      biases: take(perOutput),
    };
  });
  const outputWeights = take(4 * padTo(model.outputWeights.length, c.PAD_OUTPUTS));

  const bytes = new Uint8Array(size);
  const { buffer } = bytes;
  model.layers.forEach((layer, i) => {
    const at = layers[i] as (typeof layers)[number];
    const length = padTo(layer.inputs, c.PAD_INPUTS) * padTo(layer.outputs, c.PAD_OUTPUTS);
    const int8 = layer.weights instanceof Int8Array;
    packWeights(layer, int8 ? new Int8Array(buffer, at.weights, length) : new Float32Array(buffer, at.weights, length));
    if (int8) new Float32Array(buffer, at.scales).set(layer.scales);
    new Float32Array(buffer, at.biases).set(layer.biases);
  });
  new Float32Array(buffer, outputWeights).set(model.outputWeights);
  return { bytes, layers, outputWeights };
}

function writeModelSection(model: ModelBlob, dense: DenseSection): Uint8Array {
  const sidesAt = c.MODEL_HEAD_BYTES + model.layers.length * c.LAYER_ENTRY_BYTES;
  const bytes = new Uint8Array(sidesAt + model.sides.length);
  bytes.set(model.sides, sidesAt);
  const view = new DataView(bytes.buffer);
  view.setUint32(c.MODEL_FIELDS, model.spec.fields.length, true);
  view.setUint32(c.MODEL_EMBEDDING_DIM, model.embeddingDim, true);
  view.setUint32(c.MODEL_ROW_TYPE, model.rowType, true);
  view.setUint32(c.MODEL_ROW_COUNT, model.spec.fields.length + model.keys.length / 2, true);
  view.setUint32(c.MODEL_BUCKET_BITS, bucketBits(model.keys.length / 2), true);
  const { field: itemField, keys: itemKeys, entries } = model.items;
  const itemPages = entries?.pages ?? 0;
  view.setUint32(c.MODEL_PAGE_COUNT, model.pageDigests.length / c.PAGE_DIGEST_BYTES - itemPages, true);
  view.setUint32(c.MODEL_TERMS, model.terms, true);
  view.setFloat32(c.MODEL_BIAS, model.bias, true);
  view.setUint32(c.MODEL_LAYER_COUNT, model.layers.length, true);
  view.setUint32(c.MODEL_OUTPUT_WIDTH, model.outputWeights.length, true);
  view.setUint32(c.MODEL_OUTPUT_WEIGHTS, dense.outputWeights, true);
  view.setUint32(c.MODEL_FM_DIM, model.fmDim, true);
  view.setUint32(c.MODEL_MLP_FROM, model.mlpFrom, true);
  view.setUint32(c.MODEL_PRODUCTS, model.products, true);
  view.setFloat32(c.MODEL_INNER_SCALE, model.innerScale, true);
  view.setFloat32(c.MODEL_OUTER_SCALE, model.outerScale, true);
  view.setUint32(c.MODEL_CONTEXT_LAYERS, model.contextLayers, true);
  view.setUint32(c.MODEL_ITEM_LAYERS, model.itemLayers, true);
  view.setUint32(c.MODEL_ITEM_FIELD, itemField, true);
  view.setUint32(c.MODEL_ITEM_COUNT, itemKeys.length / 2, true);
  view.setUint32(c.MODEL_ITEM_FORM, entries ? c.ITEM_ENTRIES : c.ITEM_SUMS, true);
  view.setUint32(c.MODEL_ITEM_PAGES, itemPages, true);
  view.setUint32(c.MODEL_ITEM_FILTER_BLOCKS, (entries?.filter.byteLength ?? 0) / c.FILTER_BLOCK_BYTES, true);
  model.layers.forEach((layer, i) => {
    const entry = c.MODEL_HEAD_BYTES + i * c.LAYER_ENTRY_BYTES;
    const at = dense.layers[i] as (typeof dense.layers)[number];
    view.setUint32(entry + c.LAYER_INPUTS, layer.inputs, true);
    view.setUint32(entry + c.LAYER_OUTPUTS, layer.outputs, true);
    view.setUint32(entry + c.LAYER_WEIGHT_TYPE, weightType(layer), true);
    view.setUint32(entry + c.LAYER_ACTIVATION, layer.activation, true);
    view.setUint32(entry + c.LAYER_WEIGHTS, at.weights, true);
    view.setUint32(entry + c.LAYER_SCALES, at.scales, true);
    view.setUint32(entry + c.LAYER_BIASES, at.biases, true);
    view.setFloat32(entry + c.LAYER_INPUT_INVERSE_SCALE, layer.inputInverseScale, true);
    view.setFloat32(entry + c.LAYER_INPUT_ZERO, layer.inputZero, true);
  });
  return bytes;
}

function writeChecksum(view: DataView, offset: number, sum: Hash64): void {
  view.setUint32(offset, sum.lo, true);
  view.setUint32(offset + 4, sum.hi, true);
}

function json(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

function bytesOf(array: Uint32Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
