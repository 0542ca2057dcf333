import { bucketStarts, type ModelBlob } from "./blob.ts";
import * as c from "./constants.ts";
import { type DenseLayer, packedBytes, padTo, unpackWeights } from "./dense.ts";
import { FormatError } from "./errors.ts";
import { checksum } from "./hash.ts";
import { ascending } from "./keys.ts";
import type { PageLayout } from "./page.ts";
import { findBrokenRow, rowStride } from "./row.ts";
import { type FittedSpec, FittedSpecSchema, parseWith } from "./spec.ts";

const SECTION_NAMES = ["", "SPEC", "MODEL", "BUCKETS", "KEYS", "ROWS", "PAGES", "DENSE"];

/** What a server needs of a blob beside the kernel: how to encode records and where the other rows are. */
export interface BlobManifest extends PageLayout {
  spec: FittedSpec;
  producer: string;
  /** P × 16 bytes. */
  pageDigests: Uint8Array;
}

/**
 * Reads only the manifest of a blob whose checksums the kernel has verified at `load`; it checks header, table and
 * bounds again, but makes no pass over the rows and weights.
 */
export function readManifest(bytes: Uint8Array): BlobManifest {
  const sections = readSections(bytes, false);
  const pageDigests = sections[c.SECTION_PAGES - 1] as Uint8Array;
  const { producer, spec } = readSpecSection(sections[c.SECTION_SPEC - 1] as Uint8Array);
  const view = modelHead(sections[c.SECTION_MODEL - 1] as Uint8Array);
  // The kernel does not read SPEC, so only here do the two sections' numbers of fields meet.
  const fields = view.getUint32(c.MODEL_FIELDS, true);
  if (fields !== spec.fields.length) {
    throw new FormatError("blob: section MODEL", `got fields ${fields}, expected ${spec.fields.length}`);
  }
  return {
    producer,
    spec,
    rowType: view.getUint32(c.MODEL_ROW_TYPE, true),
    embeddingDim: view.getUint32(c.MODEL_EMBEDDING_DIM, true),
    pageCount: pageDigests.length / c.PAGE_DIGEST_BYTES,
    pageDigests: pageDigests.slice(),
  };
}

