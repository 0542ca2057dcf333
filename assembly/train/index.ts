// A training step's kernels: forward and backward passes of every term of every model, over the linear memory that the
// module imports. The host (trainer/engine/assembly) says where everything lies, and calls them in the order of a
// model's equations. Each is a command for a team of threads (team.ts), cut into parts that write to places of their
// own (parts.ts).
//
// Numbers are float32 in row-major order. Every sum has one order, which depends on the shapes alone, so equal inputs
// give equal bits, whatever the number of threads.
import { BLOCK_N, depthOfBlocks, PACKED_B_BYTES } from "../gemm/blocks";
import { gemv, gemvTransposed } from "../gemm/gemv";
import { COLUMNS, ROWS } from "../gemm/ppmm";
import { put, put4, putNumber, sumOfParts } from "./command";
import { DROPOUT_BLOCK } from "./dropout";
import { f32_add, f32_copy, f32_scale } from "./lists";
import * as op from "./operations";
import { listOf } from "./scratch";
import { COLUMN_LISTS, LISTS, MOST_LISTED, PANEL } from "./sparse";
import { run } from "./team";

export { inverseDeviations } from "./batch-norm";
export { blockBytes } from "./command";
export { f32_add } from "./lists";
export { numberRows } from "./rows";
export { teamScratchBytes } from "./scratch";
export { fail, follow, isLost, lead, partsByHelpers, setCall, work } from "./team";

/** What an exponential or a random number costs, in additions. */
const DEAR: usize = 8;

/** Blocks of MOST_LISTED records that are multiplied at a time: for 400 columns 800 KiB, which stay in an L2 cache. */
const BLOCKS: usize = 2;

/** C = op(A) · op(B), as in gemm/index.ts. */
export function gemm(
  a: usize,
  b: usize,
  c: usize,
  m: usize,
  n: usize,
  k: usize,
  transposeA: bool,
  transposeB: bool,
): void {
  if (m === 1) {
    if (transposeB) gemv(a, b, c, n, k);
    else gemvTransposed(a, b, c, n, k, 4 * n);
  } else if (n === 1) {
    put4(0, b, a, c, transposeA ? m : k);
    put(4, k);
    if (transposeA) run(op.MULTIPLY_VECTOR_TRANSPOSED, (m + 3) / 4, 4 * k, 4);
    else run(op.MULTIPLY_VECTOR, m, k, 4);
  } else if (k === 1) {
    put4(0, a, b, c, n);
    run(op.OUTER, m, n);
  } else {
    packedGemm(a, b, c, m, n, k, transposeA, transposeB);
  }
}

function packedGemm(
  a: usize,
  b: usize,
  c: usize,
  m: usize,
  n: usize,
  k: usize,
  transposeA: bool,
  transposeB: bool,
): void {
  const blockK = depthOfBlocks(k);
  for (let n0: usize = 0; n0 < n; n0 += BLOCK_N) {
    const columns = min(BLOCK_N, n - n0);
    for (let k0: usize = 0; k0 < k; k0 += blockK) {
      const depth = min(blockK, k - k0);
      put4(0, b, 4 * (transposeB ? k : n), n0, columns);
      put4(4, k0, depth, transposeB ? 1 : 0, 0);
      run(op.PACK_PANELS, (columns + COLUMNS - 1) / COLUMNS, COLUMNS * depth);
      put4(0, a, 4 * (transposeA ? m : k), c + 4 * n0, 4 * n);
      put4(4, columns, k0, depth, transposeA ? 1 : 0);
      run(op.MULTIPLY_ROWS, m, (columns * depth) / 4, ROWS);
    }
  }
}

/**
 * C [m, n] = S · op(B) for S [m, k] that is mostly zeros: see sparse.ts. Returns false, and computes nothing, where
 * `gemm` must.
 */
export function multiplySparseRows(s: usize, b: usize, c: usize, m: usize, n: usize, k: usize, transposeB: bool): bool {
  const stride: usize = 4 * (transposeB ? k : n);
  const most = (PACKED_B_BYTES / (4 * k * PANEL)) * PANEL;
  if (most === 0) return false;
  for (let n0: usize = 0; n0 < n; n0 += most) {
    const columns = min(most, n - n0);
    put4(0, b + (transposeB ? n0 * stride : 4 * n0), stride, columns, k);
    put(4, transposeB ? 1 : 0);
    run(op.PACK_WIDE, (columns + PANEL - 1) / PANEL, PANEL * k);
    put4(0, s, k, c + 4 * n0, 4 * n);
    put(4, columns);
    run(op.MULTIPLY_LISTED_ROWS, m, (columns * k) / 8, LISTS);
  }
  return true;
}

