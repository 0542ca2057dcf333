// The models in float64, straight from their papers' equations, over plain arrays. Engines and their gradients are
// compared with these.
import type { ModelType, ResolvedSpec } from "../../../format/spec.ts";
import type { Learner } from "../../../trainer/model/learner.ts";
import { BATCH_NORM_EPSILON } from "../../../trainer/model/mlp.ts";

/** One record: for each field, the entries whose rows it sums. */
export type ReferenceRecord = readonly (readonly { row: number; x: number }[])[];

/** A model's weights in float64, so that a finite difference can move one of them by very little. */
export interface ReferenceWeights {
  spec: ResolvedSpec;
  /** D */
  dim: number;
  /** V × (D + 1) */
  rows: Float64Array;
  dense: Map<string, Float64Array>;
  runningStats: Map<string, Float64Array>;
}

export function referenceWeights(spec: ResolvedSpec, { model, tables }: Learner): ReferenceWeights {
  const copy = (parameters: typeof model.parameters): Map<string, Float64Array> =>
    new Map([...parameters.shapes.keys()].map((name) => [name, Float64Array.from(parameters.view(name))]));
  return {
    spec,
    dim: tables.dim,
    rows: Float64Array.from(tables.values),
    dense: copy(model.parameters),
    runningStats: copy(model.runningStats),
  };
}

/** A record's pooled rows. */
interface Embedded {
  /** e_f: F vectors of D. */
  e: number[][];
  /** F: Σ w·x of each field. */
  linear: number[];
}

/** Runs a network on a whole batch of inputs, as BatchNorm depends on all of them. */
type Network = (name: string, inputs: number[][]) => number[][];

/** The logits of a batch without w₀. k: the embedding dimension. */
type Equation = (batch: readonly Embedded[], k: number, network: Network, spec: ResolvedSpec) => number[];

const EQUATIONS: Record<ModelType, Equation> = {
  LR: (batch) => batch.map(({ linear }) => sum(linear)),
  FM: (batch) => batch.map(({ e, linear }) => sum(linear) + pairs(e)),
  FNN: (batch, _k, network) =>
    column(
      network(
        "mlp",
        batch.map(({ e }) => e.flat()),
      ),
    ),
  IPNN: (batch, _k, network) =>
    column(
      network(
        "mlp",
        batch.map(({ e }) => [...e.flat(), ...inner(e)]),
      ),
    ),
  OPNN: (batch, k, network) =>
    column(
      network(
        "mlp",
        batch.map(({ e }) => [...e.flat(), ...outer(e, k)]),
      ),
    ),
  "PNN*": (batch, k, network) =>
    column(
      network(
        "mlp",
        batch.map(({ e }) => [...e.flat(), ...inner(e), ...outer(e, k)]),
      ),
    ),
  "LR & DNN": (batch, _k, network) =>
    add(
      EQUATIONS.LR(batch, 0, network, {} as ResolvedSpec),
      column(
        network(
          "mlp",
          batch.map(({ e }) => e.flat()),
        ),
      ),
    ),
  "FM & DNN": (batch, k, network) =>
    add(
      batch.map(({ e, linear }) => sum(linear) + pairs(e.map((v) => v.slice(0, k)))),
      column(
        network(
          "mlp",
          batch.map(({ e }) => e.flatMap((v) => v.slice(k))),
        ),
      ),
    ),
  DeepFM: (batch, _k, network) =>
    add(
      batch.map(({ e, linear }) => sum(linear) + pairs(e)),
      column(
        network(
          "mlp",
          batch.map(({ e }) => e.flat()),
        ),
      ),
    ),
  "two-tower": (batch, k, network, spec) => {
    const [u, i] = towers(batch, k, network, spec);
    return batch.map(({ linear }, b) => sum(linear) + dot(at(u, b), at(i, b)));
  },
};

