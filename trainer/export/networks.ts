import { innerProductCount, outerProductCount } from "../../format/blob.ts";
import { PRODUCT_INNER, PRODUCT_OUTER, TERM_MLP, TERM_TOWERS, TYPE_F32, TYPE_I8 } from "../../format/constants.ts";
import type { DenseLayer } from "../../format/layer.ts";
import type { Dataset } from "../data/dataset.ts";
import { type DenseMatrix, MatrixProduct } from "../engine/assembly/matrix-product.ts";
import { sigmoid } from "../metrics/metrics.ts";
import type { Learner } from "../model/learner.ts";
import type { Mlp } from "../model/mlp.ts";
import { firstInputs, sampleRecords } from "./activations.ts";
import { foldLayers } from "./fold.ts";
import { NetworkFit } from "./layer-fit.ts";
import type { Quantization } from "./quantization.ts";
import { rowTypeOf } from "./quantization.ts";
import { type Range, union } from "./ranges.ts";

/** A model's networks as the blob holds them. */
export interface ServedNetworks {
  layers: DenseLayer[];
  /** How many of `layers` are the context tower's, which come first; 0 without towers. */
  contextLayers: number;
  /** How many of `layers` are the item tower's; 0 without towers. */
  itemLayers: number;
  /** The factors of inner and of outer products, which bring them to the range of the embeddings beside them. */
  innerScale: number;
  outerScale: number;
  /** The MLP's one output unit; empty without an MLP. */
  outputWeights: Float32Array;
  /** What is to be added to the model's bias. */
  biasCorrection: number;
}

/**
 * The networks as they are served: with BatchNorm folded in, and quantized layer by layer. Each layer is fitted on the
 * calibration set to what the trained network computes there, given the quantized rows and layers before it.
 */
export function servedNetworks(learner: Learner, quantization: Quantization, calibrationSet: Dataset): ServedNetworks {
  const { model } = learner;
  const { networks, terms } = model.definition;
  const folded = networks.map((network) => foldLayers(model, network));
  const served: ServedNetworks = {
    layers: folded.flat(),
    contextLayers: terms & TERM_TOWERS ? (folded[0]?.length ?? 0) : 0,
    itemLayers: terms & TERM_TOWERS ? (folded[1]?.length ?? 0) : 0,
    innerScale: 1,
    outerScale: 1,
    outputWeights: terms & TERM_MLP ? model.parameters.view("mlp.output.weights").slice() : new Float32Array(0),
    biasCorrection: 0,
  };
  if (quantization === "f32" || networks.length === 0) return served;

  const sample = sampleRecords(learner, calibrationSet);
  if (terms & TERM_TOWERS) {
    served.layers = networks.flatMap((network, n) => {
      const fit = fitOf(learner, network, sample, quantization);
      return folded[n].map((layer) => fit.quantize(layer));
    });
    return served;
  }
  const [network] = networks as [Mlp];
  const quantized = servedMlp(learner, network, sample, quantization, served, TYPE_I8);
  const logits = learner.predict(sample);
  const loss = expectedLoss(logits, quantized.errors);
  if (loss <= FIRST_LAYER_LOSS) return quantized.networks;
  const mixed = servedMlp(learner, network, sample, quantization, served, TYPE_F32);
  return loss - expectedLoss(logits, mixed.errors) <= FIRST_LAYER_LOSS ? quantized.networks : mixed.networks;
}

/**
 * By which share of itself the logloss may grow when an MLP's first layer is quantized. Where it grows more, that layer
 * stays float32 (mixed precision by a layer's sensitivity: Dong et al. 2019, "HAWQ"). The first layer's inputs are the
 * embeddings, whose sizes differ most: 7 bits may be too few for them, and yet enough for the layers behind.
 */
const FIRST_LAYER_LOSS = 5e-4;

/**
 * By which share of itself the expected logloss grows when the logits z get the errors δ, to second order: ½ Σ p(1 −
 * p)δ² / Σ entropy(p), with p = sigmoid(z). It is the loss that the model itself expects, as the loss on labels has far
 * more noise.
 */
