import * as tf from "@tensorflow/tfjs";
import { PART_FM, PART_LINEAR, PART_MLP } from "../../format/constants.ts";
import type { FeatureSpec } from "../../format/spec.ts";
import type { Random } from "../random.ts";
import { defineMlp, defineMoments, type MlpShape, mlp, type Pass } from "./mlp.ts";
import { Parameters, type Tensors } from "./parameters.ts";

/** A batch as the graph sees it: rows already gathered, multiplied by their values and pooled a field. */
export interface ModelInputs {
  /** [B, F·k]: the fields' embeddings e₁ … e_F side by side. */
  embeddings: tf.Tensor2D;
  /** [B, 1]: Σ w·x over a record's entries. */
  linear: tf.Tensor2D;
}

/** A model over gathered rows. Its rows live outside the graph (`tables.ts`); here are the dense weights. */
export interface Model {
  /** The terms that its logit sums, as PART_… of the blob format. */
  parts: number;
  mlp: MlpShape;
  parameters: Parameters;
  moments: Parameters;
  /** [B, 1] */
  logits(inputs: ModelInputs, weights: Tensors, moments: Tensors, pass: Pass): tf.Tensor2D;
}

/** DeepFM (Guo et al. 2017, equations 1–4): ŷ = σ(y_FM + y_DNN), both over the same embeddings. */
export function deepfm(spec: FeatureSpec["model"], fields: number, random: Random): Model {
  const shape: MlpShape = { inputs: fields * spec.embeddingDim, ...spec };
  const parameters = new Parameters();
  const moments = new Parameters();
  parameters.define("bias", [1], () => 0);
  defineMlp(parameters, shape, random);
  defineMoments(moments, shape);
  return {
    parts: PART_LINEAR | PART_FM | PART_MLP,
    mlp: shape,
    parameters,
    moments,
    logits({ embeddings, linear }, weights, movingMoments, pass) {
      const fm = linear.add(weights.bias as tf.Tensor).add(pairwise(embeddings, fields, spec.embeddingDim));
      return fm.add(mlp(embeddings, shape, weights, movingMoments, pass));
    },
  };
}

/**
 * FM's second-order term, [B, 1]: ½Σ_j[(Σ_f e_fj)² − Σ_f e_fj²] (Rendle 2010, lemma 3.1). The sum over fields is a
 * product with F stacked identity matrices, which every backend does faster than a sum over the middle axis.
 */
export function pairwise(embeddings: tf.Tensor2D, fields: number, k: number): tf.Tensor2D {
  const fieldSum = tf.matMul(embeddings, tf.tile(tf.eye(k), [fields, 1]) as tf.Tensor2D);
  const squareOfSum = fieldSum.square().sum(1, true);
  const sumOfSquares = embeddings.square().sum(1, true);
  return squareOfSum.sub(sumOfSquares).mul(0.5) as tf.Tensor2D;
}
