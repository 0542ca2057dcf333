import type { ModelBlob } from "../../format/blob.ts";
import * as c from "../../format/constants.ts";
import type { ModelType } from "../../format/spec.ts";

/** What the blobs of two types of model differ in, beside their layers. */
export type TypeShape = Pick<ModelBlob, "terms" | "embeddingDim" | "fmDim" | "mlpFrom" | "products">;

/** The terms and dimensions of a model type in the blob. k: the spec's `embeddingDim`. */
export function shapeOfType(type: ModelType, k: number): TypeShape {
  const shape = { embeddingDim: k, fmDim: 0, mlpFrom: 0, products: 0 };
  const linear = c.TERM_LINEAR;
  switch (type) {
    case "LR":
      return { ...shape, terms: linear, embeddingDim: 0 };
    case "FM":
      return { ...shape, terms: linear | c.TERM_FM, fmDim: k };
    case "FNN":
      return { ...shape, terms: c.TERM_MLP };
    case "IPNN":
      return { ...shape, terms: c.TERM_MLP, products: c.PRODUCT_INNER };
    case "OPNN":
      return { ...shape, terms: c.TERM_MLP, products: c.PRODUCT_OUTER };
    case "PNN*":
      return { ...shape, terms: c.TERM_MLP, products: c.PRODUCT_ALL };
    case "LR & DNN":
      return { ...shape, terms: linear | c.TERM_MLP };
    case "FM & DNN":
      return { ...shape, terms: linear | c.TERM_FM | c.TERM_MLP, embeddingDim: 2 * k, fmDim: k, mlpFrom: k };
    case "DeepFM":
      return { ...shape, terms: linear | c.TERM_FM | c.TERM_MLP, fmDim: k };
    case "two-tower":
      return { ...shape, terms: linear | c.TERM_TOWERS };
  }
}
