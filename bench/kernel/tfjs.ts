// TensorFlow.js on its own wasm backend, without the matrix product that the trainer puts into it; one thread.

import { setThreadsCount } from "@tensorflow/tfjs-backend-wasm";
import type { ModelBlob } from "../../format/blob.ts";
import * as c from "../../format/constants.ts";
import * as tf from "../../trainer/engine/tfjs.ts";
import type { BenchCase } from "./cases.ts";
import type { Contestant } from "./contestant.ts";
import { fieldPairs, floatTables } from "./inputs.ts";

export async function startTfjs(): Promise<void> {
  tf.enableProdMode();
  setThreadsCount(1);
  await tf.setBackend("wasm");
  await tf.ready();
  if (tf.getBackend() !== "wasm") throw new Error(`got the backend ${tf.getBackend()}, expected wasm`);
}

export function tfjsContestant({ models, rows, fields }: BenchCase): Contestant {
  const ids = Int32Array.from(rows);
  const { forward, weights } = tfjsModel(models.f32);
  return {
    name: "tfjs-wasm",
    score(first, records, logits) {
      tf.tidy(() => {
        const part = tf.tensor2d(ids.subarray(first * fields, (first + records) * fields), [records, fields], "int32");
        const logit = forward(part);
        tf.sigmoid(logit).dataSync();
        logits.set(logit.dataSync() as Float32Array);
      });
    },
    close() {
      tf.dispose(weights);
    },
  };
}

function tfjsModel(model: ModelBlob): { forward: (rows: tf.Tensor2D) => tf.Tensor; weights: tf.Tensor[] } {
  const { embeddingDim: D, terms, products, innerScale, bias } = model;
  const F = model.spec.fields.length;
  const { w, v } = floatTables(model);
  const wTable = tf.tensor1d(w);
  const vTable = tf.tensor2d(v, [w.length, D]);
  const layers = model.layers.map(({ inputs, outputs, weights, biases }) => ({
    weights: tf.tensor2d(weights as Float32Array, [outputs, inputs]).transpose<tf.Tensor2D>(),
    biases: tf.tensor1d(biases),
  }));
  const output = tf.tensor2d(model.outputWeights, [model.outputWeights.length, 1]);
  const pairs = tf.tensor1d(fieldPairs(F), "int32");

  const forward = (rows: tf.Tensor2D): tf.Tensor => {
    const addends: tf.Tensor[] = [];
    if (terms & c.TERM_LINEAR) addends.push(tf.gather(wTable, rows).sum(1, true));
    if (D > 0) {
      const e = tf.gather(vTable, rows) as unknown as tf.Tensor3D;
      if (terms & c.TERM_FM) {
        const squaredSum = e.sum(1).square();
        addends.push(squaredSum.sub(e.square().sum(1)).sum(1, true).mul(0.5));
      }
      if (terms & c.TERM_MLP) {
        let a: tf.Tensor2D = e.reshape([-1, F * D]);
        if (products & c.PRODUCT_INNER) {
          const all = tf.matMul(e, e, false, true).reshape([-1, F * F]);
          a = tf.concat2d([a, tf.gather(all, pairs, 1).mul(innerScale) as tf.Tensor2D], 1);
        }
        for (const layer of layers)
          a = tf.fused.matMul({ a, b: layer.weights, bias: layer.biases, activation: "relu" }) as tf.Tensor2D;
        addends.push(tf.matMul(a, output));
      }
    }
    return tf.addN(addends).add(bias);
  };
  const weights = [wTable, vTable, output, pairs, ...layers.flatMap((layer) => [layer.weights, layer.biases])];
  return { forward, weights };
}
