import type { Evidence, ModelBlob } from "../../format/blob.ts";
import type { CalibrationMap } from "../../format/calibration.ts";
import * as c from "../../format/constants.ts";
import type { FittedField } from "../../format/fitted-spec.ts";
import { formatVersion } from "../../format/format-version.ts";
import { sha256, toHex } from "../../format/hash.ts";
import { itemStride } from "../../format/items.ts";
import { packedBytes, weightType } from "../../format/layer.ts";
import { readBlob } from "../../format/read-blob.ts";
import { readSections, SECTION_NAMES } from "../../format/read-sections.ts";
import { readRow, rowStride } from "../../format/row.ts";
import { serialOf, signerOf, verifyBlob } from "../../format/seal.ts";
import type { PublicKey } from "../../format/signature.ts";

/** How many rows there are, how many of them are all zero, and the mean and the largest of their |w| and ‖v‖. */
export interface RowStatistics {
  rows: number;
  zero: number;
  weight: { mean: number; max: number };
  norm: { mean: number; max: number };
}

/** All that a blob says of itself, and statistics of its weights. */
export interface Inspection {
  /** The model's name. */
  model: string;
  /** What names the blob, 64 hex digits. */
  version: string;
  /** SHA-256 of the file, in hex: from format 5 on the version. */
  sha256: string;
  /** The version of the format that the blob is written in. */
  format: number;
  bytes: number;
  /**
   * The id, in hex, of the key that the blob says it is signed with; null where it is not signed. Without
   * `signatureVerified` it is a claim only: anyone can write it.
   */
  signer: string | null;
  /** The serial number that it says it was signed with, in milliseconds since the epoch; 0 where it has none. */
  serial: number;
  /** Whether the signature was verified with a trusted key. */
  signatureVerified: boolean;
  producer: string;
  label: string;
  terms: string[];
  /** What the sum of the terms goes through before it is served; null where it is served as it is. */
  calibration: CalibrationMap | null;
  rowType: string;
  embeddingDim: number;
  /** Of rows and of items. */
  pages: number;
  sections: { name: string; offset: number; bytes: number }[];
  fields: readonly FittedField[];
  layers: { network: string; inputs: number; outputs: number; weights: string; activation: string; bytes: number }[];
  rows: RowStatistics;
  goldenRecords: { count: number; tolerance: number };
  /** The catalogue of items; null where the blob has none. */
  items: {
    field: string;
    /** Of the items in the blob. */
    count: number;
    form: "sums" | "entries";
    /** Of the items in the blob, on average. */
    bytesPerItem: number;
    /** Pages of items that are not in the blob. They are among the model's pages. */
    pages: number;
  } | null;
  evidence: Evidence;
}

const TYPES = new Map([
  [c.TYPE_F32, "f32"],
  [c.TYPE_I8, "int8"],
  [c.TYPE_F16, "f16"],
  [c.TYPE_I4, "int4"],
]);
const ACTIVATIONS = ["none", "relu", "tanh", "sigmoid"];

/**
 * Reads a blob with every check that there is, and describes it. Throws FormatError where a check fails, and where keys
 * are given of which none has signed it.
 */
export async function inspectBlob(blob: Uint8Array, trusted: readonly PublicKey[] = []): Promise<Inspection> {
  const version = await verifyBlob(blob, trusted);
  const sections = readSections(blob, true);
  const read = readBlob(blob);
  return {
    model: read.spec.name,
    version,
    sha256: toHex(await sha256(blob)),
    format: formatVersion(blob),
    bytes: blob.length,
    signer: signerOf(blob),
    serial: serialOf(blob),
    signatureVerified: trusted.length > 0,
    producer: read.producer,
    label: read.spec.label,
    terms: termsOf(read),
    calibration: read.calibration ?? null,
    rowType: TYPES.get(read.rowType) ?? String(read.rowType),
    embeddingDim: read.embeddingDim,
    pages: read.pageDigests.length / c.PAGE_DIGEST_BYTES,
    sections: sections.map((section, i) => ({
      name: SECTION_NAMES[i + 1],
      offset: section.byteOffset - blob.byteOffset,
      bytes: section.length,
    })),
    fields: read.spec.fields,
    layers: layersOf(read),
    rows: rowStatistics(read),
    goldenRecords: { count: read.golden.records.length, tolerance: read.golden.tolerance },
    items: catalogueOf(read),
    evidence: read.evidence,
  };
}

function catalogueOf({ spec, items, ...model }: ModelBlob): Inspection["items"] {
  const { keys, records, entries } = items;
  if (keys.length === 0 && !entries) return null;
  const count = keys.length / 2;
  return {
    field: spec.fields[items.field].name,
    count,
    form: entries ? "entries" : "sums",
    bytesPerItem: entries ? Math.round(records.length / Math.max(1, count)) : itemStride(model),
    pages: entries?.pages ?? 0,
  };
}

function termsOf({ terms, products }: ModelBlob): string[] {
  const names: [number, number, string][] = [
    [terms, c.TERM_LINEAR, "linear"],
    [terms, c.TERM_FM, "FM"],
    [terms, c.TERM_MLP, "MLP"],
    [terms, c.TERM_TOWERS, "towers"],
    [products, c.PRODUCT_INNER, "inner products"],
    [products, c.PRODUCT_OUTER, "outer products"],
  ];
  return names.filter(([set, bit]) => set & bit).map(([, , name]) => name);
}

function layersOf({ layers, contextLayers, terms, outputWeights }: ModelBlob): Inspection["layers"] {
  const hidden = layers.map((layer, i) => ({
    network: terms & c.TERM_TOWERS ? (i < contextLayers ? "context tower" : "item tower") : "MLP",
    inputs: layer.inputs,
    outputs: layer.outputs,
    weights: TYPES.get(weightType(layer)) as string,
    activation: ACTIVATIONS[layer.activation],
    bytes: packedBytes(weightType(layer), layer.inputs, layer.outputs),
  }));
  if (outputWeights.length === 0) return hidden;
  const output = { network: "MLP", inputs: outputWeights.length, outputs: 1, weights: "f32", activation: "none" };
  return [...hidden, { ...output, bytes: 4 * outputWeights.length }];
}

function rowStatistics({ rows, rowType, embeddingDim }: ModelBlob): RowStatistics {
  const stride = rowStride(rowType, embeddingDim);
  const count = rows.length / stride;
  const view = new DataView(rows.buffer, rows.byteOffset, rows.byteLength);
  const row = new Float32Array(1 + embeddingDim);
  const weight = { mean: 0, max: 0 };
  const norm = { mean: 0, max: 0 };
  let zero = 0;
  for (let i = 0; i < count; i++) {
    readRow(rowType, embeddingDim, view, i * stride, row, 0);
    const w = Math.abs(row[0]);
    const v = Math.sqrt(row.subarray(1).reduce((sum, x) => sum + x * x, 0));
    weight.mean += w / count;
    norm.mean += v / count;
    weight.max = Math.max(weight.max, w);
    norm.max = Math.max(norm.max, v);
    if (w === 0 && v === 0) zero++;
  }
  return { rows: count, zero, weight, norm };
}
