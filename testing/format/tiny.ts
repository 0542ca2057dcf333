import { fieldSides, type ModelBlob, NO_ITEMS } from "../../format/blob.ts";
import {
  ACTIVATION_NONE,
  ACTIVATION_RELU,
  ACTIVATION_SIGMOID,
  ACTIVATION_TANH,
  PRODUCT_ALL,
  TERM_FM,
  TERM_LINEAR,
  TERM_MLP,
  TERM_TOWERS,
  TYPE_F16,
  TYPE_I4,
  TYPE_I8,
} from "../../format/constants.ts";
import type { FittedSpec } from "../../format/fitted-spec.ts";
import { compareKeys } from "../../format/keys.ts";
import type { DenseLayer } from "../../format/layer.ts";
import { type PageLayout, pageDigest, writePage } from "../../format/page.ts";
import { VALUE_ROW } from "../../format/record.ts";
import { rowStride, writeRow } from "../../format/row.ts";
import { filterOf, HASH_KEY, rowKeyOf } from "./hash-key.ts";

// The smallest model that has one of everything: a hot row and a row in KV, both types of weights, a field of each
// side. Its bytes are golden files, and the dumps at the end of FORMAT.md. Three other models here have a spline,
// products and towers; tiny-catalogue.ts has one with a catalogue of items.

export const TINY_SPEC: FittedSpec = {
  name: "tiny",
  label: "click",
  hashKey: HASH_KEY,
  fields: [
    {
      name: "site",
      side: "context",
      kv: true,
      type: "categorical",
      encoding: { kind: "vocabulary" },
      missing: "own",
    },
    {
      name: "price",
      side: "item",
      kv: false,
      type: "numeric",
      encoding: { kind: "value", shift: 10, factor: 0.5 },
      missing: "oov",
    },
  ],
};

export const TINY_LAYOUT: PageLayout = { rowType: TYPE_I8, embeddingDim: 2, pageCount: 1 };

/** The golden files that hold the tiny model with rows of other types, by name. */
export const TINY_ROW_TYPES = { f16: TYPE_F16, int4: TYPE_I4 };

/** Keys, ascending, and their rows as numbers: w, v₁ … v_D for each. */
export function ascendingRows(
  rowType: number,
  entries: { field: string; text: string; row: number[] }[],
): { keys: Uint32Array; rows: Uint8Array } {
  const keyed = entries
    .map(({ field, text, row }) => ({ ...rowKeyOf(field, text), row }))
    .sort((a, b) => compareKeys(a.lo, a.hi, b.lo, b.hi));
  return {
    keys: Uint32Array.from(keyed.flatMap(({ lo, hi }) => [lo, hi])),
    rows: packRows(
      rowType,
      keyed.map(({ row }) => row),
    ),
  };
}

/** Packs one or more rows of numbers, w, v₁ … v_D for each. */
export function packRows(rowType: number, rows: readonly number[][]): Uint8Array {
  const embeddingDim = rows[0].length - 1;
  const stride = rowStride(rowType, embeddingDim);
  const bytes = new Uint8Array(rows.length * stride);
  const view = new DataView(bytes.buffer);
  rows.forEach((row, i) => {
    writeRow(rowType, embeddingDim, Float32Array.from(row), 0, view, i * stride);
  });
  return bytes;
}

/** Joins byte arrays. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

const TINY_COLD = [{ field: "site", text: "shop", row: [-0.5, 0.25, -1] }];

/** Page 0 of 1, with the row of site "shop". */
export function tinyPage(rowType = TINY_LAYOUT.rowType): Uint8Array {
  const { keys, rows } = ascendingRows(rowType, TINY_COLD);
  return writePage({ ...TINY_LAYOUT, rowType }, 0, keys, rows);
}

/**
 * F = 2 and k = 2, with hot rows of site "news" and of the price's value, and the layers 4 → 3 int8, 3 → 2 f32 and 2 →
 * 1.
 */
export async function tinyModel(rowType = TINY_LAYOUT.rowType): Promise<ModelBlob> {
  const hot = ascendingRows(rowType, [
    { field: "site", text: "news", row: [0.75, 1, 0.5] },
    { field: "price", text: VALUE_ROW, row: [0.125, -0.5, 0.25] },
  ]);
  const oov = packRows(rowType, [
    [0.0625, 0.5, -0.5],
    [0, 0, 0],
  ]);
  return {
    spec: TINY_SPEC,
    producer: "golden 1",
    rowType,
    evidence: {},
    golden: { tolerance: 0, records: [] },
    items: NO_ITEMS,
    hotPages: [0],
    filter: filterOf(TINY_COLD.map(({ field, text }) => rowKeyOf(field, text))),
    embeddingDim: TINY_LAYOUT.embeddingDim,
    terms: TERM_LINEAR | TERM_FM | TERM_MLP,
    ...{ fmDim: TINY_LAYOUT.embeddingDim, mlpFrom: 0, products: 0, innerScale: 1, outerScale: 1 },
    sides: fieldSides(TINY_SPEC),
    contextLayers: 0,
    itemLayers: 0,
    bias: -1.5,
    keys: hot.keys,
    rows: concat([oov, hot.rows]),
    pageDigests: await pageDigest(tinyPage(rowType)),
    layers: [
      {
        inputs: 4,
        outputs: 3,
        weights: Int8Array.of(1, 2, 3, 4, -5, -6, -7, -8, 127, -127, 64, 0),
        scales: Float32Array.of(0.0009765625, 0.001953125, 0.00048828125),
        biases: Float32Array.of(0.25, 0.5, -0.125),
        activation: ACTIVATION_RELU,
        inputInverseScale: 32,
        inputZero: 64,
      },
      {
        inputs: 3,
        outputs: 2,
        weights: Float32Array.of(1, -1, 0.5, 0.25, 2, -0.75),
        scales: new Float32Array(0),
        biases: Float32Array.of(0.5, -0.25),
        activation: ACTIVATION_RELU,
        inputInverseScale: 0,
        inputZero: 0,
      },
    ],
    outputWeights: Float32Array.of(1.5, -2),
  };
}

