// A model of the HTTP benchmark in float32, with all of its rows in one table: what other runtimes take.
import type { ModelBlob } from "../../format/blob.ts";
import type { DenseLayer } from "../../format/layer.ts";
import { withFloatRows } from "../kernel/cases.ts";
import type { HttpModel } from "./model.ts";
import { wholeModel } from "./whole-model.ts";

/** The model with the rows of its blob and of its pages, and numbers for what it has quantized. */
export function floatModel(model: HttpModel): ModelBlob {
  const whole = wholeModel(model);
  return { ...withFloatRows(whole), layers: whole.layers.map(floatLayer) };
}

/** An int8 layer takes an input a as q = a · inputInverseScale + inputZero, which its scales and biases undo. */
function floatLayer(layer: DenseLayer): DenseLayer {
  const { inputs, weights, scales, inputInverseScale, inputZero } = layer;
  if (!(weights instanceof Int8Array)) return layer;
  const sums = scales.map((_, n) => weights.subarray(n * inputs, (n + 1) * inputs).reduce((a, b) => a + b, 0));
  return {
    ...layer,
    weights: Float32Array.from(weights, (w, i) => w * scales[Math.floor(i / inputs)] * inputInverseScale),
    biases: layer.biases.map((bias, n) => bias + scales[n] * inputZero * sums[n]),
    ...{ scales: new Float32Array(0), inputInverseScale: 0, inputZero: 0 },
  };
}
