// What is raced: random models of real shapes in float32 and int8, and records for them with one value a field.
import type { ModelBlob } from "../../format/blob.ts";
import * as c from "../../format/constants.ts";
import { fieldSeed, rowKey } from "../../format/record.ts";
import { readRow, rowStride, writeRow } from "../../format/row.ts";
import type { ModelType } from "../../format/spec.ts";
import { shapeOfType } from "../../testing/format/shapes.ts";
import { randomModel } from "../../testing/kernel/random-model.ts";
import { Random } from "../../trainer/data/random.ts";
import { layerInputs } from "./inputs.ts";
import { quantizeModel } from "./quantize.ts";

/** Rows with a key, of all fields together. */
const ROWS = 200_000;
/** Different records, so that neither rows nor activations stay in the nearest cache by chance. */
export const RECORDS = 2048;
/** Of them, those that show the ranges of activations. */
const CALIBRATION_RECORDS = 64;

export interface BenchCase {
  name: string;
  fields: number;
  /** Multiplications of the layers, a record. */
  macs: number;
  /** RECORDS × F row numbers. */
  rows: Uint32Array;
  /** The raw value of each row. */
  texts: readonly string[];
  /** All in float32; int8 rows and layers. The rows are the same numbers in both. */
  models: { f32: ModelBlob; int8: ModelBlob };
}

interface CaseShape {
  type: ModelType;
  fields: number;
  k: number;
  hidden: number[];
}

export const SHAPES: readonly CaseShape[] = [
  { type: "DeepFM", fields: 39, k: 16, hidden: [400, 400, 400] },
  { type: "DeepFM", fields: 10, k: 10, hidden: [400, 400, 400] },
  { type: "DeepFM", fields: 39, k: 16, hidden: [1000, 1000] },
  { type: "LR", fields: 39, k: 16, hidden: [] },
  { type: "FM", fields: 39, k: 16, hidden: [] },
  { type: "IPNN", fields: 39, k: 16, hidden: [400, 400, 400] },
];

/** The sides of the ranking cases' fields: 20 of the context, then 19 of the item. */
export const CONTEXT_FIELDS = 20;

export function benchCase({ type, fields, k, hidden }: CaseShape): BenchCase {
  const random = new Random(1);
  const shape = { fields, ...shapeOfType(type, k), hidden, layerTypes: [c.TYPE_F32] };
  const drawn = randomModel({ ...shape, rowType: c.TYPE_I8, hotRows: ROWS });
  const sides = Uint8Array.from({ length: fields }, (_, f) => (f < CONTEXT_FIELDS ? c.SIDE_CONTEXT : c.SIDE_ITEM));
  drawn.spec.fields.forEach((field, f) => {
    field.side = sides[f] === c.SIDE_ITEM ? "item" : "context";
  });
  const { keys, texts } = keysOfValues(drawn.spec.fields.map((field) => field.name));
  const rowsOfField = Array.from({ length: fields }, (): number[] => []);
  texts.forEach(({ field }, i) => {
    rowsOfField[field]?.push(fields + i);
  });
  const rows = Uint32Array.from({ length: RECORDS * fields }, (_, cell) => {
    const own = rowsOfField[cell % fields] ?? [];
    // The item's first field names it.
    const i = cell % fields === CONTEXT_FIELDS ? Math.floor(cell / fields) : random.integer(own.length);
    return own[i];
  });
  const model = { ...drawn, sides, keys };
  const f32 = withFloatRows(model);
  const inputs = Array.from({ length: hidden.length > 0 ? CALIBRATION_RECORDS : 0 }, (_, b) =>
    layerInputs(f32, rows.subarray(b * fields, (b + 1) * fields)),
  );
  const name = [type, `${fields}×${k}`, ...(hidden.length > 0 ? [hidden.join("-")] : [])].join(" ");
  return {
    name,
    fields,
    macs: model.layers.reduce((sum, layer) => sum + layer.inputs * layer.outputs, 0),
    rows,
    texts: [...new Array<string>(fields).fill(""), ...texts.map(({ text }) => text)],
    models: { f32, int8: quantizeModel(model, inputs) },
  };
}

/** Keys of ROWS values, in turns of all fields, ascending, and the values in the same order. */
function keysOfValues(names: readonly string[]): { keys: Uint32Array; texts: { field: number; text: string }[] } {
  const seeds = names.map(fieldSeed);
  const values = Array.from({ length: ROWS }, (_, i) => {
    const field = i % names.length;
    return { field, text: `v${i}`, ...rowKey(seeds[field], `v${i}`, { lo: 0, hi: 0 }) };
  });
  values.sort((a, b) => a.hi - b.hi || a.lo - b.lo);
  return { keys: Uint32Array.from(values.flatMap(({ lo, hi }) => [lo, hi])), texts: values };
}

/** The case with the first record's context in all records. */
export function withOneContext(one: BenchCase): BenchCase {
  const { fields, rows } = one;
  const shared = rows.map((row, cell) => (cell % fields < CONTEXT_FIELDS ? rows[cell % fields] : row));
  return { ...one, name: `ranking, ${one.name}`, rows: shared };
}

/** Bytes that scoring one record reads of its rows. */
export function rowBytes({ fields, models }: BenchCase, type: "f32" | "int8"): number {
  return fields * rowStride(models[type].rowType, models[type].embeddingDim);
}

function withFloatRows(model: ModelBlob): ModelBlob {
  const { embeddingDim: D, rowType } = model;
  const count = model.rows.length / rowStride(rowType, D);
  const from = new DataView(model.rows.buffer);
  const rows = new Uint8Array(count * rowStride(c.TYPE_F32, D));
  const to = new DataView(rows.buffer);
  const row = new Float32Array(D + 1);
  for (let i = 0; i < count; i++) {
    readRow(rowType, D, from, i * rowStride(rowType, D), row, 0);
    writeRow(c.TYPE_F32, D, row, 0, to, i * rowStride(c.TYPE_F32, D));
  }
  return { ...model, rowType: c.TYPE_F32, rows };
}
