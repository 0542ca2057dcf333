import { TERM_LINEAR } from "../../../format/constants.ts";
import type { ModelDefinition } from "../model.ts";

/** LR: logistic regression, ŷ = σ(w₀ + Σ w·x). */
export function lr(): ModelDefinition {
  return { rowDim: 0, terms: TERM_LINEAR };
}
