import { TERM_LINEAR, TERM_MLP } from "../../../format/constants.ts";
import type { ResolvedSpec } from "../../../format/spec.ts";
import { mlpOf } from "../mlp.ts";
import type { ModelDefinition } from "../model.ts";

/** LR & DNN: Wide & Deep (Cheng et al. 2016) without crossed features, trained jointly by one optimizer. */
export function lrDnn({ model, fields }: ResolvedSpec): ModelDefinition {
  const k = model.embeddingDim;
  return { rowDim: k, terms: TERM_LINEAR | TERM_MLP, networks: [mlpOf(model, "mlp", fields.length * k)] };
}
