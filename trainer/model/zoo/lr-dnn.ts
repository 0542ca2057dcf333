import { TERM_LINEAR, TERM_MLP } from "../../../format/constants.ts";
import type { FeatureSpec } from "../../../format/spec.ts";
import { type ModelDefinition, network } from "../model.ts";

/** LR & DNN: Wide & Deep (Cheng et al. 2016) without crossed features, trained jointly by one optimizer. */
export function lrDnn({ model, fields }: FeatureSpec): ModelDefinition {
  const net = network("mlp", fields.length * model.embeddingDim, model);
  return {
    rowDim: model.embeddingDim,
    terms: TERM_LINEAR | TERM_MLP,
    networks: [net],
    logits: ({ embeddings, linear }, { bias, mlp }) => linear.sum(1, true).add(bias).add(mlp(net, embeddings)),
  };
}