/** A layer of f32 weights. */
export function floatLayer(activation: number, inputs: number, biases: number[], weights: number[]): DenseLayer {
  return {
    ...{ inputs, outputs: biases.length, activation, weights: Float32Array.from(weights) },
    ...{ scales: new Float32Array(0), biases: Float32Array.from(biases), inputInverseScale: 0, inputZero: 0 },
  };
}

/** The tiny model with a price that is interpolated between the rows of three knots. */
export async function tinySpline(): Promise<ModelBlob> {
  const fields = TINY_SPEC.fields.with(1, {
    ...{ name: "price", side: "item", kv: false, type: "numeric" },
    ...{ encoding: { kind: "spline", knots: [10, 12, 30] }, missing: "own" },
  });
  const model = await tinyModel();
  const hot = ascendingRows(TINY_LAYOUT.rowType, [
    { field: "site", text: "news", row: [0.75, 1, 0.5] },
    { field: "price", text: "", row: [0.25, 0.5, 1] },
    { field: "price", text: "0", row: [0.125, -0.5, 0.25] },
    { field: "price", text: "1", row: [-0.5, 0.75, -0.25] },
    { field: "price", text: "2", row: [1, 0.25, 0.75] },
  ]);
  const oov = model.rows.subarray(0, 2 * rowStride(TINY_LAYOUT.rowType, TINY_LAYOUT.embeddingDim));
  return { ...model, spec: { ...TINY_SPEC, fields }, keys: hot.keys, rows: concat([oov, hot.rows]) };
}

/** The tiny model with a line through its logits, as Platt scaling gives one. */
export async function tinyPlatt(): Promise<ModelBlob> {
  return {
    ...(await tinyModel()),
    calibration: { method: "platt", logits: [0], calibrated: [-0.375], slopes: [0.75, 0.75] },
  };
}

/**
 * PNN* over the same rows. 4 numbers of embeddings, 1 inner and 3 outer products → 2 f32 tanh, 2 → 3 int8 sigmoid, 3 →
 * 1.
 */
export async function tinyPnn(): Promise<ModelBlob> {
  return {
    ...(await tinyModel()),
    terms: TERM_MLP,
    ...{ fmDim: 0, products: PRODUCT_ALL, innerScale: 0.5, outerScale: 0.25 },
    layers: [
      floatLayer(
        ACTIVATION_TANH,
        8,
        [0.125, -0.25],
        [0.5, -0.25, 0.125, 1, 2, -1, 0.5, 0.25, -0.5, 0.75, 1, -0.125, -2, 0.5, 1.5, -1],
      ),
      {
        ...{ inputs: 2, outputs: 3, activation: ACTIVATION_SIGMOID },
        weights: Int8Array.of(100, -50, -25, 75, 127, 64),
        scales: Float32Array.of(0.0009765625, 0.001953125, 0.00048828125),
        biases: Float32Array.of(-3.125, -6.25, -5.96875),
        ...{ inputInverseScale: 63, inputZero: 64 },
      },
    ],
    outputWeights: Float32Array.of(1.5, -2, 3),
  };
}

/** Two towers over the same rows. Of site: 2 → 3 int8 tanh → 2 f32. Of price: 2 → 2 f32. */
export async function tinyTowers(): Promise<ModelBlob> {
  return {
    ...(await tinyModel()),
    terms: TERM_LINEAR | TERM_TOWERS,
    fmDim: 0,
    layers: [
      {
        ...{ inputs: 2, outputs: 3, activation: ACTIVATION_TANH },
        weights: Int8Array.of(100, -50, -25, 75, 127, 64),
        scales: Float32Array.of(0.0009765625, 0.001953125, 0.00048828125),
        biases: Float32Array.of(-3.125, -6.25, -5.96875),
        ...{ inputInverseScale: 63, inputZero: 64 },
      },
      floatLayer(ACTIVATION_NONE, 3, [0.25, -0.5], [1, -0.5, 0.25, 0.75, 2, -1]),
      floatLayer(ACTIVATION_NONE, 2, [-0.125, 0.5], [0.5, 1, -1, 0.25]),
    ],
    contextLayers: 2,
    itemLayers: 1,
    outputWeights: new Float32Array(0),
  };
}

/**
 * Records with values that are hot, in KV, unseen and missing, and with a numeric field that is present, missing and
 * clamped; for a spline, at a knot, between two and beyond either end.
 */
export const TINY_RECORDS: Record<string, unknown>[] = [
  { site: "news", price: 12 },
  { site: "shop", price: "12" },
  { site: "unseen", price: 11 },
  {},
  { site: "news", price: 30 },
  { site: "shop", price: -30 },
];
