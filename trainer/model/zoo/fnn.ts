import { TERM_MLP } from "../../../format/constants.ts";
import type { ResolvedSpec } from "../../../format/spec.ts";
import { mlpOf } from "../mlp.ts";
import type { ModelDefinition } from "../model.ts";

/**
 * FNN (Zhang, Du and Wang 2016, equations 2–5): an MLP over each field's z = [w, v], which starts as what an FM has
 * learned (`pretrain.ts`). A row's vector is z, so D = k + 1. FM's w₀, in the paper a constant input, is part of the
 * first layer's bias.
 */
export function fnn({ model, fields }: ResolvedSpec): ModelDefinition {
  const rowDim = model.embeddingDim + 1;
  return { rowDim, terms: TERM_MLP, networks: [mlpOf(model, "mlp", fields.length * rowDim)] };
}
