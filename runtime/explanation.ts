import { TERM_FM, TERM_LINEAR, TERM_MLP, TERM_TOWERS } from "../format/constants.ts";
import type { BlobManifest } from "../format/read-blob.ts";
import { readRow } from "../format/row.ts";
import type { KernelBatch } from "./kernel.ts";

/**
 * The terms of one record's logit, which is bias + Σ linear + Σ pairs + deep + calibration, up to the float32 rounding
 * of the kernel. FORMAT.md, "Meaning of a score", has the sum.
 */
export interface Explanation {
  /** What is served: calibrated, where the model has a calibration map. */
  logit: number;
  /** The probability, sigmoid(logit). */
  score: number;
  /** The constant term. */
  bias: number;
  /** [F]: the first-order term Σ value · w of each field. Empty for a model without it. */
  linear: Float64Array;
  /** [F·(F − 1)/2]: the FM term ⟨y_f, y_g⟩ of each pair f < g, as `fieldPairs` orders them. Empty without FM. */
  pairs: Float64Array;
  /** What the network, its products included, or the towers add: all of the logit that is left. 0 without them. */
  deep: number;
  /** What the calibration map adds. */
  calibration: number;
}

/** All pairs f < g of F fields, in the order of f and then of g. */
export function fieldPairs(fields: number): [f: number, g: number][] {
  return Array.from({ length: fields }, (_, f) => f).flatMap((f) =>
    Array.from({ length: fields - f - 1 }, (_, i): [number, number] => [f, f + 1 + i]),
  );
}

/** The most terms that an explanation has beside its four numbers: one for each field, and for each pair of fields. */
export function termCount(fields: number): number {
  return fields + (fields * (fields - 1)) / 2;
}

type Model = Pick<BlobManifest, "terms" | "bias" | "fmDim" | "rowType" | "embeddingDim">;

/** A record's terms, whose logit is the raw one yet, and is not yet calibrated. */
export type RawExplanation = Omit<Explanation, "score" | "calibration">;

/**
 * Takes apart the raw logit of record `r` of a batch that the kernel has just scored. `memory`: the kernel's, in which
 * the batch's rows are. The sums are float64.
 */
export function explainLogit(
  model: Model,
  { offsets, addresses, values }: KernelBatch,
  r: number,
  fields: number,
  memory: DataView,
  rawLogit: number,
): RawExplanation {
  const { terms, bias, fmDim, rowType, embeddingDim } = model;
  const linear = new Float64Array(terms & TERM_LINEAR ? fields : 0);
  const vectors = new Float64Array(fields * fmDim);
  const row = new Float32Array(1 + embeddingDim);
  for (let f = 0; f < fields; f++) {
    const end = offsets[r * fields + f + 1] - offsets[0];
    for (let entry = offsets[r * fields + f] - offsets[0]; entry < end; entry++) {
      readRow(rowType, embeddingDim, memory, addresses[entry], row, 0);
      const value = values[entry];
      if (f < linear.length) linear[f] += value * row[0];
      for (let j = 0; j < fmDim; j++) vectors[f * fmDim + j] += value * row[1 + j];
    }
  }
  const pairs = terms & TERM_FM ? pairTerms(vectors, fields, fmDim) : new Float64Array(0);
  const deep = terms & (TERM_MLP | TERM_TOWERS) ? rawLogit - bias - sum(linear) - sum(pairs) : 0;
  return { logit: rawLogit, bias, linear, pairs, deep };
}

/** The inner products of the fields' vectors, `dim` numbers each. */
function pairTerms(vectors: Float64Array, fields: number, dim: number): Float64Array {
  const pairs = new Float64Array((fields * (fields - 1)) / 2);
  let pair = 0;
  for (let f = 0; f < fields; f++)
    for (let g = f + 1; g < fields; g++) {
      let product = 0;
      for (let j = 0; j < dim; j++) product += vectors[f * dim + j] * vectors[g * dim + j];
      pairs[pair++] = product;
    }
  return pairs;
}

function sum(numbers: Float64Array): number {
  return numbers.reduce((total, x) => total + x, 0);
}
