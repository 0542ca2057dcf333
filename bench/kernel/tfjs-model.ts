// A float32 model in TensorFlow.js.
import type { ModelBlob } from "../../format/blob.ts";
import * as c from "../../format/constants.ts";
import type * as tensorflow from "../../trainer/engine/tfjs.ts";
import { fieldPairs, floatTables } from "./inputs.ts";

type Tensorflow = typeof tensorflow;
type Tensor = tensorflow.Tensor;
type Tensor2D = tensorflow.Tensor2D;

/**
 * What computes the logits [B, 1] of row numbers [B, F], and the tensors that it keeps. `tf`: the package with its
 * chained methods, on whatever backend.
 */
export function tfjsModel(
  tf: Pick<Tensorflow, "tensor1d" | "tensor2d" | "gather" | "matMul" | "concat2d" | "fused" | "addN">,
  model: ModelBlob,
): { forward: (rows: Tensor2D) => Tensor; weights: Tensor[] } {
  const { embeddingDim: D, terms, products, innerScale, bias } = model;
  const F = model.spec.fields.length;
  const { w, v } = floatTables(model);
  const wTable = tf.tensor1d(w);
  const vTable = tf.tensor2d(v, [w.length, D]);
  const layers = model.layers.map(({ inputs, outputs, weights, biases }) => ({
    weights: tf.tensor2d(weights as Float32Array, [outputs, inputs]).transpose<Tensor2D>(),
    biases: tf.tensor1d(biases),
  }));
  const output = tf.tensor2d(model.outputWeights, [model.outputWeights.length, 1]);
  const pairs = tf.tensor1d(fieldPairs(F), "int32");

  const forward = (rows: Tensor2D): Tensor => {
    const addends: Tensor[] = [];
    if (terms & c.TERM_LINEAR) addends.push(tf.gather(wTable, rows).sum(1, true));
    if (D > 0) {
      const e = tf.gather(vTable, rows) as unknown as tensorflow.Tensor3D;
      if (terms & c.TERM_FM) {
        const squaredSum = e.sum(1).square();
        addends.push(squaredSum.sub(e.square().sum(1)).sum(1, true).mul(0.5));
      }
      if (terms & c.TERM_MLP) {
        let a: Tensor2D = e.reshape([-1, F * D]);
        if (products & c.PRODUCT_INNER) {
          const all = tf.matMul(e, e, false, true).reshape([-1, F * F]);
          a = tf.concat2d([a, tf.gather(all, pairs, 1).mul(innerScale) as Tensor2D], 1);
        }
        for (const layer of layers)
          a = tf.fused.matMul({ a, b: layer.weights, bias: layer.biases, activation: "relu" }) as Tensor2D;
        addends.push(tf.matMul(a, output));
      }
    }
    return tf.addN(addends).add(bias);
  };
  const weights = [wTable, vTable, output, pairs, ...layers.flatMap((layer) => [layer.weights, layer.biases])];
  return { forward, weights };
}
