import type { ModelBlob } from "../format/blob.ts";
import { ACTIVATION_RELU, PART_FM, PART_LINEAR, PART_MLP, TYPE_F32, TYPE_I8 } from "../format/constants.ts";
import type { DenseLayer } from "../format/dense.ts";
import { compareKeys } from "../format/keys.ts";
import { rowStride, writeRow } from "../format/row.ts";
import type { Random } from "../trainer/random.ts";

const HOT_ROWS = 20_000;

/** A DeepFM blob of random weights, sized like a trained one. */
export function randomModel(
  fields: number,
  k: number,
  hidden: readonly number[],
  type: "int8" | "f32",
  random: Random,
): ModelBlob {
  const rowType = type === "int8" ? TYPE_I8 : TYPE_F32;
  const pairs = Array.from({ length: HOT_ROWS }, () => [random.bits(), random.bits()] as const);
  pairs.sort(([aLo, aHi], [bLo, bHi]) => compareKeys(aLo, aHi, bLo, bHi));
  const stride = rowStride(rowType, k);
  const rows = new Uint8Array((fields + HOT_ROWS) * stride);
  const view = new DataView(rows.buffer);
  const values = new Float32Array(k + 1);
  for (let row = 0; row < fields + HOT_ROWS; row++) {
    for (let j = 0; j <= k; j++) values[j] = 0.1 * random.normal();
    writeRow(rowType, k, values, 0, view, row * stride);
  }
  let inputs = fields * k;
  const layers = hidden.map((outputs): DenseLayer => {
    const layer = randomLayer(inputs, outputs, type, random);
    inputs = outputs;
    return layer;
  });
  return {
    spec: {
      name: "random",
      label: "label",
      fields: Array.from({ length: fields }, (_, f) => ({
        name: `f${f}`,
        type: "categorical",
        side: "context",
        kv: false,
        encoding: { kind: "vocabulary" },
        missing: "own",
      })),
    },
    producer: "bench",
    rowType,
    embeddingDim: k,
    parts: PART_LINEAR | PART_FM | PART_MLP,
    ...{ fmDim: k, deepFrom: 0, products: 0, innerScale: 1, outerScale: 1 },
    sides: new Uint8Array(fields),
    towerLayers: [0, 0],
    bias: 0,
    keys: Uint32Array.from(pairs.flat()),
    rows,
    pageDigests: new Uint8Array(0),
    layers,
    outputWeights: Float32Array.from({ length: inputs }, () => 0.1 * random.normal()),
  };
}

function randomLayer(inputs: number, outputs: number, type: "int8" | "f32", random: Random): DenseLayer {
  const count = inputs * outputs;
  const int8 = type === "int8";
  return {
    inputs,
    outputs,
    weights: int8
      ? Int8Array.from({ length: count }, () => random.integer(255) - 127)
      : Float32Array.from({ length: count }, () => random.normal() / Math.sqrt(inputs)),
    scales: int8 ? new Float32Array(outputs).fill(1e-4) : new Float32Array(0),
    biases: Float32Array.from({ length: outputs }, () => 0.1 * random.normal()),
    activation: ACTIVATION_RELU,
    inputInverseScale: int8 ? 100 : 0,
    inputZero: int8 ? 40 : 0,
  };
}
