import type { FeatureSpec, ResolvedSpec } from "../format/spec.ts";

/** A spec with the DeepFM paper's settings for those that it does not state. */
export function statedSpec(spec: FeatureSpec): ResolvedSpec {
  const { model, training } = spec;
  return {
    ...spec,
    model: { ...{ embeddingDim: 10, hidden: [400, 400, 400], dropout: 0 }, ...model } as ResolvedSpec["model"],
    training: {
      ...{ batchSize: 2048, learningRate: 0.001, l2: 0, l2Scope: "batch", denseL2: 0 },
      ...training,
    } as ResolvedSpec["training"],
  };
}
