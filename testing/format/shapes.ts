import type { ModelBlob } from "../../format/blob.ts";
import * as c from "../../format/constants.ts";
import type { ModelType } from "../../format/spec.ts";

/** What tells the blobs of two types of model apart, but for their layers. */
export type TypeShape = Pick<ModelBlob, "parts" | "embeddingDim" | "fmDim" | "deepFrom" | "products">;

/** A model type's parts and dimensions in the blob; k: the spec's `embeddingDim`. */
export function shapeOfType(type: ModelType, k: number): TypeShape {
  const shape = { embeddingDim: k, fmDim: 0, deepFrom: 0, products: 0 };
  const linear = c.PART_LINEAR;
  switch (type) {
    case "LR":
      return { ...shape, parts: linear, embeddingDim: 0 };
    case "FM":
      return { ...shape, parts: linear | c.PART_FM, fmDim: k };
    case "FNN":
      return { ...shape, parts: c.PART_MLP };
    case "IPNN":
      return { ...shape, parts: c.PART_MLP, products: c.PRODUCT_INNER };
    case "OPNN":
      return { ...shape, parts: c.PART_MLP, products: c.PRODUCT_OUTER };
    case "PNN*":
      return { ...shape, parts: c.PART_MLP, products: c.PRODUCT_ALL };
    case "LR & DNN":
      return { ...shape, parts: linear | c.PART_MLP };
    case "FM & DNN":
      return { ...shape, parts: linear | c.PART_FM | c.PART_MLP, embeddingDim: 2 * k, fmDim: k, deepFrom: k };
    case "DeepFM":
      return { ...shape, parts: linear | c.PART_FM | c.PART_MLP, fmDim: k };
    case "two-tower":
      return { ...shape, parts: linear | c.PART_TOWERS };
  }
}
