import { TERM_FM, TERM_LINEAR, TERM_MLP } from "../../../format/constants.ts";
import type { FeatureSpec } from "../../../format/spec.ts";
import { pairwise, sliceFields } from "../interactions.ts";
import { type ModelDefinition, network } from "../model.ts";

/** FM & DNN (Guo et al. 2017, section 4.1): as DeepFM, but FM and MLP each have embeddings of their own, side by side in a row. */
export function fmDnn({ model, fields }: FeatureSpec): ModelDefinition {
  const [count, k] = [fields.length, model.embeddingDim];
  const net = network("mlp", count * k, model);
  return {
    rowDim: 2 * k,
    terms: TERM_LINEAR | TERM_FM | TERM_MLP,
    fmDim: k,
    mlpFrom: k,
    networks: [net],
    logits: ({ embeddings, linear }, { bias, mlp }) =>
      linear
        .sum(1, true)
        .add(bias)
        .add(pairwise(sliceFields(embeddings, count, 0, k), count))
        .add(mlp(net, sliceFields(embeddings, count, k, 2 * k))),
  };
}