/**
 * C [m, n] = Sᵀ · B for S [rows, m] that is mostly zeros and B [rows, n]; or C [n, m], its transpose, if `turned`. As
 * the one above, it may return false.
 */
export function multiplySparseColumns(
  s: usize,
  b: usize,
  c: usize,
  m: usize,
  n: usize,
  rows: usize,
  turned: bool,
): bool {
  const panels = (n + PANEL - 1) / PANEL;
  const room = PACKED_B_BYTES / (4 * PANEL * panels);
  if (room < MOST_LISTED) return false;
  const most = min(room / MOST_LISTED, BLOCKS) * MOST_LISTED;
  for (let row: usize = 0; row < rows; row += most) {
    const block = min(most, rows - row);
    put4(0, b + 4 * row * n, 4 * n, n, block);
    put(4, 0);
    run(op.PACK_WIDE, panels, PANEL * block);
    put4(0, s + 4 * row * m, block, 4 * m, c);
    put4(4, 4 * (turned ? m : n), n, turned ? 1 : 0, row > 0 ? 1 : 0);
    run(op.MULTIPLY_LISTED_COLUMNS, m, (block * n) / 8, COLUMN_LISTS);
  }
  return true;
}

/** Random bytes for dropout: see dropout.ts. */
export function randomBytes(seed: u32, to: usize, count: usize): void {
  put4(0, seed, to, count, 0);
  run(op.RANDOM_BLOCKS, (count + DROPOUT_BLOCK - 1) / DROPOUT_BLOCK, DROPOUT_BLOCK);
}

/** See layer.ts, as for the two below. */
export function layerForward(
  z: usize,
  gamma: usize,
  bias: usize,
  bytes: usize,
  x: usize,
  rows: usize,
  n: usize,
  activation: u32,
  dropped: u32,
  scale: f32,
): f64 {
  put4(0, z, gamma, bias, bytes);
  put4(4, x, n, activation, dropped);
  putNumber(8, scale);
  return sumOfParts(run(op.LAYER_FORWARD, rows, n));
}

export function layerBackward(
  d: usize,
  x: usize,
  bytes: usize,
  z: usize,
  dBias: usize,
  dGamma: usize,
  rows: usize,
  n: usize,
  activation: u32,
  dropped: u32,
  scale: f32,
): void {
  put4(0, d, x, bytes, z);
  put4(4, n, activation, dropped, 0);
  putNumber(7, scale);
  const parts = run(op.LAYER_BACKWARD, rows, n);
  sumLists(parts, 0, dBias, n);
  if (z) sumLists(parts, 1, dGamma, n);
}

/** to [n] = Σ of the parts' lists, in their order. */
function sumLists(parts: usize, which: usize, to: usize, n: usize): void {
  f32_copy(listOf(0, which), to, n);
  for (let part: usize = 1; part < parts; part++) f32_add(listOf(part, which), to, n);
}

/** x [rows, n] += bias [n] in each row. */
export function addBias(x: usize, bias: usize, rows: usize, n: usize): void {
  layerForward(x, 0, bias, 0, x, rows, n, 0, 0, 1);
}

/** sums [n] = the sum of the rows of x [rows, n]. */
export function columnSums(x: usize, rows: usize, n: usize, sums: usize): void {
  put4(0, x, rows, n, sums);
  run(op.COLUMN_SUMS, n, rows, 16);
}

/** The mean [n] and the variance [n] of the columns of z [rows, n]. */
export function moments(z: usize, mean: usize, variance: usize, rows: usize, n: usize): void {
  const share: f32 = 1 / <f32>rows;
  put4(0, z, n, 0, 0);
  sumLists(run(op.ROW_SUMS, rows, n), 0, mean, n);
  f32_scale(mean, share, n);
  put4(0, z, mean, n, 0);
  sumLists(run(op.SQUARED_DEVIATIONS, rows, n), 0, variance, n);
  f32_scale(variance, share, n);
}

/** See batch-norm.ts, as for the one below. */
export function normalize(z: usize, mean: usize, inverse: usize, rows: usize, n: usize): void {
  put4(0, z, mean, inverse, n);
  run(op.NORMALIZE, rows, n);
}

