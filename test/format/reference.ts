import { PART_FM, PART_LINEAR, PART_MLP } from "../../format/constants.ts";
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
  const { spec, rowType, embeddingDim: k } = model;
  const fields = spec.fields.length;
  const stride = rowStride(rowType, k);
  const layout = { rowType, embeddingDim: k, pageCount: pages.length };
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
  const embeddings: number[] = [];
  const row = new Float32Array(1 + k);
  for (let field = 0; field < fields; field++) {
    const embedding: number[] = new Array(k).fill(0);
    for (let entry = encoded.offsets[field] ?? 0; entry < (encoded.offsets[field + 1] ?? 0); entry++) {
      const bytes = rowBytes(field, encoded.keys[2 * entry] ?? 0, encoded.keys[2 * entry + 1] ?? 0);
      readRow(rowType, k, new DataView(bytes.buffer, bytes.byteOffset), 0, row, 0);
      const value = encoded.values[entry] ?? 0;
      linear += value * (row[0] ?? 0);
      for (let j = 0; j < k; j++) embedding[j] = (embedding[j] ?? 0) + value * (row[1 + j] ?? 0);
    }
    embeddings.push(...embedding);
  }

  let logit = model.bias;
  if (model.parts & PART_LINEAR) logit += linear;
  if (model.parts & PART_FM) {
    for (let f = 0; f < fields; f++) {
      for (let g = f + 1; g < fields; g++) {
        for (let j = 0; j < k; j++) logit += (embeddings[f * k + j] ?? 0) * (embeddings[g * k + j] ?? 0);
      }
    }
  }
  if (model.parts & PART_MLP) {
    let a = embeddings;
    for (const layer of model.layers) a = dense(layer, a);
    model.outputWeights.forEach((weight, n) => {
      logit += weight * (a[n] ?? 0);
    });
  }
  return { logit, score: 1 / (1 + Math.exp(-logit)) };
}

function dense(layer: DenseLayer, a: number[]): number[] {
  const int8 = layer.weights instanceof Int8Array;
  const input = int8 ? a.map((x) => quantise(x, layer.inputInverseScale, layer.inputZero)) : a;
  return Array.from(layer.biases, (bias, n) => {
    let sum = 0;
    for (let i = 0; i < layer.inputs; i++) sum += (layer.weights[n * layer.inputs + i] ?? 0) * (input[i] ?? 0);
    return Math.max(0, int8 ? sum * (layer.scales[n] ?? 0) + bias : sum + bias);
  });
}

/** clamp(roundHalfEven(x · inverseScale + zero), 0, 127), the argument of the rounding in float32. */
function quantise(x: number, inverseScale: number, zero: number): number {
  const t = Math.fround(Math.fround(Math.fround(x) * inverseScale) + zero);
  const floor = Math.floor(t);
  const rest = t - floor;
  const rounded = rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
  return Math.min(127, Math.max(0, rounded));
}
