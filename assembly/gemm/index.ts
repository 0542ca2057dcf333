// C = op(A) · op(B) in float32, on the memory of the module that calls. The structure is that of Goto and van de
// Geijn, "Anatomy of High-Performance Matrix Multiplication", 2008: blocks of A and B are packed into panels that fit
// the L2 and L1 caches, and one micro-kernel (ppmm.ts) does all arithmetic.
//
//   op(A) [M, K]   stored as [M, K], or as [K, M] if transposed
//   op(B) [K, N]   stored as [K, N], or as [N, K] if transposed
//   C     [M, N]
//
// The order in which the products of an element are summed depends on the shape alone, so equal inputs give equal
// bits.
import { BLOCK_M, BLOCK_N, depthOfBlocks, EDGE_BYTES, PACKED_A_BYTES, PACKED_B_BYTES } from "./blocks";
import { gebp } from "./gebp";
import { gemv, gemvTransposed } from "./gemv";
import { packColumns, packRows } from "./pack";
import { COLUMNS, ROWS } from "./ppmm";

/** How many bytes `gemm` overwrites at `scratch`. */
export function scratchBytes(): usize {
  return PACKED_A_BYTES + PACKED_B_BYTES + EDGE_BYTES;
}

/** C = op(A) · op(B). m, n and k are at least 1; neither C nor `scratch` overlaps anything else. */
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
  // With a vector every element of the matrix is used once, and packing it would cost more than the product.
  if (m === 1) {
    if (transposeB) gemv(a, b, c, n, k);
    else gemvTransposed(a, b, c, n, k, 4 * n);
  } else if (n === 1) {
    // Cᵀ = op(B)ᵀ · op(A)ᵀ, and a vector and its transpose are stored alike.
    if (transposeA) gemvTransposed(b, a, c, m, k, 4 * m);
    else gemv(b, a, c, m, k);
  } else {
    packedGemm(a, b, c, m, n, k, transposeA, transposeB, scratch);
  }
}

/** All other products, block by block. */
function packedGemm(
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
  const blockK = depthOfBlocks(k);

  for (let n0: usize = 0; n0 < n; n0 += BLOCK_N) {
    const columns = min(BLOCK_N, n - n0);
    for (let k0: usize = 0; k0 < k; k0 += blockK) {
      const depth = min(blockK, k - k0);
      if (transposeB) packRows(b + n0 * bStride + 4 * k0, bStride, columns, depth, packedB, COLUMNS);
      else packColumns(b + k0 * bStride + 4 * n0, bStride, columns, depth, packedB, COLUMNS);
      for (let m0: usize = 0; m0 < m; m0 += BLOCK_M) {
        const rows = min(BLOCK_M, m - m0);
        if (transposeA) packColumns(a + k0 * aStride + 4 * m0, aStride, rows, depth, packedA, ROWS);
        else packRows(a + m0 * aStride + 4 * k0, aStride, rows, depth, packedA, ROWS);
        gebp(packedA, packedB, c + 4 * (m0 * n + n0), 4 * n, rows, columns, depth, k0 > 0, edge);
      }
    }
  }
}
