import { TERM_FM, TERM_LINEAR, TERM_MLP } from "../../../format/constants.ts";
import type { ResolvedSpec } from "../../../format/spec.ts";
import { mlpOf } from "../mlp.ts";
import type { ModelDefinition } from "../model.ts";

/** DeepFM (Guo et al. 2017, equations 1–4): ŷ = σ(y_FM + y_DNN), both over the same embeddings. */
export function deepfm({ model, fields }: ResolvedSpec): ModelDefinition {
  const k = model.embeddingDim;
  return {
    rowDim: k,
    terms: TERM_LINEAR | TERM_FM | TERM_MLP,
    fmDim: k,
    networks: [mlpOf(model, "mlp", fields.length * k)],
  };
}
