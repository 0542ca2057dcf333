// Random models and records of any shape, from a seed. Weights shrink with the width of their layer as trained ones do, so
// that activations neither vanish nor explode, and quantised ones use their range and sometimes leave it.
import type { ModelBlob } from "../../format/blob.ts";
import { PAGE_DIGEST_BYTES, PART_ALL, PART_MLP, TYPE_I8 } from "../../format/constants.ts";
import type { DenseLayer } from "../../format/dense.ts";
import { rowStride, writeRow } from "../../format/row.ts";
import { integer, seeded } from "../format/random.ts";

export interface ModelShape {
  /** F */
  fields: number;
  /** k */
  embeddingDim: number;
  /** Units of each hidden layer. Default: none, and then no PART_MLP. */
  hidden?: readonly number[];
  /** Weight type of hidden layer i: layerTypes[i mod length]. Default: int8. */
  layerTypes?: readonly number[];
  /** Default: int8. */
  rowType?: number;
  /** Default: all that the shape allows. */
  parts?: number;
  /** Rows with a key, h. Default: 50. */
  hotRows?: number;
  /** Pages, of which only the digests exist. Default: 0. */
  pages?: number;
  seed?: number;
}

/** One entry of a field: a row of the blob by its number (f < F: field f's OOV row) and what it is multiplied by. */
export interface TestEntry {
  row: number;
  value: number;
}

/** Entries of each field. */
export type TestRecord = TestEntry[][];

export function randomModel(shape: ModelShape): ModelBlob {
  const { fields, embeddingDim, rowType = TYPE_I8, hotRows = 50, pages = 0, seed = 1 } = shape;
  const random = seeded(seed);
  const symmetric = (size: number): number => (2 * random() - 1) * size;
  const { hidden = [], layerTypes = [TYPE_I8] } = shape;
  const parts = shape.parts ?? (hidden.length > 0 ? PART_ALL : PART_ALL & ~PART_MLP);

  const rowCount = fields + hotRows;
  const stride = rowStride(rowType, embeddingDim);
  const rows = new Uint8Array(rowCount * stride);
  const view = new DataView(rows.buffer);
  for (let row = 0; row < rowCount; row++) {
    const values = Float32Array.from({ length: embeddingDim + 1 }, () => symmetric(EMBEDDING_SIZE));
    writeRow(rowType, embeddingDim, values, 0, view, row * stride);
  }

  const layers: DenseLayer[] = [];
  let width = fields * embeddingDim;
  for (const outputs of (parts & PART_MLP) !== 0 ? hidden : []) {
    const type = layerTypes[layers.length % layerTypes.length] as number;
    layers.push(
      type === TYPE_I8 ? int8Layer(width, outputs, layers.length === 0, random) : floatLayer(width, outputs, random),
    );
    width = outputs;
  }
  return {
    spec: {
      name: "random",
      label: "label",
      fields: Array.from({ length: fields }, (_, f) => ({
        name: `f${f}`,
        side: "item",
        kv: pages > 0,
        type: "categorical",
        encoding: { kind: "vocabulary" },
        missing: "own",
      })),
    },
    producer: "test",
    rowType,
    embeddingDim,
    parts,
    bias: Math.fround(symmetric(1)),
    keys: randomKeys(hotRows, random),
    rows,
    pageDigests: Uint8Array.from({ length: pages * PAGE_DIGEST_BYTES }, () => 256 * random()),
    layers,
    outputWeights: Float32Array.from({ length: layers.length > 0 ? width : 0 }, () => symmetric(3 / Math.sqrt(width))),
  };
}

/** Records with mostly one entry a field, some with none or a few, and `longest` entries in the last field of every 16th. */
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

const EMBEDDING_SIZE = 0.3;
const HIDDEN_SIZE = 2;

/** int8 weights in −128..127; inputs in ±EMBEDDING_SIZE around a zero point, or, after a ReLU, in 0..HIDDEN_SIZE. */
function int8Layer(inputs: number, outputs: number, first: boolean, random: () => number): DenseLayer {
  const weights = Int8Array.from({ length: inputs * outputs }, () => integer(random, -128, 127));
  const inputScale = (first ? 2 * EMBEDDING_SIZE : HIDDEN_SIZE) / 127;
  const inputZero = first ? Math.fround(63.5 + random()) : 0;
  const scales = new Float32Array(outputs);
  const biases = new Float32Array(outputs);
  for (let n = 0; n < outputs; n++) {
    scales[n] = (inputScale * (first ? 4 : 1.5) * (0.5 + random())) / (64 * Math.sqrt(inputs));
    let sum = 0;
    for (let k = 0; k < inputs; k++) sum += weights[n * inputs + k] as number;
    biases[n] = 0.6 * random() - 0.1 - (scales[n] as number) * inputZero * sum;
  }
  return { inputs, outputs, weights, scales, biases, inputInverseScale: Math.fround(1 / inputScale), inputZero };
}

function floatLayer(inputs: number, outputs: number, random: () => number): DenseLayer {
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

/** Distinct keys in ascending order. */
function randomKeys(count: number, random: () => number): Uint32Array {
  const word = (): bigint => BigInt(integer(random, 0, 2 ** 32 - 1));
  const keys = BigUint64Array.from({ length: count }, () => (word() << 32n) | word()).sort();
  return new Uint32Array(keys.buffer);
}
