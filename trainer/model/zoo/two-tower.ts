import * as tf from "@tensorflow/tfjs";
import { TERM_LINEAR, TERM_TOWERS } from "../../../format/constants.ts";
import type { FeatureSpec } from "../../../format/spec.ts";
import { pickColumns, pickFields, sumFields } from "../interactions.ts";
import { type Forward, type ModelDefinition, type ModelInputs, network } from "../model.ts";

/** What takes an item out of a softmax. */
const MASKED = -1e9;

/**
 * DeepFM in two towers, for retrieval: each side's vector is the sum of its fields' embeddings plus an MLP over them, and the
 * logit is w₀ + Σ w·x + ⟨u, i⟩. So of FM's pairs those between the sides are kept, and an item's vector [i, Σ w·x over
 * its fields] can be computed once and looked up by inner product.
 *
 * Trained on the labels of given negatives by the logistic loss; or with the batch's other items as negatives, by the
 * softmax loss whose logits are corrected by −ln of each item's frequency (Bengio and Senécal 2008; Yi et al. 2019,
 * equation 3).
 */
export function twoTower({ model, training, fields }: FeatureSpec): ModelDefinition {
  const k = model.embeddingDim;
  const sideOf = (side: string): number[] => fields.flatMap((field, f) => (field.side === side ? [f] : []));
  const sides = [sideOf("context"), sideOf("item")] as const;
  const networks = [
    network("context", sides[0].length * k, model, k),
    network("item", sides[1].length * k, model, k),
  ] as const;

  const tower = (side: 0 | 1, { embeddings }: ModelInputs, { mlp }: Forward): tf.Tensor2D => {
    const own = pickFields(embeddings, fields.length, sides[side]);
    return sumFields(own, sides[side].length).add(mlp(networks[side], own));
  };
  const itemWeight = ({ linear }: ModelInputs): tf.Tensor2D => pickColumns(linear, sides[1]).sum(1, true);
  return {
    rowDim: k,
    terms: TERM_LINEAR | TERM_TOWERS,
    networks,
    logits: (inputs, forward) =>
      tower(0, inputs, forward)
        .mul(tower(1, inputs, forward))
        .sum(1, true)
        .add(inputs.linear.sum(1, true))
        .add(forward.bias),
    vectors: (inputs, forward) => {
      const context = tower(0, inputs, forward);
      const item = tower(1, inputs, forward);
      return {
        context: tf.concat([context, tf.onesLike(itemWeight(inputs))], 1),
        item: tf.concat([item, itemWeight(inputs)], 1),
      };
    },
    ...(training.loss === "in-batch" && {
      loss: (inputs, { items, logFrequencies }, forward) => {
        // w₀, like a record's context weights, is in every logit of its row, and so takes no part.
        const scores = tf.matMul(tower(0, inputs, forward), tower(1, inputs, forward), false, true);
        const same = tf.equal(items, items.transpose()).sub(tf.eye(items.shape[0])); // the record's own item, drawn again
        const logits = scores
          .add(itemWeight(inputs).transpose())
          .add(forward.bias)
          .sub(logFrequencies)
          .add(same.mul(MASKED));
        const own = logits.mul(tf.eye(items.shape[0])).sum(1);
        return logits.logSumExp(1).sub(own).mean();
      },
    }),
  };
}
