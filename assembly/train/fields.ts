// How embeddings become the input of a network. E [rows, F, D] stands for the fields' embeddings as they were gathered.
import { f32_add, f32_copy } from "./lists";

/**
 * to [rows, count · width], `stride` bytes between its rows: v[from, from + width) of the `count` fields whose numbers
 * are in `list` (u32), side by side.
 */
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
  for (let row: usize = 0; row < rows; row++) {
    const first = e + 4 * (row * fields * dim + from);
    let at = to + row * stride;
    for (let i: usize = 0; i < count; i++, at += 4 * width)
      f32_copy(first + 4 * dim * <usize>load<u32>(list + 4 * i), at, width);
  }
}

/** The gradient of `pickFields`: adds d [rows, count · width] to `de` [rows, F, D]. */
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
  for (let row: usize = 0; row < rows; row++) {
    const first = de + 4 * (row * fields * dim + from);
    let at = d + row * stride;
    for (let i: usize = 0; i < count; i++, at += 4 * width)
      f32_add(at, first + 4 * dim * <usize>load<u32>(list + 4 * i), width);
  }
}

/** sums [rows, dim] += Σ over the `count` vectors of each row of x [rows, count · dim]. */
export function addFields(x: usize, sums: usize, rows: usize, count: usize, dim: usize): void {
  for (let row: usize = 0; row < rows; row++, sums += 4 * dim)
    for (let i: usize = 0; i < count; i++, x += 4 * dim) f32_add(x, sums, dim);
}

/** The gradient of `addFields`: d [rows, count · dim] += that of the sums, for each vector. */
export function addFieldsBackward(d: usize, dSums: usize, rows: usize, count: usize, dim: usize): void {
  for (let row: usize = 0; row < rows; row++, dSums += 4 * dim)
    for (let i: usize = 0; i < count; i++, d += 4 * dim) f32_add(dSums, d, dim);
}

/** logits [rows] += Σ linear [rows, count] over the fields that `list` (u32) names. */
export function addLinear(linear: usize, logits: usize, rows: usize, fields: usize, list: usize, count: usize): void {
  for (let row: usize = 0; row < rows; row++, linear += 4 * fields) {
    let sum: f32 = 0;
    for (let i: usize = 0; i < count; i++) sum += load<f32>(linear + 4 * <usize>load<u32>(list + 4 * i));
    store<f32>(logits + 4 * row, load<f32>(logits + 4 * row) + sum);
  }
}

/** The gradient of `addLinear`: that of a record's logit for each of the fields, and 0 for the others. */
export function addLinearBackward(
  dLinear: usize,
  dLogits: usize,
  rows: usize,
  fields: usize,
  list: usize,
  count: usize,
): void {
  memory.fill(dLinear, 0, 4 * rows * fields);
  for (let row: usize = 0; row < rows; row++, dLinear += 4 * fields)
    for (let i: usize = 0; i < count; i++)
      store<f32>(dLinear + 4 * <usize>load<u32>(list + 4 * i), load<f32>(dLogits + 4 * row));
}