/** Reads a model blob, checking every byte's meaning before use. Throws FormatError naming the section. */
export function readBlob(bytes: Uint8Array): ModelBlob {
  const sections = readSections(bytes, true);
  const section = (id: number): Uint8Array => sections[id - 1] as Uint8Array;
  const { producer, spec } = readSpecSection(section(c.SECTION_SPEC));

  const model = section(c.SECTION_MODEL);
  const fail = (problem: string, id: number = c.SECTION_MODEL): never => {
    throw new FormatError(`blob: section ${SECTION_NAMES[id]}`, problem);
  };
  const view = modelHead(model);
  const number = (name: string, offset: number, low: number, high: number): number => {
    const got = view.getUint32(offset, true);
    if (got < low || got > high) fail(`got ${name} ${got}, expected ${low === high ? low : `${low} to ${high}`}`);
    return got;
  };
  const finite = (name: string, offset: number): number => {
    const got = view.getFloat32(offset, true);
    if (!Number.isFinite(got)) fail(`got ${name} ${got}, expected a finite number`);
    return got;
  };
  const fields = number("fields", c.MODEL_FIELDS, spec.fields.length, spec.fields.length);
  const embeddingDim = number("embedding dimension", c.MODEL_EMBEDDING_DIM, 1, c.MAX_EMBEDDING_DIM);
  const rowType = number("row type", c.MODEL_ROW_TYPE, c.TYPE_F32, c.TYPE_I8);
  const rowCount = number("rows", c.MODEL_ROW_COUNT, fields, 2 ** 31);
  const bits = number("bucket bits", c.MODEL_BUCKET_BITS, 1, c.MAX_BUCKET_BITS);
  const pageCount = number("pages", c.MODEL_PAGE_COUNT, 0, c.MAX_PAGES);
  const parts = number("parts", c.MODEL_PARTS, 1, c.PART_ALL);
  const bias = finite("bias", c.MODEL_BIAS);
  const mlp = (parts & c.PART_MLP) !== 0;
  const layerCount = number("layers", c.MODEL_LAYER_COUNT, mlp ? 1 : 0, mlp ? c.MAX_LAYERS : 0);
  const outputInputs = number("output inputs", c.MODEL_OUTPUT_INPUTS, mlp ? 1 : 0, mlp ? c.MAX_LAYER_WIDTH : 0);

  const expectBytes = (id: number, expected: number): void => {
    const got = section(id).length;
    if (got !== expected) fail(`got ${got} bytes, expected ${expected}`, id);
  };
  const hot = rowCount - fields;
  expectBytes(c.SECTION_MODEL, c.MODEL_HEAD_BYTES + layerCount * c.LAYER_ENTRY_BYTES);
  expectBytes(c.SECTION_BUCKETS, 4 * (2 ** bits + 1));
  expectBytes(c.SECTION_KEYS, 8 * hot);
  expectBytes(c.SECTION_ROWS, rowCount * rowStride(rowType, embeddingDim));
  expectBytes(c.SECTION_PAGES, pageCount * c.PAGE_DIGEST_BYTES);

  const keys = words(section(c.SECTION_KEYS));
  if (!ascending(keys)) fail("got keys out of order, expected them ascending", c.SECTION_KEYS);
  if (keys.length > 0 && keys[0] === 0 && keys[1] === 0) fail("got key 0, which means OOV", c.SECTION_KEYS);
  const starts = words(section(c.SECTION_BUCKETS));
  const wrong = bucketStarts(keys, bits).findIndex((start, i) => start !== starts[i]);
  if (wrong >= 0) fail(`got start ${starts[wrong]} at ${wrong}, which the keys contradict`, c.SECTION_BUCKETS);

  const broken = findBrokenRow(rowType, embeddingDim, section(c.SECTION_ROWS));
  if (broken >= 0) fail(`got row ${broken} with a number that is not finite`, c.SECTION_ROWS);

  const dense = section(c.SECTION_DENSE);
  const denseFloats = (name: string, offset: number, length: number): Float32Array => {
    if (offset % c.SECTION_ALIGNMENT !== 0 || offset + 4 * length > dense.length) {
      fail(`got ${name} at ${offset}, expected an aligned place for ${4 * length} bytes in ${dense.length}`);
    }
    const floats = new Float32Array(dense.slice(offset, offset + 4 * length).buffer);
    if (!floats.every(Number.isFinite)) fail(`got a ${name} that is not a finite number`, c.SECTION_DENSE);
    return floats;
  };
  const layers: DenseLayer[] = [];
  let width = fields * embeddingDim;
  for (let i = 0; i < layerCount; i++) {
    const entry = c.MODEL_HEAD_BYTES + i * c.LAYER_ENTRY_BYTES;
    const inputs = number(`layer ${i} inputs`, entry + c.LAYER_INPUTS, width, width);
    const outputs = number(`layer ${i} outputs`, entry + c.LAYER_OUTPUTS, 1, c.MAX_LAYER_WIDTH);
    const type = number(`layer ${i} weight type`, entry + c.LAYER_WEIGHT_TYPE, c.TYPE_F32, c.TYPE_I8);
    number(`layer ${i} activation`, entry + c.LAYER_ACTIVATION, c.ACTIVATION_RELU, c.ACTIVATION_RELU);
    const weightsAt = number(`layer ${i} weights offset`, entry + c.LAYER_WEIGHTS, 0, dense.length);
    const size = packedBytes(type, inputs, outputs);
    if (weightsAt % c.SECTION_ALIGNMENT !== 0 || weightsAt + size > dense.length) {
      fail(`got layer ${i} weights at ${weightsAt}, expected an aligned place for ${size} bytes in ${dense.length}`);
    }
    const int8 = type === c.TYPE_I8;
    const scales = int8
      ? denseFloats(`layer ${i} scale`, view.getUint32(entry + c.LAYER_SCALES, true), padTo(outputs, c.PAD_OUTPUTS))
      : new Float32Array(0);
    const biases = denseFloats(
      `layer ${i} bias`,
      view.getUint32(entry + c.LAYER_BIASES, true),
      padTo(outputs, c.PAD_OUTPUTS),
    );
    layers.push({
      inputs,
      outputs,
      weights: int8
        ? unpackWeights(
            new Int8Array(dense.slice(weightsAt, weightsAt + size).buffer),
            inputs,
            outputs,
            new Int8Array(inputs * outputs),
          )
        : unpackWeights(
            denseFloats(`layer ${i} weight`, weightsAt, size / 4),
            inputs,
            outputs,
            new Float32Array(inputs * outputs),
          ),
      scales: scales.subarray(0, int8 ? outputs : 0),
      biases: biases.subarray(0, outputs),
      inputInverseScale: finite(`layer ${i} input scale`, entry + c.LAYER_INPUT_INVERSE_SCALE),
      inputZero: finite(`layer ${i} input zero`, entry + c.LAYER_INPUT_ZERO),
    });
    width = outputs;
  }
  if (mlp && outputInputs !== width) fail(`got output inputs ${outputInputs}, expected ${width}`);
  const outputAt = number("output weights offset", c.MODEL_OUTPUT_WEIGHTS, 0, dense.length);
  const outputWeights = denseFloats("output weight", outputAt, padTo(outputInputs, c.PAD_OUTPUTS)).subarray(
    0,
    outputInputs,
  );

  return {
    spec,
    producer,
    rowType,
    embeddingDim,
    parts,
    bias,
    keys,
    rows: section(c.SECTION_ROWS),
    pageDigests: section(c.SECTION_PAGES),
    layers,
    outputWeights,
  };
}

