import { mlpInputs } from "../../../format/blob.ts";
import { TERM_MLP } from "../../../format/constants.ts";
import type { ResolvedSpec } from "../../../format/spec.ts";
import { mlpOf } from "../mlp.ts";
import type { ModelDefinition } from "../model.ts";

/**
 * IPNN, OPNN and PNN* (Qu et al. 2016): an MLP over the embeddings and their inner products, outer products, or both.
 * Its first layer's weights on the embeddings are the paper's W_z, those on the products its W_p, here without their
 * low-rank approximation.
 */
export function pnn({ model, fields }: ResolvedSpec, products: number): ModelDefinition {
  const k = model.embeddingDim;
  return {
    rowDim: k,
    terms: TERM_MLP,
    products,
    networks: [mlpOf(model, "mlp", mlpInputs(fields.length, k, products))],
  };
}
