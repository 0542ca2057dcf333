import { TERM_FM, TERM_LINEAR } from "../../../format/constants.ts";
import type { FeatureSpec } from "../../../format/spec.ts";
import { pairwise } from "../interactions.ts";
import type { ModelDefinition } from "../model.ts";

/** FM: factorisation machine of order 2 (Rendle 2010, equation 1). */
export function fm({ model: { embeddingDim }, fields }: FeatureSpec): ModelDefinition {
  return {
    rowDim: embeddingDim,
    terms: TERM_LINEAR | TERM_FM,
    fmDim: embeddingDim,
    logits: ({ embeddings, linear }, { bias }) =>
      linear.sum(1, true).add(bias).add(pairwise(embeddings, fields.length)),
  };
}