/** Checks header, table, bounds and, if asked, checksums, and returns the sections in the order of their ids. */
function readSections(blob: Uint8Array, verifyChecksums: boolean): Uint8Array[] {
  // A Node Buffer is a Uint8Array whose `slice` copies nothing: see it as the plain array that all else here expects.
  const bytes = new Uint8Array(blob.buffer, blob.byteOffset, blob.byteLength);
  const fail = (place: string, problem: string): never => {
    throw new FormatError(place, problem);
  };
  const tableEnd = c.BLOB_HEADER_BYTES + c.SECTION_COUNT * c.SECTION_ENTRY_BYTES;
  if (bytes.length < tableEnd) fail("blob", `got ${bytes.length} bytes, expected at least ${tableEnd}`);
  if (bytes.length > c.MAX_BLOB_BYTES) fail("blob", `got ${bytes.length} bytes, expected at most ${c.MAX_BLOB_BYTES}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const expect = (what: string, offset: number, expected: number): void => {
    const got = view.getUint32(offset, true);
    if (got !== expected) fail("blob: header", `got ${what} ${got}, expected ${expected}`);
  };
  expect("magic", c.BLOB_HEADER_MAGIC, c.BLOB_MAGIC);
  expect("version", c.BLOB_HEADER_VERSION, c.BLOB_VERSION);
  expect("length", c.BLOB_HEADER_LENGTH, bytes.length);
  expect("sections", c.BLOB_HEADER_SECTION_COUNT, c.SECTION_COUNT);
  const tableSum = checksum(bytes.subarray(c.BLOB_HEADER_BYTES, tableEnd), 0);
  expect("table checksum (low)", c.BLOB_HEADER_TABLE_CHECKSUM, tableSum.lo);
  expect("table checksum (high)", c.BLOB_HEADER_TABLE_CHECKSUM + 4, tableSum.hi);

  const sections: Uint8Array[] = [];
  let offset = padTo(tableEnd, c.SECTION_ALIGNMENT);
  for (let id = 1; id <= c.SECTION_COUNT; id++) {
    const entry = c.BLOB_HEADER_BYTES + (id - 1) * c.SECTION_ENTRY_BYTES;
    const place = `blob: section ${SECTION_NAMES[id]}`;
    const got = {
      id: view.getUint32(entry + c.SECTION_ENTRY_ID, true),
      offset: view.getUint32(entry + c.SECTION_ENTRY_OFFSET, true),
      size: view.getUint32(entry + c.SECTION_ENTRY_SIZE, true),
    };
    if (got.id !== id) fail(place, `got id ${got.id}, expected ${id}`);
    if (got.offset !== offset) fail(place, `got offset ${got.offset}, expected ${offset}`);
    if (offset + got.size > bytes.length) fail(place, `got end ${offset + got.size}, expected at most ${bytes.length}`);
    const section = bytes.subarray(offset, offset + got.size);
    if (verifyChecksums) {
      const sum = checksum(section, id);
      const at = entry + c.SECTION_ENTRY_CHECKSUM;
      if (sum.lo !== view.getUint32(at, true) || sum.hi !== view.getUint32(at + 4, true)) {
        fail(place, "got bytes that do not match their checksum");
      }
    }
    sections.push(section);
    offset = padTo(offset + got.size, c.SECTION_ALIGNMENT);
  }
  if (offset !== bytes.length) fail("blob", `got ${bytes.length} bytes, expected ${offset} for its sections`);
  return sections;
}

function modelHead(model: Uint8Array): DataView {
  if (model.length < c.MODEL_HEAD_BYTES) {
    throw new FormatError("blob: section MODEL", `got ${model.length} bytes, expected at least ${c.MODEL_HEAD_BYTES}`);
  }
  return new DataView(model.buffer, model.byteOffset, model.byteLength);
}

function readSpecSection(bytes: Uint8Array): { producer: string; spec: FittedSpec } {
  const place = "blob: section SPEC";
  let parsed: { producer?: unknown; spec?: unknown };
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes));
  } catch (error) {
    throw new FormatError(place, `not JSON: ${(error as Error).message}`);
  }
  return { producer: String(parsed?.producer ?? ""), spec: parseWith(FittedSpecSchema, parsed?.spec, place) };
}

function words(bytes: Uint8Array): Uint32Array {
  return new Uint32Array(bytes.slice().buffer);
}
