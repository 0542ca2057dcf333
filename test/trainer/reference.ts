// DeepFM in float64, straight from the paper's equations 1–4, over plain arrays: what the trainer's graph and its
// gradients are compared with.

import { BATCH_NORM_EPSILON } from "../../trainer/model/layers.ts";
import type { Learner } from "../../trainer/model/learner.ts";

/** One record: for each field, the entries whose rows it sums. */
export type ReferenceRecord = readonly (readonly { row: number; x: number }[])[];

/** A model's weights as float64 copies, so that a finite difference may move one of them by very little. */
export interface ReferenceWeights {
  k: number;
  hidden: readonly number[];
  batchNorm: boolean;
  /** V × (k + 1) */
  rows: Float64Array;
  dense: Map<string, Float64Array>;
  moments: Map<string, Float64Array>;
}

export function referenceWeights({ model, tables }: Learner): ReferenceWeights {
  const copy = (parameters: typeof model.parameters): Map<string, Float64Array> =>
    new Map([...parameters.shapes.keys()].map((name) => [name, Float64Array.from(parameters.view(name))]));
  return {
    k: tables.k,
    hidden: model.mlp.hidden,
    batchNorm: model.mlp.batchNorm,
    rows: Float64Array.from(tables.values),
    dense: copy(model.parameters),
    moments: copy(model.moments),
  };
}

/** Logits of a batch. `training`: BatchNorm uses the batch's own moments. */
export function referenceLogits(
  weights: ReferenceWeights,
  batch: readonly ReferenceRecord[],
  training: boolean,
): number[] {
  const { k } = weights;
  const part = (name: string): Float64Array => weights.dense.get(name) ?? new Float64Array(0);
  const embedded = batch.map((record) => embed(weights, record));
  let activations = embedded.map(({ e }) => e.flat());
  weights.hidden.forEach((units, i) => {
    const z = activations.map((a) => product(a, part(`mlp.${i}.weights`), units));
    const bias = part(`mlp.${i}.bias`);
    const moments = training ? batchMoments(z, units) : movingMoments(weights, i);
    activations = z.map((row) =>
      row.map((value, n) => {
        const standard = weights.batchNorm
          ? ((value - at(moments.mean, n)) / Math.sqrt(at(moments.variance, n) + BATCH_NORM_EPSILON)) *
            at(part(`mlp.${i}.gamma`), n)
          : value;
        return Math.max(0, standard + at(bias, n));
      }),
    );
  });
  return embedded.map(({ e, linear }, b) => {
    let pairs = 0;
    for (let f = 0; f < e.length; f++) {
      for (let g = f + 1; g < e.length; g++) for (let j = 0; j < k; j++) pairs += at(e[f], j) * at(e[g], j);
    }
    const mlp = at(product(activations[b] ?? [], part("mlp.output.weights"), 1), 0) + at(part("mlp.output.bias"), 0);
    return at(part("bias"), 0) + linear + pairs + mlp;
  });
}

/** Mean of −ln p(label). */
export function referenceLoss(logits: readonly number[], labels: readonly number[]): number {
  const losses = logits.map((z, i) => Math.max(z, 0) - z * (labels[i] as number) + Math.log1p(Math.exp(-Math.abs(z))));
  return losses.reduce((a, b) => a + b, 0) / losses.length;
}

function embed({ k, rows }: ReferenceWeights, record: ReferenceRecord): { e: number[][]; linear: number } {
  let linear = 0;
  const e = record.map((entries) => {
    const vector = new Array<number>(k).fill(0);
    for (const { row, x } of entries) {
      linear += x * at(rows, row * (k + 1));
      for (let j = 0; j < k; j++) vector[j] = at(vector, j) + x * at(rows, row * (k + 1) + 1 + j);
    }
    return vector;
  });
  return { e, linear };
}

/** a · W with W [K, units] row-major. */
function product(a: readonly number[], w: Float64Array, units: number): number[] {
  return Array.from({ length: units }, (_, n) => a.reduce((sum, x, i) => sum + x * at(w, i * units + n), 0));
}

interface Moments {
  mean: ArrayLike<number>;
  variance: ArrayLike<number>;
}

function batchMoments(z: readonly number[][], units: number): Moments {
  const columns = Array.from({ length: units }, (_, n) => z.map((row) => at(row, n)));
  const mean = columns.map((column) => column.reduce((a, b) => a + b, 0) / column.length);
  const variance = columns.map(
    (column, n) => column.reduce((sum, x) => sum + (x - at(mean, n)) ** 2, 0) / column.length,
  );
  return { mean, variance };
}

function movingMoments({ moments }: ReferenceWeights, layer: number): Moments {
  return { mean: moments.get(`mlp.${layer}.mean`) ?? [], variance: moments.get(`mlp.${layer}.variance`) ?? [] };
}

function at(list: ArrayLike<number> | undefined, i: number): number {
  return list?.[i] as number;
}
