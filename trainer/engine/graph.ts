import { PRODUCT_INNER, PRODUCT_OUTER, TERM_FM, TERM_LINEAR, TERM_MLP, TERM_TOWERS } from "../../format/constants.ts";
import type { ModelDefinition } from "../model/model.ts";
import { forward, type Pass } from "./forward.ts";
import {
  innerProducts,
  outerProducts,
  pairwise,
  pickColumns,
  pickFields,
  sliceFields,
  sumFields,
} from "./interactions.ts";
import * as tf from "./tfjs.ts";

// The equations of all models in TensorFlow.js. A model's definition says which of the terms it sums.

type Definition = Required<ModelDefinition>;

/** A batch's gathered rows. */
export interface Inputs {
  /** [B, F·D] */
  embeddings: tf.Tensor2D;
  /** [B, F] */
  linear: tf.Tensor2D;
}

/** The logits, [B, 1]: the sum of w₀ and the definition's terms. */
export function logits(definition: Definition, inputs: Inputs, pass: Pass): tf.Tensor2D {
  const { terms, fmDim } = definition;
  const { embeddings, linear } = inputs;
  const fields = linear.shape[1];
  const bias = pass.weights.bias as tf.Tensor1D;
  if (terms & TERM_TOWERS) {
    const [u, i] = [tower("context", definition, inputs, pass), tower("item", definition, inputs, pass)];
    return u.mul(i).sum(1, true).add(linear.sum(1, true)).add(bias);
  }
  let sum: tf.Tensor = bias;
  if (terms & TERM_LINEAR) sum = linear.sum(1, true).add(sum);
  if (terms & TERM_FM) sum = sum.add(pairwise(sliceFields(embeddings, fields, 0, fmDim), fields));
  if (terms & TERM_MLP) sum = sum.add(forward(definition.networks[0], mlpInput(definition, embeddings, fields), pass));
  return sum as tf.Tensor2D;
}

/** An MLP's input: the embeddings v[mlpFrom, D) of all fields, then the products of PNN. */
function mlpInput({ products, mlpFrom, rowDim }: Definition, embeddings: tf.Tensor2D, fields: number): tf.Tensor2D {
  const own = sliceFields(embeddings, fields, mlpFrom, rowDim);
  const inputs = [own];
  if (products & PRODUCT_INNER) inputs.push(innerProducts(own, fields));
  if (products & PRODUCT_OUTER) inputs.push(outerProducts(own, fields));
  return inputs.length > 1 ? tf.concat(inputs, 1) : own;
}

/** A tower's vector, [B, D]: the sum of its fields' embeddings plus its network over them. */
function tower(
  side: "context" | "item",
  definition: Definition,
  { embeddings, linear }: Inputs,
  pass: Pass,
): tf.Tensor2D {
  const fields = definition.towers[side];
  const network = definition.networks[side === "context" ? 0 : 1];
  const own = pickFields(embeddings, linear.shape[1], fields);
  return sumFields(own, fields.length).add(forward(network, own, pass));
}

/** Σ w·x over the item's fields, [B, 1]. */
function itemWeight({ towers }: Definition, { linear }: Inputs): tf.Tensor2D {
  return pickColumns(linear, towers.item).sum(1, true);
}

/**
 * The context's and the item's vector, both [B, D + 1]: [u, 1] and [i, Σ w·x over the item's fields]. Their inner
 * product is the logit but for what all items of a context share. Throws where the model has no towers.
 */
export function vectors(
  definition: Definition,
  inputs: Inputs,
  pass: Pass,
): { context: tf.Tensor2D; item: tf.Tensor2D } {
  if (!(definition.terms & TERM_TOWERS)) throw new Error("the model has no towers");
  const context = tower("context", definition, inputs, pass);
  const item = tower("item", definition, inputs, pass);
  const weight = itemWeight(definition, inputs);
  return { context: tf.concat([context, tf.onesLike(weight)], 1), item: tf.concat([item, weight], 1) };
}

/** The mean of −ln p(label) = softplus(z) − z·y, each times its record's weight: a record of weight 2 counts twice. */
export function logisticLoss(z: tf.Tensor2D, labels: tf.Tensor2D, weights: tf.Tensor2D | null): tf.Scalar {
  const losses = z.softplus().sub(z.mul(labels));
  return (weights ? losses.mul(weights) : losses).mean();
}

/** What takes an item out of a softmax. */
const MASKED = -1e9;

/**
 * The in-batch softmax loss of a two-tower model: for each record −ln softmax, over the items of the batch, at its own
 * item. The logits are corrected by −ln of each item's frequency (Bengio and Senécal 2008; Yi et al. 2019, equation 3).
 * `items` [B, 1]: a number for each item. `logShares` [1, B]: ln of the item's share among the positive records.
 */
export function inBatchLoss(
  definition: Definition,
  inputs: Inputs,
  items: tf.Tensor2D,
  logShares: tf.Tensor2D,
  pass: Pass,
): tf.Scalar {
  const [u, i] = [tower("context", definition, inputs, pass), tower("item", definition, inputs, pass)];
  const diagonal = tf.eye(items.shape[0]);
  // Places where another record has drawn the record's own item: no negatives.
  const same = tf.equal(items, items.transpose()).sub(diagonal);
  // w₀ and the context's weights are the same in all logits of a record, so they change nothing. w₀ stays in
  // nevertheless, as autodiff refuses a weight that the loss does not depend on.
  const scores = tf
    .matMul(u, i, false, true)
    .add(itemWeight(definition, inputs).transpose())
    .add(pass.weights.bias)
    .sub(logShares)
    .add(same.mul(MASKED));
  const own = scores.mul(diagonal).sum(1);
  return scores.logSumExp(1).sub(own).mean();
}