/** The vectors of both sides: the sum of the side's embeddings plus its network's output. */
function towers(batch: readonly Embedded[], k: number, network: Network, spec: ResolvedSpec): [number[][], number[][]] {
  const tower = (side: string): number[][] => {
    const own = batch.map(({ e }) => e.filter((_, f) => spec.fields[f]?.side === side));
    const outputs = network(
      side,
      own.map((vectors) => vectors.flat()),
    );
    return own.map((vectors, b) => add(total(vectors, k), at(outputs, b)));
  };
  return [tower("context"), tower("item")];
}

/** Receives the moments of a layer with BatchNorm over the batch. */
export type OnMoments = (layer: string, moments: Moments) => void;

/** The logits of a batch. `training`: BatchNorm uses the batch's own moments. */
export function referenceLogits(
  weights: ReferenceWeights,
  batch: readonly ReferenceRecord[],
  training: boolean,
  onMoments?: OnMoments,
): number[] {
  const { model } = weights.spec;
  const bias = at(weights.dense.get("bias"), 0);
  const embedded = batch.map((record) => embed(weights, record));
  const equation = EQUATIONS[model.type];
  const logits = equation(embedded, model.embeddingDim, networkOf(weights, training, onMoments), weights.spec);
  return logits.map((logit) => bias + logit);
}

/** A two-tower model's vectors: [u, 1] and [i, Σ w·x over the item's fields] of each record. */
export function referenceVectors(
  weights: ReferenceWeights,
  batch: readonly ReferenceRecord[],
): { context: number[][]; item: number[][] } {
  const { spec } = weights;
  const embedded = batch.map((record) => embed(weights, record));
  const [u, i] = towers(embedded, spec.model.embeddingDim, networkOf(weights, false), spec);
  return {
    context: u.map((vector) => [...vector, 1]),
    item: i.map((vector, b) => [...vector, itemWeight(at(embedded, b), spec)]),
  };
}

/** Σ w·x over the item's fields. */
function itemWeight({ linear }: Embedded, { fields }: ResolvedSpec): number {
  return sum(linear.filter((_, f) => fields[f]?.side === "item"));
}

/** Mean of −ln p(label). */
export function referenceLoss(logits: readonly number[], labels: readonly number[]): number {
  return mean(logits.map((z, i) => Math.max(z, 0) - z * at(labels, i) + Math.log1p(Math.exp(-Math.abs(z)))));
}

/**
 * The mean of −ln softmax over the batch's items c of ⟨u_b, i_c⟩ + w(i_c) − ln p_c, at the own item of each record b
 * (Yi et al. 2019, equation 3).
 */
export function referenceInBatchLoss(
  weights: ReferenceWeights,
  batch: readonly ReferenceRecord[],
  /** p_c, by the item's row. */
  shares: readonly number[],
  /** Each record's item. By default, the row of its first entry of the first item field. */
  items: readonly number[] = firstItems(weights.spec, batch),
  training = true,
  onMoments?: OnMoments,
): number {
  const { spec } = weights;
  const embedded = batch.map((record) => embed(weights, record));
  const [u, i] = towers(embedded, spec.model.embeddingDim, networkOf(weights, training, onMoments), spec);
  const itemWeights = embedded.map((record) => itemWeight(record, spec));
  const losses = batch.map((_, b) => {
    const logits = batch.map(
      (_, c) => dot(at(u, b), at(i, c)) + at(itemWeights, c) - Math.log(shares[at(items, c)] ?? 1),
    );
    const others = logits.filter((_, c) => c === b || at(items, c) !== at(items, b));
    const most = Math.max(...others);
    return most + Math.log(sum(others.map((z) => Math.exp(z - most)))) - at(logits, b);
  });
  return mean(losses);
}

function firstItems({ fields }: ResolvedSpec, batch: readonly ReferenceRecord[]): number[] {
  const itemField = fields.findIndex(({ side }) => side === "item");
  return batch.map((record) => record[itemField]?.[0]?.row ?? -1);
}