export function expectedLoss(logits: Float32Array, errors: Float32Array): number {
  let loss = 0;
  let entropy = 0;
  logits.forEach((z, i) => {
    const p = sigmoid(z);
    loss += 0.5 * p * (1 - p) * errors[i] ** 2;
    entropy += Math.max(z, 0) - z * p + Math.log1p(Math.exp(-Math.abs(z)));
  });
  return loss / entropy;
}

/**
 * Quantizes an MLP and fits its output unit; the first layer gets the type `firstType`. Returns the networks, and the
 * errors [n] of the MLP's outputs on the sample.
 */
function servedMlp(
  learner: Learner,
  network: Mlp,
  sample: Dataset,
  quantization: Quantization,
  trained: ServedNetworks,
  firstType: number,
): { networks: ServedNetworks; errors: Float32Array } {
  const served = { ...trained };
  const [first, ...rest] = trained.layers as [DenseLayer, ...DenseLayer[]];
  const fit = fitOf(learner, network, sample, quantization);
  let quantizedFirst: DenseLayer;
  if (firstType === TYPE_F32) quantizedFirst = fit.keep(first);
  else {
    const sections = sectionsOf(learner, network);
    const aligned = alignSections(first, sections, fit);
    [, served.innerScale, served.outerScale] = aligned.scales;
    fit.scaleInputs(aligned.perColumn);
    quantizedFirst = fit.quantize(aligned.layer, aligned.range);
  }
  served.layers = [quantizedFirst, ...rest.map((layer) => fit.quantize(layer))];
  const output = fit.output(trained.outputWeights);
  served.outputWeights = output.weights;
  served.biasCorrection = output.bias;
  return { networks: served, errors: output.errors };
}

/** A fit that begins with a network's inputs on the sample. */
function fitOf(learner: Learner, network: Mlp, sample: Dataset, quantization: Quantization): NetworkFit {
  const inputs = (rowType: number): DenseMatrix => ({
    values: firstInputs(learner, sample, network, rowType),
    rows: sample.count,
    columns: network.inputs,
  });
  return new NetworkFit(new MatrixProduct(), inputs(TYPE_F32), inputs(rowTypeOf(quantization)));
}

/** Widths of the sections of an MLP's inputs: embeddings, inner products, outer products; 0 of what it has not. */
function sectionsOf({ model, tables }: Learner, network: Mlp): number[] {
  const { products } = model.definition;
  const inner = products & PRODUCT_INNER ? innerProductCount(tables.fields) : 0;
  const outer = products & PRODUCT_OUTER ? outerProductCount(tables.dim) : 0;
  return [network.inputs - inner - outer, inner, outer];
}

interface Aligned {
  /** The factor of each section that brings it to the first section's range; 1 where there is none in float32. */
  scales: number[];
  /** The factor of each column: that of its section. */
  perColumn: Float32Array;
  /** The layer, its weights divided by the factors. */
  layer: DenseLayer;
  /** The range of all sections together. */
  range: Range;
}

/** Brings the sections of a first layer's inputs to one range, as all of them share its steps. */
function alignSections(layer: DenseLayer, sections: readonly number[], fit: NetworkFit): Aligned {
  let from = 0;
  const ranges = sections.map((width) => {
    const range = width > 0 ? fit.range(layer, from, from + width) : { low: 0, high: 0 };
    from += width;
    return range;
  });
  const reach = ({ low, high }: Range): number => Math.max(-low, high);
  const first = reach(ranges[0]);
  const scales = ranges.map((range) => {
    const scale = Math.fround(first / reach(range));
    return scale > 0 && Number.isFinite(scale) ? scale : 1;
  });
  const perColumn = Float32Array.from(sections.flatMap((width, s) => new Array<number>(width).fill(scales[s])));
  const weights = Float32Array.from(layer.weights, (w, i) => w / perColumn[i % layer.inputs]);
  const scaled = ranges.map(({ low, high }, s) => ({
    low: low * scales[s],
    high: high * scales[s],
  }));
  return { scales, perColumn, layer: { ...layer, weights }, range: union(scaled) };
}
