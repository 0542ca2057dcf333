import { TERM_FM, TERM_LINEAR, TERM_MLP } from "../../../format/constants.ts";
import type { FeatureSpec } from "../../../format/spec.ts";
import { pairwise } from "../interactions.ts";
import { type ModelDefinition, network } from "../model.ts";

/** DeepFM (Guo et al. 2017, equations 1–4): ŷ = σ(y_FM + y_DNN), both over the same embeddings. */
export function deepfm({ model, fields }: FeatureSpec): ModelDefinition {
  const k = model.embeddingDim;
  const net = network("mlp", fields.length * k, model);
  return {
    rowDim: k,
    terms: TERM_LINEAR | TERM_FM | TERM_MLP,
    fmDim: k,
    networks: [net],
    logits: ({ embeddings, linear }, { bias, mlp }) =>
      linear.sum(1, true).add(bias).add(pairwise(embeddings, fields.length)).add(mlp(net, embeddings)),
  };
}
