import { calibrate } from "./calibration.ts";
import { encode } from "./encode.ts";
import { hasKey } from "./filter.ts";
import { FM, INNER, LINEAR, MLP, OUTER, TOWERS } from "./head.ts";
import type { ItemEntry } from "./item-entries.ts";
import type { Item } from "./items.ts";
import type { Layer } from "./layers.ts";
import type { Model } from "./model.ts";
import { pageOf } from "./page.ts";
import { at } from "./refusal.ts";
import type { Row } from "./rows.ts";

// Section 6, in float64 but for the quantization of a layer's input.

/** Rows by key, by the number of their page. */
export type Pages = Map<number, Map<bigint, Row>>;

function sum(terms: number[]): number {
  return terms.reduce((total, term) => total + term, 0);
}

function dot(a: number[], b: number[]): number {
  return sum(a.map((x, i) => x * at(b, i)));
}

/** Σ of vectors of n elements. */
function sumVectors(vectors: number[][], n: number): number[] {
  return Array.from({ length: n }, (_, j) => sum(vectors.map((vector) => at(vector, j))));
}

/** ⟨a, b⟩ for every a and every b after it. */
function pairs(vectors: number[][]): number[] {
  return vectors.flatMap((a, f) => vectors.slice(f + 1).map((b) => dot(a, b)));
}

function roundHalfEven(x: number): number {
  const low = Math.floor(x);
  if (x - low !== 0.5) return Math.round(x);
  return low % 2 === 0 ? low : low + 1;
}

/** Activations have 7 bits: 0 … 127. */
export function quantize(a: number, inverseScale: number, zero: number): number {
  const argument = Math.fround(Math.fround(Math.fround(a) * inverseScale) + zero);
  return Math.min(127, Math.max(0, roundHalfEven(argument)));
}

function activate(x: number, activation: number): number {
  if (activation === 1) return Math.max(0, x);
  if (activation === 2) return Math.tanh(x);
  return activation === 3 ? 1 / (1 + Math.exp(-x)) : x;
}

/** Σ_k W[n,k] · q[k], or · a[k] without int8, over the inputs that `counts` says: N numbers. */
function sumsOf({ weights, int8 }: Layer, a: number[], counts: (k: number) => boolean = () => true): number[] {
  const q = int8 ? a.map((x) => quantize(x, int8.inverseScale, int8.zero)) : a;
  const counted = q.map((x, k) => (counts(k) ? x : 0));
  return weights.map((row) => dot(row, counted));
}

/** A layer's outputs from its sums. */
function outputsOf({ int8, bias, activation }: Layer, sums: number[]): number[] {
  return sums.map((acc, n) => activate(acc * (int8 ? at(int8.scale, n) : 1) + at(bias, n), activation));
}

function forward(inputs: number[], layers: Layer[]): number[] {
  return layers.reduce((a, layer) => outputsOf(layer, sumsOf(layer, a)), inputs);
}

/** a⁰ of the MLP: the embeddings, then the products. */
function mlpInputs(model: Model, x: number[][]): number[] {
  const inner = model.products & INNER ? pairs(x).map((product) => model.innerScale * product) : [];
  const s = sumVectors(x, model.dim - model.mlpFrom);
  const outer = model.products & OUTER ? s.flatMap((sa, a) => s.slice(a).map((sb) => model.outerScale * sa * sb)) : [];
  return [...x.flat(), ...inner, ...outer];
}

/** A tower's output, D numbers: what its layers give, and the sum of its embeddings. */
function tower(e: number[][], layers: Layer[], dim: number): number[] {
  return sumVectors([forward(e.flat(), layers), ...e], dim);
}

/** The row of an entry of field f: of the blob, else of a page, else the OOV row. */
function findRow(model: Model, pages: Pages, key: bigint, f: number): Row {
  const hot = model.rows.get(key);
  if (hot) return hot;
  const count = model.digests.length;
  const inPage = at(model.spec.fields, f).kv && count > 0 && hasKey(model.filter, key);
  const cold = inPage ? pages.get(pageOf(key, count))?.get(key) : undefined;
  return cold ?? at(model.oov, f);
}

