import { innerProducts, outerProducts } from "../../format/blob.ts";
import {
  ACTIVATION_MAX,
  ACTIVATION_NONE,
  ACTIVATION_RELU,
  ACTIVATION_SIGMOID,
  ACTIVATION_TANH,
  PART_TOWERS,
  PRODUCT_INNER,
  PRODUCT_OUTER,
} from "../../format/constants.ts";
import type { DenseLayer } from "../../format/dense.ts";
import type { Dataset } from "../data/dataset.ts";
import { BATCH_NORM_EPSILON } from "../model/layers.ts";
import type { Learner } from "../model/learner.ts";
import type { Mlp } from "../model/mlp.ts";
import type { Model } from "../model/model.ts";
import { measureRanges, type Range, union } from "./ranges.ts";

export type Quantization = "int8" | "f32";

/** A model's networks as the blob holds them. */
export interface ServedNetworks {
  layers: DenseLayer[];
  /** How many of `layers` are the context tower's and the item tower's; [0, 0] without towers. */
  towerLayers: [number, number];
  /** What products are multiplied by, so that they share the range of the embeddings beside them. */
  innerScale: number;
  outerScale: number;
}

const ACTIVATIONS = { relu: ACTIVATION_RELU, tanh: ACTIVATION_TANH, sigmoid: ACTIVATION_SIGMOID };

/** The networks as they are served: BatchNorm folded in, and quantised with ranges measured on `calibration`. */
export function servedNetworks(learner: Learner, quantization: Quantization, calibration: Dataset): ServedNetworks {
  const { model } = learner;
  const { networks, parts } = model.definition;
  const folded = networks.map((network) => foldLayers(model, network));
  const served: ServedNetworks = {
    layers: [],
    towerLayers: parts & PART_TOWERS ? [folded[0]?.length ?? 0, folded[1]?.length ?? 0] : [0, 0],
    innerScale: 1,
    outerScale: 1,
  };
  if (quantization === "f32") return { ...served, layers: folded.flat() };

  networks.forEach((network, n) => {
    const inputSections = n === 0 ? sectionsOf(learner, network) : [network.inputs];
    const ranges = measureRanges(learner, calibration, network, inputSections);
    folded[n]?.forEach((layer, i) => {
      const sections = ranges[i] as Range[];
      let scaled = layer;
      if (i === 0 && sections.length > 1) {
        const scales = alignSections(sections);
        scaled = divideColumns(layer, inputSections, scales);
        [served.innerScale, served.outerScale] = productScales(model, scales);
        sections.forEach(({ low, high }, s) => {
          sections[s] = { low: low * (scales[s] as number), high: high * (scales[s] as number) };
        });
      }
      served.layers.push(quantizeLayer(scaled, union(sections)));
    });
  });
  return served;
}

/** The hidden layers of a network and, in a tower, its output layer. */
function foldLayers(model: Model, network: Mlp): DenseLayer[] {
  const layers = network.hidden.map((_, i) => foldBatchNorm(model, network, i));
  if (network.outputs === 1) return layers; // the blob has an MLP's one output unit apart
  const name = `${network.name}.output`;
  const ones = new Float32Array(network.outputs).fill(1);
  return [...layers, transposed(model, name, ones, model.parameters.view(`${name}.bias`).slice(), ACTIVATION_NONE)];
}

/** W·diag(γ/√(σ² + ε)) and β − μγ/√(σ² + ε). */
function foldBatchNorm(model: Model, { name, activation, batchNorm, hidden }: Mlp, i: number): DenseLayer {
  const layer = `${name}.${i}`;
  const outputs = hidden[i] as number;
  const biases = model.parameters.view(`${layer}.bias`).slice();
  const factors = new Float32Array(outputs).fill(1);
  if (batchNorm) {
    const gamma = model.parameters.view(`${layer}.gamma`);
    const mean = model.moments.view(`${layer}.mean`);
    const variance = model.moments.view(`${layer}.variance`);
    for (let n = 0; n < outputs; n++) {
      factors[n] = (gamma[n] as number) / Math.sqrt((variance[n] as number) + BATCH_NORM_EPSILON);
      biases[n] = (biases[n] as number) - (mean[n] as number) * (factors[n] as number);
    }
  }
  return transposed(model, layer, factors, biases, ACTIVATIONS[activation]);
}

