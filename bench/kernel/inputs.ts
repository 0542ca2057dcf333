import type { ModelBlob } from "../../format/blob.ts";
import { PRODUCT_INNER } from "../../format/constants.ts";
import { rowStride } from "../../format/row.ts";

/** All rows of a float32 model: w, the V first-order weights, and v, the V × D vectors. */
export function floatTables({ rows, rowType, embeddingDim: D }: ModelBlob): { w: Float32Array; v: Float32Array } {
  const width = rowStride(rowType, D) / 4;
  const floats = new Float32Array(rows.buffer, rows.byteOffset, rows.length / 4);
  const count = floats.length / width;
  const w = new Float32Array(count);
  const v = new Float32Array(count * D);
  for (let i = 0; i < count; i++) {
    w[i] = floats[i * width];
    v.set(floats.subarray(i * width + 1, (i + 1) * width), i * D);
  }
  return { w, v };
}

/** The first layer's inputs in a float32 model: embeddings, then inner products. `rows`: one record's row numbers. */
export function layerInputs(model: ModelBlob, rows: Uint32Array): Float32Array {
  const { embeddingDim: D, innerScale, products } = model;
  const stride = rowStride(model.rowType, D);
  const view = new DataView(model.rows.buffer, model.rows.byteOffset);
  const e = Array.from(rows, (row) =>
    Array.from({ length: D }, (_, j) => view.getFloat32(row * stride + 4 * (j + 1), true)),
  );
  const inputs = e.flat();
  if (products & PRODUCT_INNER) {
    e.forEach((a, i) => {
      for (const b of e.slice(i + 1)) {
        inputs.push(innerScale * a.reduce((sum, x, j) => sum + x * b[j], 0));
      }
    });
  }
  return Float32Array.from(inputs);
}

/** The pairs i < j of F fields as places i·F + j in an F × F matrix, in the order of the first layer's inputs. */
export function fieldPairs(F: number): number[] {
  const pairs: number[] = [];
  for (let i = 0; i < F; i++) for (let j = i + 1; j < F; j++) pairs.push(i * F + j);
  return pairs;
}
