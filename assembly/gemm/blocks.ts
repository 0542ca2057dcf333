// How matrices are cut into blocks, in elements. A panel of B (BLOCK_K × 8 floats) stays in L1 while the panels of A
// pass by; a block of A stays in L2, and a block of B in L3.
import { COLUMNS, ROWS } from "./ppmm";

export const BLOCK_K: usize = 512;
export const BLOCK_M: usize = 96;
export const BLOCK_N: usize = 128 * COLUMNS;

export const PACKED_A_BYTES: usize = 4 * BLOCK_M * BLOCK_K;
export const PACKED_B_BYTES: usize = 4 * BLOCK_N * BLOCK_K;
export const EDGE_BYTES: usize = 4 * ROWS * COLUMNS;

/** K is cut into equal parts, since even a short last part would read and write all of C once more. */
export function depthOfBlocks(k: usize): usize {
  const parts = (k + BLOCK_K - 1) / BLOCK_K;
  return (k + parts - 1) / parts;
}
