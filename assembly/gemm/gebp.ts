import { COLUMNS, ppmm, ROWS } from "./ppmm";

/**
 * Goto's GEBP, "general block times panel": C = A · B, or C += A · B if `accumulate`. A [rows, depth] is packed in
 * panels of ROWS and B [depth, columns] in panels of COLUMNS, both padded with zeros; C has `cStride` bytes between
 * its rows. A tile that overhangs C is computed in `edge`, ROWS × COLUMNS floats, and the part inside C is copied.
 */
export function gebp(
  packedA: usize,
  packedB: usize,
  c: usize,
  cStride: usize,
  rows: usize,
  columns: usize,
  depth: usize,
  accumulate: bool,
  edge: usize,
): void {
  for (let j: usize = 0; j < columns; j += COLUMNS) {
    let panelA = packedA;
    for (let i: usize = 0; i < rows; i += ROWS) {
      const at = c + i * cStride + 4 * j;
      if (i + ROWS <= rows && j + COLUMNS <= columns) {
        ppmm(panelA, packedB, depth, at, cStride, accumulate);
      } else {
        ppmm(panelA, packedB, depth, edge, 4 * COLUMNS, false);
        copyEdge(edge, at, cStride, min(ROWS, rows - i), min(COLUMNS, columns - j), accumulate);
      }
      panelA += 4 * ROWS * depth;
    }
    packedB += 4 * COLUMNS * depth;
  }
}

function copyEdge(edge: usize, c: usize, cStride: usize, rows: usize, columns: usize, accumulate: bool): void {
  for (let i: usize = 0; i < rows; i++) {
    for (let j: usize = 0; j < columns; j++) {
      const value = load<f32>(edge + 4 * (i * COLUMNS + j));
      const at = c + i * cStride + 4 * j;
      store<f32>(at, accumulate ? load<f32>(at) + value : value);
    }
  }
}
