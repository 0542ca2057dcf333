// C = op(A) · op(B) in float32, on the memory of the module that calls. Goto and van de Geijn 2008, "Anatomy of
// High-Performance Matrix Multiplication": blocks of A and B are packed into panels that fit L2 and L1, and one small
// kernel does all arithmetic.
//
//   op(A) [M, K]   stored as [M, K], or as [K, M] if transposed
//   op(B) [K, N]   stored as [K, N], or as [N, K] if transposed
//   C     [M, N]
//
// The order in which an element's products are summed depends on the shape alone: equal inputs give equal bits.
import { block } from "./block";
import { dots, scaledRows } from "./gemv";
import { packLines, packSteps } from "./pack";
import { COLUMNS, ROWS } from "./tile";

// Block sizes, in elements. A panel of B (8 × BLOCK_K floats) stays in L1 while panels of A pass by; a block of A stays
// in L2, a block of B in L3.
const BLOCK_K: usize = 512;
const BLOCK_M: usize = 96;
const BLOCK_N: usize = 128 * COLUMNS;

const PACKED_A_BYTES: usize = 4 * BLOCK_M * BLOCK_K;
const PACKED_B_BYTES: usize = 4 * BLOCK_N * BLOCK_K;
const TILE_BYTES: usize = 4 * ROWS * COLUMNS;

/** The bytes that `gemm` overwrites at `scratch`. */
export function scratchBytes(): usize {
  return PACKED_A_BYTES + PACKED_B_BYTES + TILE_BYTES;
}

/** C = op(A) · op(B); m, n and k at least 1; C and `scratch` overlap nothing. */
export function gemm(
  a: usize,
  b: usize,
  c: usize,
  m: usize,
  n: usize,
  k: usize,
  transposeA: bool,
  transposeB: bool,
  scratch: usize,
): void {
  // A vector meets every weight once: packing would cost more than the product.
  if (m === 1) {
    if (transposeB) dots(a, b, c, n, k);
    else scaledRows(a, b, c, n, k);
  } else if (n === 1) {
    // Cᵀ = op(B)ᵀ · op(A)ᵀ, and a vector is stored like its transpose.
    if (transposeA) scaledRows(b, a, c, m, k);
    else dots(b, a, c, m, k);
  } else {
    blocks(a, b, c, m, n, k, transposeA, transposeB, scratch);
  }
}

function blocks(
  a: usize,
  b: usize,
  c: usize,
  m: usize,
  n: usize,
  k: usize,
  transposeA: bool,
  transposeB: bool,
  scratch: usize,
): void {
  const packedA = scratch;
  const packedB = packedA + PACKED_A_BYTES;
  const edge = packedB + PACKED_B_BYTES;
  const aStride: usize = 4 * (transposeA ? m : k);
  const bStride: usize = 4 * (transposeB ? k : n);
  // Equal parts: a last part of a few k would cost a pass over C like the others.
  const parts = (k + BLOCK_K - 1) / BLOCK_K;
  const blockK = (k + parts - 1) / parts;

  for (let n0: usize = 0; n0 < n; n0 += BLOCK_N) {
    const columns = min(BLOCK_N, n - n0);
    for (let k0: usize = 0; k0 < k; k0 += blockK) {
      const depth = min(blockK, k - k0);
      if (transposeB) packLines(b + n0 * bStride + 4 * k0, bStride, columns, depth, packedB, COLUMNS);
      else packSteps(b + k0 * bStride + 4 * n0, bStride, columns, depth, packedB, COLUMNS);
      for (let m0: usize = 0; m0 < m; m0 += BLOCK_M) {
        const rows = min(BLOCK_M, m - m0);
        if (transposeA) packSteps(a + k0 * aStride + 4 * m0, aStride, rows, depth, packedA, ROWS);
        else packLines(a + m0 * aStride + 4 * k0, aStride, rows, depth, packedA, ROWS);
        block(packedA, packedB, c + 4 * (m0 * n + n0), 4 * n, rows, columns, depth, k0 > 0, edge);
      }
    }
  }
}
