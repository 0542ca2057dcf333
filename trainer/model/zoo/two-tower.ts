import { TERM_LINEAR, TERM_TOWERS } from "../../../format/constants.ts";
import type { ResolvedSpec } from "../../../format/spec.ts";
import { towerOf } from "../mlp.ts";
import type { ModelDefinition } from "../model.ts";

/**
 * DeepFM in two towers, for retrieval. Each side's vector is the sum of its fields' embeddings plus an MLP over them,
 * and the logit is w₀ + Σ w·x + ⟨u, i⟩. Of FM's pairs it keeps those between the sides, so an item's vector [i, Σ w·x
 * over its fields] can be computed once and looked up by inner product.
 *
 * Trained by the logistic loss on labels, where the log has negatives; or by the in-batch softmax loss, to which the
 * other items of the batch are the negatives.
 */
export function twoTower({ model, training, fields }: ResolvedSpec): ModelDefinition {
  const k = model.embeddingDim;
  const fieldsOf = (side: string): number[] => fields.flatMap((field, f) => (field.side === side ? [f] : []));
  const towers = { context: fieldsOf("context"), item: fieldsOf("item") };
  return {
    rowDim: k,
    terms: TERM_LINEAR | TERM_TOWERS,
    towers,
    networks: [
      towerOf(model, "context", towers.context.length * k, k),
      towerOf(model, "item", towers.item.length * k, k),
    ],
    loss: training.loss,
  };
}
