import type { TrainingKernels } from "./kernels.ts";

/** A matrix [B, N] in an engine's memory. */
export interface Matrix {
  address: number;
  width: number;
  /** The share of its numbers that are not 0, as far as it is known; otherwise 1. */
  share: number;
}

/**
 * Up to this share of numbers that are not 0, a product by lists of them is the faster: it takes 0.4 of a dense one's
 * time at 0.25, 0.6 at 0.4, 0.7 at 0.5 and 0.9 at 0.6 (2048 records, 400 inputs, 400 units).
 */
const SPARSE_SHARE = 0.6;
/** Columns that a product by lists computes at a time. With fewer, most of the work would be in vain. */
const LEAST_COLUMNS = 24;

/** z [B, N] = x · w, for w [K, N]. */
export function multiply(kernels: TrainingKernels, x: Matrix, w: number, z: number, rows: number, units: number): void {
  const { address, width, share } = x;
  if (isSparse(share, units) && kernels.multiplySparseRows(address, w, z, rows, units, width, false)) return;
  kernels.gemm(address, w, z, rows, units, width, false, false);
}

/** dx [B, K] = d · wᵀ, for d [B, N] and w [K, N]. */
export function multiplyBack(
  kernels: TrainingKernels,
  d: Matrix,
  w: number,
  dx: number,
  rows: number,
  inputs: number,
): void {
  const { address, width, share } = d;
  if (isSparse(share, inputs) && kernels.multiplySparseRows(address, w, dx, rows, inputs, width, true)) return;
  kernels.gemm(address, w, dx, rows, inputs, width, false, true);
}

/** dw [K, N] = xᵀ · d, for x [B, K] and d [B, N]. */
export function multiplyOver(kernels: TrainingKernels, x: Matrix, d: Matrix, dw: number, rows: number): void {
  const [inputs, units] = [x.width, d.width];
  const byInputs = isSparse(x.share, units);
  const byUnits = isSparse(d.share, inputs);
  if (byInputs && (!byUnits || x.share <= d.share)) {
    if (kernels.multiplySparseColumns(x.address, d.address, dw, inputs, units, rows, false)) return;
  } else if (byUnits) {
    if (kernels.multiplySparseColumns(d.address, x.address, dw, units, inputs, rows, true)) return;
  }
  kernels.gemm(x.address, d.address, dw, inputs, units, rows, true, false);
}

function isSparse(share: number, columns: number): boolean {
  return share <= SPARSE_SHARE && columns >= LEAST_COLUMNS;
}
