import * as tf from "@tensorflow/tfjs";
import { PRODUCT_INNER, PRODUCT_OUTER, TERM_MLP } from "../../../format/constants.ts";
import type { FeatureSpec } from "../../../format/spec.ts";
import { innerProducts, outerProducts } from "../interactions.ts";
import { type ModelDefinition, network } from "../model.ts";

/**
 * IPNN, OPNN and PNN* (Qu et al. 2016): an MLP over the embeddings and their inner products, outer products, or both. Its
 * first layer's weights on the embeddings are the paper's W_z, those on the products its W_p, here without their
 * low-rank approximation.
 */
export function pnn({ model, fields }: FeatureSpec, products: number): ModelDefinition {
  const [count, k] = [fields.length, model.embeddingDim];
  const inner = products & PRODUCT_INNER ? (count * (count - 1)) / 2 : 0;
  const outer = products & PRODUCT_OUTER ? (k * (k + 1)) / 2 : 0;
  const net = network("mlp", count * k + inner + outer, model);
  return {
    rowDim: k,
    terms: TERM_MLP,
    products,
    networks: [net],
    logits: ({ embeddings }, { bias, mlp }) => {
      const inputs = [embeddings];
      if (inner > 0) inputs.push(innerProducts(embeddings, count));
      if (outer > 0) inputs.push(outerProducts(embeddings, count));
      return mlp(net, tf.concat(inputs, 1)).add(bias);
    },
  };
}
