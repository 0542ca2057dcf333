import { TERM_MLP } from "../../../format/constants.ts";
import type { FeatureSpec } from "../../../format/spec.ts";
import { type ModelDefinition, network } from "../model.ts";

/**
 * FNN (Zhang, Du and Wang 2016, equations 2–5): an MLP over each field's z = [w, v], which starts as what an FM has learned
 * (`pretrain.ts`). A row's vector is z, so D = k + 1; FM's w₀, their constant input, is part of the first layer's bias.
 */
export function fnn({ model, fields }: FeatureSpec): ModelDefinition {
  const rowDim = model.embeddingDim + 1;
  const net = network("mlp", fields.length * rowDim, model);
  return {
    rowDim,
    terms: TERM_MLP,
    networks: [net],
    logits: ({ embeddings }, { bias, mlp }) => mlp(net, embeddings).add(bias),
  };
}
