import { type NamedTensor, tensorData } from "../io/safetensors.ts";
import type { Model } from "./model.ts";
import type { Tables } from "./tables.ts";

/** All that training changes and a blob is made of. */
export interface Weights {
  /** [V, D + 1] */
  rows: Float32Array;
  /** Laid out as `model.parameters.values`. */
  dense: Float32Array;
  /** Laid out as `model.runningStats.values`. */
  runningStats: Float32Array;
}

/** Weights as tensors: rows as `rows.values` [V, D + 1], each parameter and running statistic under its own name. */
export function namedWeights(
  { parameters, runningStats }: Model,
  { size, dim }: Tables,
  weights: Weights,
): Record<string, NamedTensor> {
  return {
    "rows.values": { shape: [size, dim + 1], data: weights.rows },
    ...parameters.toTensors(weights.dense),
    ...runningStats.toTensors(weights.runningStats),
  };
}

/** The inverse of `namedWeights`. Throws FormatError where a tensor is missing or has another type or shape. */
export function weightsFromNamed(
  { parameters, runningStats }: Model,
  { size, dim }: Tables,
  tensors: Record<string, NamedTensor>,
  place: string,
): Weights {
  return {
    rows: tensorData(tensors, "rows.values", "F32", [size, dim + 1], place),
    dense: parameters.fromTensors(tensors, place),
    runningStats: runningStats.fromTensors(tensors, place),
  };
}
