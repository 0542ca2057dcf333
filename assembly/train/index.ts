// A training step's kernels: forward and backward passes of every term of every model, over the linear memory that the
// module imports. The host (trainer/engine/assembly) says where everything lies, and calls them in the order of a
// model's equations. The module keeps nothing between two calls, so that several instances may share a memory.
//
// Numbers are float32 in row-major order. Every sum has one order, which depends on the shapes alone, so equal inputs
// give equal bits.
export { gemm, scratchBytes } from "../gemm/index";
export { adamRows } from "./adam";
export { inverseDeviations, moments, normalize, normalizeBackward } from "./batch-norm";
export { randomBytes } from "./dropout";
export {
  addFields,
  addFieldsBackward,
  addLinear,
  addLinearBackward,
  pickFields,
  pickFieldsBackward,
} from "./fields";
export { fmBackward, fmForward } from "./fm";
export { addBias, layerBackward, layerForward } from "./layer";
export { columnSums, f32_add } from "./lists";
export { logisticLoss, softmaxLoss } from "./losses";
export { innerProducts, innerProductsBackward, outerProducts, outerProductsBackward } from "./products";
export { gatherRows, scatterRows, uniqueRows } from "./rows";
export { towersBackward, towersForward } from "./towers";
