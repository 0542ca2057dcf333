// PNN's product layers (Qu et al. 2016, sections 3.2 and 3.3). A row of a network's input has the embeddings of its
// `count` fields, [count, dim], and behind them the products; `stride` bytes lie between two rows. The products, at
// `offset` bytes in a row, are functions of the embeddings at its beginning.
import { f32_add, f32_axpy, f32_dot } from "./lists";

/** ⟨e_i, e_j⟩ for i < j in lexicographic order. */
export function innerProducts(x: usize, rows: usize, stride: usize, offset: usize, count: usize, dim: usize): void {
  const bytes: usize = 4 * dim;
  for (let row: usize = 0; row < rows; row++, x += stride) {
    let to = x + offset;
    const end = x + count * bytes;
    for (let a = x; a < end; a += bytes)
      for (let b = a + bytes; b < end; b += bytes, to += 4) store<f32>(to, f32_dot(a, b, dim));
  }
}

/** The gradient of `innerProducts`: d [rows, …], laid out as x, has that of the products, and gets that of the e. */
export function innerProductsBackward(
  x: usize,
  d: usize,
  rows: usize,
  stride: usize,
  offset: usize,
  count: usize,
  dim: usize,
): void {
  const bytes: usize = 4 * dim;
  for (let row: usize = 0; row < rows; row++, x += stride, d += stride) {
    let from = d + offset;
    for (let i: usize = 0; i < count; i++) {
      for (let j = i + 1; j < count; j++, from += 4) {
        const g = load<f32>(from);
        f32_axpy(g, x + j * bytes, d + i * bytes, dim);
        f32_axpy(g, x + i * bytes, d + j * bytes, dim);
      }
    }
  }
}

/** s_a · s_b for a ≤ b, with s = Σ e over the fields. `sum`: room for dim numbers. */
export function outerProducts(
  x: usize,
  rows: usize,
  stride: usize,
  offset: usize,
  count: usize,
  dim: usize,
  sum: usize,
): void {
  for (let row: usize = 0; row < rows; row++, x += stride) {
    sumOf(x, count, dim, sum);
    let to = x + offset;
    for (let a: usize = 0; a < dim; a++) {
      const sa = load<f32>(sum + 4 * a);
      for (let b = a; b < dim; b++, to += 4) store<f32>(to, sa * load<f32>(sum + 4 * b));
    }
  }
}

/** The gradient of `outerProducts`, as that of `innerProducts`. `sum` and `dSum`: room for dim numbers each. */
export function outerProductsBackward(
  x: usize,
  d: usize,
  rows: usize,
  stride: usize,
  offset: usize,
  count: usize,
  dim: usize,
  sum: usize,
  dSum: usize,
): void {
  for (let row: usize = 0; row < rows; row++, x += stride, d += stride) {
    sumOf(x, count, dim, sum);
    memory.fill(dSum, 0, 4 * dim);
    let from = d + offset;
    for (let a: usize = 0; a < dim; a++) {
      const sa = load<f32>(sum + 4 * a);
      let own = load<f32>(dSum + 4 * a);
      for (let b = a; b < dim; b++, from += 4) {
        const g = load<f32>(from);
        own += g * load<f32>(sum + 4 * b);
        // The diagonal is s_a², whose slope is 2·s_a: one half is in `own` already.
        if (b === a) own += g * sa;
        else store<f32>(dSum + 4 * b, load<f32>(dSum + 4 * b) + g * sa);
      }
      store<f32>(dSum + 4 * a, own);
    }
    for (let i: usize = 0; i < count; i++) f32_add(dSum, d + 4 * i * dim, dim);
  }
}

function sumOf(x: usize, count: usize, dim: usize, sum: usize): void {
  memory.fill(sum, 0, 4 * dim);
  for (let i: usize = 0; i < count; i++) f32_add(x + 4 * i * dim, sum, dim);
}
