import { TERM_FM, TERM_LINEAR } from "../../../format/constants.ts";
import type { ResolvedSpec } from "../../../format/spec.ts";
import type { ModelDefinition } from "../model.ts";

/** FM: factorization machine of order 2 (Rendle 2010, equation 1). */
export function fm({ model }: ResolvedSpec): ModelDefinition {
  return { rowDim: model.embeddingDim, terms: TERM_LINEAR | TERM_FM, fmDim: model.embeddingDim };
}
