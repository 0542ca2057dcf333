// Packing of a block into panels: [⌈lines/W⌉][depth][W] floats, the last panel padded with zeros. A line is a row of
// op(A) or a column of op(B), and W lines (4, 6 or 8) make a panel; the depth is K. `stride`: bytes between two rows
// of the matrix as it is stored.

/**
 * Packs a block whose lines are rows in memory. Transposing 4 × 4 elements in registers was not faster: the time goes
 * into reading memory.
 */
export function packRows(from: usize, stride: usize, lines: usize, depth: usize, to: usize, W: usize): void {
  const step: usize = 4 * W;
  for (let line: usize = 0; line < lines; line += W) {
    const present = min(W, lines - line);
    if (present < W) memory.fill(to, 0, step * depth);
    for (let i: usize = 0; i < present; i++) {
      let at = to + 4 * i;
      for (let x = from, end = from + 4 * depth; x < end; x += 4) {
        store<f32>(at, load<f32>(x));
        at += step;
      }
      from += stride;
    }
    to += step * depth;
  }
}

/** Packs a block whose lines are columns in memory: W neighbors are copied as they lie. */
export function packColumns(from: usize, stride: usize, lines: usize, depth: usize, to: usize, W: usize): void {
  const step: usize = 4 * W;
  for (let line: usize = 0; line < lines; line += W) {
    const present = min(W, lines - line);
    let x = from + 4 * line;
    const panel = to;
    to += step * depth;
    if (present < W) {
      memory.fill(panel, 0, step * depth);
      for (let at = panel; at < to; at += step) {
        for (let i: usize = 0; i < present; i++) store<f32>(at + 4 * i, load<f32>(x + 4 * i));
        x += stride;
      }
    } else {
      for (let at = panel; at < to; at += step) {
        if (ASC_FEATURE_SIMD) {
          v128.store(at, v128.load(x));
          if (W === 8) v128.store(at, v128.load(x, 16), 16);
          else if (W === 6) store<u64>(at, load<u64>(x, 16), 16);
        } else {
          for (let i: usize = 0; i < step; i += 8) store<u64>(at + i, load<u64>(x + i));
        }
        x += stride;
      }
    }
  }
}