export function normalizeBackward(
  d: usize,
  z: usize,
  gamma: usize,
  inverse: usize,
  dGamma: usize,
  dBeta: usize,
  rows: usize,
  n: usize,
): void {
  put4(0, d, z, gamma, inverse);
  put4(4, dGamma, dBeta, n, rows);
  run(op.NORMALIZE_BACKWARD, rows, n);
}

/** See fields.ts, as for the five below. */
export function pickFields(
  e: usize,
  rows: usize,
  fields: usize,
  dim: usize,
  from: usize,
  width: usize,
  list: usize,
  count: usize,
  to: usize,
  stride: usize,
): void {
  put4(0, e, fields, dim, from);
  put4(4, width, list, count, to);
  put(8, stride);
  run(op.PICK_FIELDS, rows, count * width);
}

export function pickFieldsBackward(
  de: usize,
  rows: usize,
  fields: usize,
  dim: usize,
  from: usize,
  width: usize,
  list: usize,
  count: usize,
  d: usize,
  stride: usize,
): void {
  put4(0, de, fields, dim, from);
  put4(4, width, list, count, d);
  put(8, stride);
  run(op.PICK_FIELDS_BACKWARD, rows, count * width);
}

export function addFields(x: usize, sums: usize, rows: usize, count: usize, dim: usize): void {
  put4(0, x, sums, count, dim);
  run(op.ADD_FIELDS, rows, count * dim);
}

export function addFieldsBackward(d: usize, dSums: usize, rows: usize, count: usize, dim: usize): void {
  put4(0, d, dSums, count, dim);
  run(op.ADD_FIELDS_BACKWARD, rows, count * dim);
}

export function addLinear(linear: usize, logits: usize, rows: usize, fields: usize, list: usize, count: usize): void {
  put4(0, linear, logits, fields, list);
  put(4, count);
  run(op.ADD_LINEAR, rows, count);
}

export function addLinearBackward(
  dLinear: usize,
  dLogits: usize,
  rows: usize,
  fields: usize,
  list: usize,
  count: usize,
): void {
  put4(0, dLinear, dLogits, fields, list);
  put(4, count);
  run(op.ADD_LINEAR_BACKWARD, rows, fields);
}

/** See fm.ts, as for the one below. */
export function fmForward(e: usize, logits: usize, rows: usize, fields: usize, dim: usize, width: usize): void {
  put4(0, e, logits, fields, dim);
  put(4, width);
  run(op.FM_FORWARD, rows, fields * width);
}

export function fmBackward(
  e: usize,
  dLogits: usize,
  de: usize,
  rows: usize,
  fields: usize,
  dim: usize,
  width: usize,
): void {
  put4(0, e, dLogits, de, fields);
  put4(4, dim, width, 0, 0);
  run(op.FM_BACKWARD, rows, fields * width);
}

/** See products.ts, as for the three below. */
export function innerProducts(x: usize, rows: usize, stride: usize, offset: usize, count: usize, dim: usize): void {
  put4(0, x, stride, offset, count);
  put(4, dim);
  run(op.INNER_PRODUCTS, rows, (count * count * dim) / 2);
}

export function innerProductsBackward(
  x: usize,
  d: usize,
  rows: usize,
  stride: usize,
  offset: usize,
  count: usize,
  dim: usize,
): void {
  put4(0, x, d, stride, offset);
  put4(4, count, dim, 0, 0);
  run(op.INNER_PRODUCTS_BACKWARD, rows, count * count * dim);
}

export function outerProducts(x: usize, rows: usize, stride: usize, offset: usize, count: usize, dim: usize): void {
  put4(0, x, stride, offset, count);
  put(4, dim);
  run(op.OUTER_PRODUCTS, rows, (count + dim) * dim);
}

export function outerProductsBackward(
  x: usize,
  d: usize,
  rows: usize,
  stride: usize,
  offset: usize,
  count: usize,
  dim: usize,
): void {
  put4(0, x, d, stride, offset);
  put4(4, count, dim, 0, 0);
  run(op.OUTER_PRODUCTS_BACKWARD, rows, (count + dim) * dim);
}

/** See towers.ts, as for the one below. */
export function towersForward(u: usize, i: usize, logits: usize, rows: usize, dim: usize): void {
  put4(0, u, i, logits, dim);
  run(op.TOWERS_FORWARD, rows, dim);
}

