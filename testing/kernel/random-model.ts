// Random models and records of any shape, from a seed. The wider a layer, the smaller are its weights, as in trained
// models. So activations neither vanish nor explode, and quantized ones use their range and sometimes leave it.

import { fieldSides, type ModelBlob, mlpInputs, NO_ITEMS } from "../../format/blob.ts";
import * as c from "../../format/constants.ts";
import type { FittedSpec } from "../../format/fitted-spec.ts";
import type { DenseLayer } from "../../format/layer.ts";
import { rowStride, writeRow } from "../../format/row.ts";
import { NO_FILTER } from "../../format/row-filter.ts";
import { HASH_KEY } from "../format/hash-key.ts";
import { integer, seeded } from "../format/random.ts";
import { lightenLanes } from "./light-lanes.ts";

export interface ModelShape {
  /** F, the number of fields. */
  fields: number;
  /** D, the length of a row's vector. */
  embeddingDim: number;
  /** Units of each hidden layer of the MLP, or of each tower. Default: no hidden layers. */
  hidden?: readonly number[];
  /** Weight type of layer i: layerTypes[i mod length]. Default: int8. */
  layerTypes?: readonly number[];
  /** Activation of layer i: activations[i mod length]. Default: ReLU. */
  activations?: readonly number[];
  /** TYPE_…, of rows. Default: int8. */
  rowType?: number;
  /** TERM_…, combined. Default: linear, FM, and MLP if there are hidden layers. */
  terms?: number;
  /** How many elements FM takes. Default: D. */
  fmDim?: number;
  /** The first element that the MLP takes. Default: 0. */
  mlpFrom?: number;
  /** PRODUCT_…, combined. Default: none. */
  products?: number;
  /** h, rows with a key. Default: 50. */
  hotRows?: number;
  /** Pages that the blob names; only their digests exist. Default: 0. */
  pages?: number;
  seed?: number;
}

/**
 * One entry of a field: the number of a row of the blob (f < F is field f's OOV row), and what the row is multiplied
 * by.
 */
export interface TestEntry {
  row: number;
  value: number;
}

/** A record: the entries of each field. */
export type TestRecord = TestEntry[][];

export function randomModel(shape: ModelShape): ModelBlob {
  const { fields, embeddingDim: D, rowType = c.TYPE_I8, hotRows = 50, pages = 0, seed = 1 } = shape;
  const { hidden = [], mlpFrom = 0, products = 0 } = shape;
  const random = seeded(seed);
  const symmetric = (size: number): number => (2 * random() - 1) * size;
  const terms = shape.terms ?? c.TERM_LINEAR | c.TERM_FM | (hidden.length > 0 ? c.TERM_MLP : 0);

  const rowCount = fields + hotRows;
  const stride = rowStride(rowType, D);
  const rows = new Uint8Array(rowCount * stride);
  const view = new DataView(rows.buffer);
  for (let row = 0; row < rowCount; row++) {
    const values = Float32Array.from({ length: D + 1 }, () => symmetric(EMBEDDING_SIZE));
    writeRow(rowType, D, values, 0, view, row * stride);
  }

  const spec = randomSpec(fields, pages > 0);
  const sides = fieldSides(spec);
  const layers: DenseLayer[] = [];
  const stack = (inputs: number, outputs: readonly number[], tower: boolean): void => {
    let [width, range] = [inputs, EMBEDDING_RANGE];
    for (const [i, units] of outputs.entries()) {
      const last = tower && i === outputs.length - 1;
      const activation = last ? c.ACTIVATION_NONE : cycled(shape.activations ?? [c.ACTIVATION_RELU], layers.length);
      const int8 = cycled(shape.layerTypes ?? [c.TYPE_I8], layers.length) === c.TYPE_I8;
      const layer = int8 ? int8Layer(width, units, range, random) : floatLayer(width, units, random);
      layers.push({ ...layer, activation });
      [width, range] = [units, RANGES[activation] ?? EMBEDDING_RANGE];
    }
  };
  let [contextLayers, itemLayers] = [0, 0];
  if (terms & c.TERM_MLP) stack(mlpInputs(fields, D - mlpFrom, products), hidden, false);
  if (terms & c.TERM_TOWERS) {
    // The towers have different depths: the item tower leaves out the first hidden layer.
    const [context, item] = [hidden, hidden.slice(1)];
    stack(D * sides.filter((side) => side === c.SIDE_CONTEXT).length, [...context, D], true);
    stack(D * sides.filter((side) => side === c.SIDE_ITEM).length, [...item, D], true);
    [contextLayers, itemLayers] = [context.length + 1, item.length + 1];
  }
  const outputs = terms & c.TERM_MLP ? (hidden.at(-1) ?? 0) : 0;
  return {
    spec,
    producer: "test",
    evidence: {},
    golden: { tolerance: 0, records: [] },
    items: NO_ITEMS,
    filter: NO_FILTER,
    rowType,
    embeddingDim: D,
    terms,
    bias: Math.fround(symmetric(1)),
    fmDim: terms & c.TERM_FM ? (shape.fmDim ?? D) : 0,
    mlpFrom,
    products,
    innerScale: products & c.PRODUCT_INNER ? Math.fround(0.5 + random()) : 1,
    outerScale: products & c.PRODUCT_OUTER ? Math.fround((1 + random()) / fields) : 1,
    keys: randomKeys(hotRows, random),
    rows,
    pageDigests: Uint8Array.from({ length: pages * c.PAGE_DIGEST_BYTES }, () => 256 * random()),
    sides,
    layers,
    contextLayers,
    itemLayers,
    outputWeights: Float32Array.from({ length: outputs }, () => symmetric(3 / Math.sqrt(outputs))),
  };
}