/** The linear term and the embedding of each field. */
function embed(model: Model, record: Record<string, unknown>, pages: Pages): { linear: number; e: number[] }[] {
  return encode(record, model.spec).map((list, f) => {
    const entries = list.map(({ key, value }) => ({ value, row: findRow(model, pages, key, f) }));
    const vectors = entries.map(({ value, row }) => row.v.map((v) => value * v));
    return { linear: sum(entries.map(({ value, row }) => value * row.w)), e: sumVectors(vectors, model.dim) };
  });
}

/** The logit of a record; without pages as if P were 0. */
export function logitOf(model: Model, record: Record<string, unknown>, pages: Pages = new Map()): number {
  return logitOfFields(model, embed(model, record, pages));
}

/** The logit of an item as entries with a context, a record of which only the context's fields count. */
export function entriesLogitOf(
  model: Model,
  context: Record<string, unknown>,
  entries: ItemEntry[],
  pages: Pages,
): number {
  const fields = embed(model, context, pages).map((field, f) => {
    if (at(model.spec.fields, f).side === "context") return field;
    const own = entries.filter((entry) => entry.field === f);
    const vectors = own.map(({ value, row }) => row.v.map((v) => value * v));
    return { linear: sum(own.map(({ value, row }) => value * row.w)), e: sumVectors(vectors, model.dim) };
  });
  return logitOfFields(model, fields);
}

function logitOfFields(model: Model, fields: { linear: number; e: number[] }[]): number {
  const { terms, dim } = model;
  const e = fields.map((field) => field.e);
  const side = (name: string) => e.filter((_, f) => at(model.spec.fields, f).side === name);

  let logit = model.bias;
  if (terms & LINEAR) logit += sum(fields.map(({ linear }) => linear));
  if (terms & FM) logit += sum(pairs(e.map((ef) => ef.slice(0, model.fmDim))));
  if (terms & MLP) {
    const inputs = mlpInputs(
      model,
      e.map((ef) => ef.slice(model.mlpFrom)),
    );
    logit += dot(model.outputWeights, forward(inputs, model.stack));
  }
  if (terms & TOWERS) {
    const u = tower(side("context"), model.stack.slice(0, model.contextLayers), dim);
    logit += dot(u, tower(side("item"), model.stack.slice(model.contextLayers), dim));
  }
  return calibrate(model.calibration, logit);
}

/** The logit of an item of the catalogue with a context, a record of which only the context's fields count. */
export function itemLogitOf(model: Model, context: Record<string, unknown>, item: Item, pages: Pages): number {
  const { terms, dim, fmDim, mlpFrom, spec } = model;
  const ofContext = (f: number) => at(spec.fields, f).side === "context";
  const fields = embed(model, context, pages).map((field, f) =>
    ofContext(f) ? field : { linear: 0, e: field.e.map(() => 0) },
  );
  const e = fields.map((field) => field.e);
  const y = e.map((ef) => ef.slice(0, fmDim));

  let logit = model.bias + item.logit;
  if (terms & LINEAR) logit += sum(fields.map(({ linear }) => linear));
  if (terms & FM) logit += sum(pairs(y)) + dot(item.sums, sumVectors(y, fmDim));
  if (terms & MLP) {
    const [first, ...others] = model.stack;
    if (!first) throw new RangeError("an MLP has a layer");
    const inputs = e.flatMap((ef) => ef.slice(mlpFrom));
    const own = sumsOf(first, inputs, (k) => ofContext(Math.floor(k / (dim - mlpFrom))));
    const sums = own.map((x, n) => x + at(item.deep, n));
    const acc = first.int8 ? sums.map((x) => Number(BigInt.asIntN(32, BigInt(x)))) : sums;
    logit += dot(model.outputWeights, forward(outputsOf(first, acc), others));
  }
  if (terms & TOWERS) {
    const u = tower(
      e.filter((_, f) => ofContext(f)),
      model.stack.slice(0, model.contextLayers),
      dim,
    );
    logit += dot(u, item.deep);
  }
  return calibrate(model.calibration, logit);
}

/** The click probability of a logit. */
export function scoreOf(logit: number): number {
  return 1 / (1 + Math.exp(-logit));
}