/** A layer with its weights turned from [K, N] to [N][K], a factor an output. */
function transposed(
  model: Model,
  name: string,
  factors: Float32Array,
  biases: Float32Array,
  activation: number,
): DenseLayer {
  const [inputs, outputs] = model.parameters.shapes.get(`${name}.weights`) as [number, number];
  const kernel = model.parameters.view(`${name}.weights`);
  const weights = new Float32Array(inputs * outputs);
  for (let n = 0; n < outputs; n++) {
    for (let k = 0; k < inputs; k++)
      weights[n * inputs + k] = (kernel[k * outputs + n] as number) * (factors[n] as number);
  }
  return {
    inputs,
    outputs,
    weights,
    scales: new Float32Array(0),
    biases,
    activation,
    inputInverseScale: 0,
    inputZero: 0,
  };
}

/** Widths of what an MLP's first layer takes: embeddings, inner products, outer products. */
function sectionsOf({ model, tables }: Learner, network: Mlp): number[] {
  const { products } = model.definition;
  const inner = products & PRODUCT_INNER ? innerProducts(tables.fields) : 0;
  const outer = products & PRODUCT_OUTER ? outerProducts(tables.dim) : 0;
  return [network.inputs - inner - outer, inner, outer].filter((width) => width > 0);
}

/** For each section the factor that brings it to the first one's range. */
function alignSections(ranges: readonly Range[]): number[] {
  const reach = ({ low, high }: Range): number => Math.max(-low, high);
  const first = reach(ranges[0] as Range);
  return ranges.map((range) => (reach(range) > 0 && first > 0 ? Math.fround(first / reach(range)) : 1));
}

function productScales(model: Model, scales: readonly number[]): [number, number] {
  const { products } = model.definition;
  const inner = products & PRODUCT_INNER ? (scales[1] as number) : 1;
  const outer = products & PRODUCT_OUTER ? (scales.at(-1) as number) : 1;
  return [inner, outer];
}

/** Undoes in a layer's weights what its inputs' sections are multiplied by. */
function divideColumns(layer: DenseLayer, sections: readonly number[], scales: readonly number[]): DenseLayer {
  const perColumn = sections.flatMap((width, s) => new Array<number>(width).fill(scales[s] as number));
  const weights = Float32Array.from(layer.weights, (w, i) => w / (perColumn[i % layer.inputs] as number));
  return { ...layer, weights };
}

/** int8 weights with a scale an output, 7-bit inputs with one scale and zero point, which is folded into the biases. */
function quantizeLayer(layer: DenseLayer, { low, high }: Range): DenseLayer {
  const { inputs, outputs } = layer;
  const inputScale = (high - low) / ACTIVATION_MAX || 1;
  const inputZero = Math.round(-low / inputScale);
  const weights = new Int8Array(inputs * outputs);
  const scales = new Float32Array(outputs);
  const biases = layer.biases.slice();
  for (let n = 0; n < outputs; n++) {
    const row = Float32Array.from(layer.weights.subarray(n * inputs, (n + 1) * inputs));
    const scale = row.reduce((most, w) => Math.max(most, Math.abs(w)), 0) / 127 || 1;
    let sum = 0;
    for (let k = 0; k < inputs; k++) {
      const q = Math.round((row[k] as number) / scale);
      weights[n * inputs + k] = q;
      sum += q;
    }
    scales[n] = inputScale * scale;
    biases[n] = (biases[n] as number) - inputZero * sum * inputScale * scale;
  }
  return { ...layer, weights, scales, biases, inputInverseScale: 1 / inputScale, inputZero };
}