/** The fields' sides alternate, and the first is the item's. */
function randomSpec(fields: number, kv: boolean): FittedSpec {
  return {
    name: "random",
    label: "label",
    hashKey: HASH_KEY,
    fields: Array.from({ length: fields }, (_, f) => ({
      name: `f${f}`,
      side: cycled(["item", "context", "item", "item", "context"] as const, f),
      kv,
      type: "categorical",
      encoding: { kind: "vocabulary" },
      missing: "own",
    })),
  };
}

/**
 * Records whose fields have one entry mostly, and sometimes none or a few. Every 16th record has `longest` entries in
 * its last field.
 */
export function randomRecords(model: ModelBlob, count: number, seed: number, longest = 40): TestRecord[] {
  const random = seeded(seed);
  const fields = model.spec.fields.length;
  const hot = model.keys.length / 2;
  const entry = (f: number): TestEntry => ({
    row: hot === 0 || random() < 0.2 ? f : integer(random, fields, fields + hot - 1),
    value: random() < 0.5 ? 1 : Math.fround(2 * random() - 0.5),
  });
  return Array.from({ length: count }, (_, i) =>
    Array.from({ length: fields }, (_, f) => {
      const chance = random();
      let entries = chance < 0.1 ? 0 : chance < 0.9 ? 1 : integer(random, 2, 5);
      if (i % 16 === 3 && f === fields - 1) entries = longest;
      return Array.from({ length: entries }, () => entry(f));
    }),
  );
}

/** The interval that most inputs of a layer are in, and the gain by which its weights are multiplied. */
interface Range {
  low: number;
  high: number;
  gain: number;
}

const EMBEDDING_SIZE = 0.3;
const EMBEDDING_RANGE: Range = { low: -EMBEDDING_SIZE, high: EMBEDDING_SIZE, gain: 4 };
/** The range of a layer's inputs, by the activation that they come from. */
const RANGES: Record<number, Range> = {
  [c.ACTIVATION_RELU]: { low: 0, high: 2, gain: 1.5 },
  [c.ACTIVATION_TANH]: { low: -1, high: 1, gain: 1.5 },
  [c.ACTIVATION_SIGMOID]: { low: 0, high: 1, gain: 3 },
};

/**
 * An int8 layer with weights in −128..127. Its zero point is no integer, so that few inputs lie at the half of two
 * steps.
 */
function int8Layer(
  inputs: number,
  outputs: number,
  { low, high, gain }: Range,
  random: () => number,
): Omit<DenseLayer, "activation"> {
  const weights = Int8Array.from({ length: inputs * outputs }, () => integer(random, -128, 127));
  lightenLanes(weights, inputs, outputs);
  const inputScale = (high - low) / 127;
  const inputZero = low === 0 ? 0 : Math.fround(-low / inputScale + random());
  const scales = new Float32Array(outputs);
  const biases = new Float32Array(outputs);
  for (let n = 0; n < outputs; n++) {
    scales[n] = (inputScale * gain * (0.5 + random())) / (64 * Math.sqrt(inputs));
    let sum = 0;
    for (let k = 0; k < inputs; k++) sum += weights[n * inputs + k];
    biases[n] = 0.6 * random() - 0.1 - scales[n] * inputZero * sum;
  }
  return { inputs, outputs, weights, scales, biases, inputInverseScale: Math.fround(1 / inputScale), inputZero };
}

function floatLayer(inputs: number, outputs: number, random: () => number): Omit<DenseLayer, "activation"> {
  const size = 3 / Math.sqrt(inputs);
  return {
    inputs,
    outputs,
    weights: Float32Array.from({ length: inputs * outputs }, () => (2 * random() - 1) * size),
    scales: new Float32Array(0),
    biases: Float32Array.from({ length: outputs }, () => 0.6 * random() - 0.1),
    inputInverseScale: 0,
    inputZero: 0,
  };
}

/** Element i of the list, repeated for ever. Lists of coprime lengths give all pairs of their elements. */
export function cycled<T>(list: readonly T[], i: number): T {
  return list[i % list.length];
}

/** Distinct keys in ascending order. */
function randomKeys(count: number, random: () => number): Uint32Array {
  const word = (): bigint => BigInt(integer(random, 0, 2 ** 32 - 1));
  const keys = BigUint64Array.from({ length: count }, () => (word() << 32n) | word()).sort();
  return new Uint32Array(keys.buffer);
}