export function towersBackward(other: usize, dLogits: usize, to: usize, rows: usize, dim: usize): void {
  put4(0, other, dLogits, to, dim);
  run(op.TOWERS_BACKWARD, rows, dim);
}

/** The mean over the records of what losses.ts sums, and the mean's gradient. */
export function logisticLoss(logits: usize, labels: usize, weights: usize, dLogits: usize, rows: usize): f64 {
  put4(0, logits, labels, weights, dLogits);
  put(4, rows);
  return sumOfParts(run(op.LOGISTIC_LOSS, rows, 4 * DEAR)) / <f64>rows;
}

/** See losses.ts. */
export function softmaxLoss(
  scores: usize,
  shifts: usize,
  items: usize,
  first: usize,
  rows: usize,
  count: usize,
  share: f32,
): f64 {
  put4(0, scores, shifts, items, first);
  put(4, count);
  putNumber(5, share);
  return sumOfParts(run(op.SOFTMAX_LOSS, rows, DEAR * count));
}

/** See rows.ts, as for the one below. */
export function gatherRows(
  table: usize,
  width: usize,
  cells: usize,
  starts: usize,
  rows: usize,
  xs: usize,
  linear: usize,
  embeddings: usize,
): void {
  put4(0, table, width, starts, rows);
  put4(4, xs, linear, embeddings, 0);
  run(op.GATHER_ROWS, cells, DEAR * width);
}

/** `gatherRows` while one thread does `numberRows`, whose result it returns. */
export function numberAndGatherRows(
  table: usize,
  width: usize,
  cells: usize,
  starts: usize,
  rows: usize,
  xs: usize,
  linear: usize,
  embeddings: usize,
  count: u32,
  slots: usize,
  now: u32,
  unique: usize,
  places: usize,
  firsts: usize,
  entries: usize,
  owners: usize,
): u32 {
  put4(0, table, width, starts, rows);
  put4(4, xs, linear, embeddings, cells);
  put4(8, count, slots, now, unique);
  put4(12, places, firsts, entries, owners);
  run(op.GATHER_ROWS, cells, DEAR * width, 1, true);
  return <u32>sumOfParts(1);
}

export function scatterRows(
  gradients: usize,
  count: usize,
  width: usize,
  firsts: usize,
  entries: usize,
  owners: usize,
  xs: usize,
  dLinear: usize,
  dEmbeddings: usize,
): void {
  put4(0, gradients, width, firsts, entries);
  put4(4, owners, xs, dLinear, dEmbeddings);
  run(op.SCATTER_ROWS, count, DEAR * width);
}

/** See adam.ts. */
export function adamRows(
  values: usize,
  m: usize,
  v: usize,
  rows: usize,
  count: usize,
  width: usize,
  gradients: usize,
  rate: f64,
  epsilon: f64,
  scale: f64,
  decay: f64,
): void {
  put4(0, values, m, v, rows);
  put4(4, width, gradients, 0, 0);
  putNumber(6, rate);
  putNumber(7, epsilon);
  putNumber(8, scale);
  putNumber(9, decay);
  if (count > 1) run(op.ADAM_ROWS, count, DEAR * width);
  else if (count === 1) adamOne(values, m, v, load<u32>(rows), width);
}

/** The one row of a step, such as all dense weights. */
function adamOne(values: usize, m: usize, v: usize, row: usize, width: usize): void {
  const at: usize = 4 * row * width;
  put4(0, values + at, m + at, v + at, 0);
  run(op.ADAM_ONE, (width + 7) / 8, 8 * DEAR);
}

/** to += times · from */
export function addScaled(from: usize, to: usize, times: f64, count: usize): void {
  put4(0, from, to, 0, 0);
  putNumber(2, times);
  run(op.ADD_SCALED, count, 1);
}

/** Σ x² over a list. */
export function squares(list: usize, count: usize): f64 {
  put(0, list);
  return sumOfParts(run(op.SQUARES, count, 1));
}

/** ‖gradient + decay · row‖² over the rows of a batch, as in rows.ts. */
export function squaresOfRows(
  values: usize,
  rows: usize,
  count: usize,
  width: usize,
  gradients: usize,
  decay: f64,
): f64 {
  put4(0, values, rows, width, gradients);
  putNumber(4, decay);
  return sumOfParts(run(op.SQUARES_OF_ROWS, count, DEAR * width));
}
