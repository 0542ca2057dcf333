import { readFileSync } from "node:fs";
import type { KernelVariant } from "../../../runtime/variant.ts";
import { widenOperations } from "./wide.ts";

/** The exports of assembly/train/index.ts, whose files say what each does. Addresses are offsets into the memory. */
export interface TrainingKernels {
  blockBytes(): number;
  teamScratchBytes(threads: number, widest: number): number;
  lead(block: number, scratch: number, widest: number, work: number): void;
  setCall(call: number): void;
  isLost(): boolean;
  partsByHelpers(): number;
  gemm(
    a: number,
    b: number,
    c: number,
    m: number,
    n: number,
    k: number,
    transposeA: boolean,
    transposeB: boolean,
  ): void;
  multiplySparseRows(s: number, b: number, c: number, m: number, n: number, k: number, transposeB: boolean): boolean;
  multiplySparseColumns(s: number, b: number, c: number, m: number, n: number, rows: number, turned: boolean): boolean;
  randomBytes(seed: number, to: number, count: number): void;
  layerForward(
    z: number,
    gamma: number,
    bias: number,
    bytes: number,
    x: number,
    rows: number,
    n: number,
    activation: number,
    dropped: number,
    scale: number,
  ): number;
  layerBackward(
    d: number,
    x: number,
    bytes: number,
    z: number,
    dBias: number,
    dGamma: number,
    rows: number,
    n: number,
    activation: number,
    dropped: number,
    scale: number,
  ): void;
  addBias(x: number, bias: number, rows: number, n: number): void;
  columnSums(x: number, rows: number, n: number, sums: number): void;
  f32_add(from: number, to: number, count: number): void;
  moments(z: number, mean: number, variance: number, rows: number, n: number): void;
  inverseDeviations(variance: number, inverse: number, n: number, epsilon: number): void;
  normalize(z: number, mean: number, inverse: number, rows: number, n: number): void;
  normalizeBackward(
    d: number,
    z: number,
    gamma: number,
    inverse: number,
    dGamma: number,
    dBeta: number,
    rows: number,
    n: number,
  ): void;
  pickFields(
    e: number,
    rows: number,
    fields: number,
    dim: number,
    from: number,
    width: number,
    list: number,
    count: number,
    to: number,
    stride: number,
  ): void;
  pickFieldsBackward(
    de: number,
    rows: number,
    fields: number,
    dim: number,
    from: number,
    width: number,
    list: number,
    count: number,
    d: number,
    stride: number,
  ): void;
  addFields(x: number, sums: number, rows: number, count: number, dim: number): void;
  addFieldsBackward(d: number, dSums: number, rows: number, count: number, dim: number): void;
  addLinear(linear: number, logits: number, rows: number, fields: number, list: number, count: number): void;
  addLinearBackward(dLinear: number, dLogits: number, rows: number, fields: number, list: number, count: number): void;
  fmForward(e: number, logits: number, rows: number, fields: number, dim: number, width: number): void;
  fmBackward(e: number, dLogits: number, de: number, rows: number, fields: number, dim: number, width: number): void;
  innerProducts(x: number, rows: number, stride: number, offset: number, count: number, dim: number): void;
  innerProductsBackward(
    x: number,
    d: number,
    rows: number,
    stride: number,
    offset: number,
    count: number,
    dim: number,
  ): void;
  outerProducts(x: number, rows: number, stride: number, offset: number, count: number, dim: number): void;
  outerProductsBackward(
    x: number,
    d: number,
    rows: number,
    stride: number,
    offset: number,
    count: number,
    dim: number,
  ): void;
  numberRows(
    cells: number,
    starts: number,
    rows: number,
    count: number,
    slots: number,
    now: number,
    unique: number,
    places: number,
    firsts: number,
    entries: number,
    owners: number,
  ): number;
  gatherRows(
    table: number,
    width: number,
    cells: number,
    starts: number,
    rows: number,
    xs: number,
    linear: number,
    embeddings: number,
  ): void;
  numberAndGatherRows(
    table: number,
    width: number,
    cells: number,
    starts: number,
    rows: number,
    xs: number,
    linear: number,
    embeddings: number,
    count: number,
    slots: number,
    now: number,
    unique: number,
    places: number,
    firsts: number,
    entries: number,
    owners: number,
  ): number;
  scatterRows(
    gradients: number,
    count: number,
    width: number,
    firsts: number,
    entries: number,
    owners: number,
    xs: number,
    dLinear: number,
    dEmbeddings: number,
  ): void;
  adamRows(
    values: number,
    m: number,
    v: number,
    rows: number,
    count: number,
    width: number,
    gradients: number,
    rate: number,
    epsilon: number,
    scale: number,
    decay: number,
  ): void;
  addScaled(from: number, to: number, times: number, count: number): void;
  squares(list: number, count: number): number;
  squaresOfRows(values: number, rows: number, count: number, width: number, gradients: number, decay: number): number;
  towersForward(u: number, i: number, logits: number, rows: number, dim: number): void;
  towersBackward(other: number, dLogits: number, to: number, rows: number, dim: number): void;
  logisticLoss(logits: number, labels: number, weights: number, dLogits: number, rows: number): number;
  softmaxLoss(
    scores: number,
    shifts: number,
    items: number,
    first: number,
    rows: number,
    count: number,
    share: number,
  ): number;
}

const modules = new Map<KernelVariant, WebAssembly.Module>();

/** The module of a build. Throws where `npm run build` has not made it. */
export function trainingModule(variant: KernelVariant): WebAssembly.Module {
  let module = modules.get(variant);
  if (!module) {
    if (variant === "relaxed") widenOperations();
    module = new WebAssembly.Module(readFileSync(new URL(`../../../build/train.${variant}.wasm`, import.meta.url)));
    modules.set(variant, module);
  }
  return module;
}

/** The kernels of a build over a memory. Before others are called, `lead` must be. */
export function trainingKernels(variant: KernelVariant, memory: WebAssembly.Memory): TrainingKernels {
  return new WebAssembly.Instance(trainingModule(variant), { env: { memory } }).exports as unknown as TrainingKernels;
}
