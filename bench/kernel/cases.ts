// The cases of the race: random models of real shapes, in float32 and in int8, and records with one value a field.

import type { ModelBlob } from "../../format/blob.ts";
import * as c from "../../format/constants.ts";
import { readRow, rowStride, writeRow } from "../../format/row.ts";
import { rowKeyHash } from "../../format/row-key.ts";
import type { ModelType } from "../../format/spec.ts";
import { HASH_KEY } from "../../testing/format/hash-key.ts";
import { shapeOfType } from "../../testing/format/shapes.ts";
import { randomModel } from "../../testing/kernel/random-model.ts";
import { Random } from "../../trainer/data/random.ts";
import { layerInputs } from "./inputs.ts";
import { quantizeModel } from "./quantize.ts";

/** Known values, over all fields; each has a row. */
const ROWS = 200_000;
/** Records of a case: so many that their rows and activations do not all stay in the nearest cache. */
export const BENCH_RECORDS = 2048;
/** The first so many records show the ranges of activations. */
const CALIBRATION_RECORDS = 64;

export type Precision = "int8" | "f32";

export interface BenchCase {
  name: string;
  /** F */
  fields: number;
  /** Multiplications in the layers for one record. */
  macs: number;
  /** RECORDS × F row numbers. */
  rows: Uint32Array;
  /** The raw value of each row; empty for the first F rows, which are the fields' OOV rows. */
  texts: readonly string[];
  /** The same model with float32 rows and layers, and with int8 ones. A value has the same row number in both. */
  models: Record<Precision, ModelBlob>;
}

export interface CaseShape {
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

/** The first so many fields are on the context's side, the others on the item's: in ranking, 20 and 19. */
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
    rowsOfField[field].push(fields + i);
  });
  const rows = Uint32Array.from({ length: BENCH_RECORDS * fields }, (_, cell) => {
    const own = rowsOfField[cell % fields];
    // The item's first field names it, so its value is another one in each record.
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

/** ROWS values, dealt out to the fields in turn: their keys, ascending, and the values in the keys' order. */
function keysOfValues(names: readonly string[]): { keys: Uint32Array; texts: { field: number; text: string }[] } {
  const hashes = names.map((name) => rowKeyHash(HASH_KEY, name));
  const values = Array.from({ length: ROWS }, (_, i) => {
    const field = i % names.length;
    return { field, text: `v${i}`, ...hashes[field](`v${i}`, { lo: 0, hi: 0 }) };
  });
  values.sort((a, b) => a.hi - b.hi || a.lo - b.lo);
  return { keys: Uint32Array.from(values.flatMap(({ lo, hi }) => [lo, hi])), texts: values };
}

/** The same case with the first record's context in all of its records. */
export function withOneContext(one: BenchCase): BenchCase {
  const { fields, rows } = one;
  const shared = rows.map((row, cell) => (cell % fields < CONTEXT_FIELDS ? rows[cell % fields] : row));
  return { ...one, name: `ranking, ${one.name}`, rows: shared };
}

/** Bytes of one record's rows. */
export function rowBytes({ fields, models }: BenchCase, precision: Precision): number {
  const { rowType, embeddingDim } = models[precision];
  return fields * rowStride(rowType, embeddingDim);
}

/** The model with its rows in float32. */
export function withFloatRows(model: ModelBlob): ModelBlob {
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