function networkOf(weights: ReferenceWeights, training: boolean, onMoments?: OnMoments): Network {
  const { hidden, activation, batchNorm } = weights.spec.model;
  const activate = {
    relu: (z: number) => Math.max(0, z),
    tanh: Math.tanh,
    sigmoid: (z: number) => 1 / (1 + Math.exp(-z)),
  }[activation];
  return (name, inputs) => {
    const part = (of: string): Float64Array => weights.dense.get(`${name}.${of}`) ?? new Float64Array(0);
    let activations = inputs;
    hidden.forEach((units, i) => {
      const z = activations.map((a) => product(a, part(`${i}.weights`), units));
      const moments = training ? batchMoments(z, units) : runningMoments(weights, `${name}.${i}`);
      if (batchNorm) onMoments?.(`${name}.${i}`, moments);
      activations = z.map((row) =>
        row.map((value, n) => {
          const standard = batchNorm
            ? ((value - at(moments.mean, n)) / Math.sqrt(at(moments.variance, n) + BATCH_NORM_EPSILON)) *
              at(part(`${i}.gamma`), n)
            : value;
          return activate(standard + at(part(`${i}.bias`), n));
        }),
      );
    });
    const outputs = part("output.weights").length / (hidden.at(-1) as number);
    return activations.map((a) =>
      product(a, part("output.weights"), outputs).map((z, n) => z + (part("output.bias")[n] ?? 0)),
    );
  };
}

/** Σ_{i<j} ⟨e_i, e_j⟩. */
function pairs(e: readonly number[][]): number {
  return sum(inner(e));
}

function inner(e: readonly number[][]): number[] {
  return e.flatMap((a, i) => e.slice(i + 1).map((b) => dot(a, b)));
}

/** The upper triangle of (Σ e)(Σ e)ᵀ. */
function outer(e: readonly number[][], k: number): number[] {
  const s = total(e, k);
  return s.flatMap((a, i) => s.slice(i).map((b) => a * b));
}

function embed({ dim, rows }: ReferenceWeights, record: ReferenceRecord): Embedded {
  const linear: number[] = [];
  const e = record.map((entries, f) => {
    const vector = new Array<number>(dim).fill(0);
    linear[f] = 0;
    for (const { row, x } of entries) {
      linear[f] = at(linear, f) + x * at(rows, row * (dim + 1));
      for (let j = 0; j < dim; j++) vector[j] = at(vector, j) + x * at(rows, row * (dim + 1) + 1 + j);
    }
    return vector;
  });
  return { e, linear };
}

/** a · W, for W [K, units] in row-major order. */
function product(a: readonly number[], w: Float64Array, units: number): number[] {
  return Array.from({ length: units }, (_, n) => sum(a.map((x, i) => x * at(w, i * units + n))));
}

/** Of one layer, [N] each. */
interface Moments {
  mean: ArrayLike<number>;
  variance: ArrayLike<number>;
}

function batchMoments(z: readonly number[][], units: number): Moments {
  const columns = Array.from({ length: units }, (_, n) => z.map((row) => at(row, n)));
  const means = columns.map(mean);
  return { mean: means, variance: columns.map((values, n) => mean(values.map((x) => (x - at(means, n)) ** 2))) };
}

function runningMoments({ runningStats }: ReferenceWeights, layer: string): Moments {
  return { mean: runningStats.get(`${layer}.mean`) ?? [], variance: runningStats.get(`${layer}.variance`) ?? [] };
}

function sum(list: readonly number[]): number {
  return list.reduce((a, b) => a + b, 0);
}

function mean(list: readonly number[]): number {
  return sum(list) / list.length;
}

function dot(a: readonly number[], b: readonly number[]): number {
  return sum(a.map((x, i) => x * at(b, i)));
}

function add(a: readonly number[], b: readonly number[]): number[] {
  return a.map((x, i) => x + at(b, i));
}

function total(vectors: readonly number[][], k: number): number[] {
  return vectors.reduce(add, new Array<number>(k).fill(0));
}

/** The outputs of a network with one output unit, as one list. */
function column(outputs: readonly number[][]): number[] {
  return outputs.map((output) => at(output, 0));
}

function at<T>(list: ArrayLike<T> | undefined, i: number): T {
  return list?.[i] as T;
}
