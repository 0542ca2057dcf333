import { TERM_FM, TERM_LINEAR, TERM_MLP } from "../../../format/constants.ts";
import type { ResolvedSpec } from "../../../format/spec.ts";
import { mlpOf } from "../mlp.ts";
import type { ModelDefinition } from "../model.ts";

/**
 * FM & DNN (Guo et al. 2017, section 4.1): DeepFM whose FM and MLP have separate embeddings, side by side in a row:
 * v = [FM's factors, the MLP's embedding], so D = 2k.
 */
export function fmDnn({ model, fields }: ResolvedSpec): ModelDefinition {
  const k = model.embeddingDim;
  return {
    rowDim: 2 * k,
    terms: TERM_LINEAR | TERM_FM | TERM_MLP,
    fmDim: k,
    mlpFrom: k,
    networks: [mlpOf(model, "mlp", fields.length * k)],
  };
}
