// The logit of two towers, whose vectors are u and i, both [rows, dim].
import { f32_dot } from "./lists";

/** logits [rows] += ⟨u, i⟩ */
export function towersForward(u: usize, i: usize, logits: usize, rows: usize, dim: usize): void {
  for (let row: usize = 0; row < rows; row++, u += 4 * dim, i += 4 * dim)
    store<f32>(logits + 4 * row, load<f32>(logits + 4 * row) + f32_dot(u, i, dim));
}

/** The gradient of `towersForward`: to [rows, dim] = dLogits · the other tower's vector. */
export function towersBackward(other: usize, dLogits: usize, to: usize, rows: usize, dim: usize): void {
  for (let row: usize = 0; row < rows; row++) {
    const g = load<f32>(dLogits + 4 * row);
    for (let end = to + 4 * dim; to < end; to += 4, other += 4) store<f32>(to, g * load<f32>(other));
  }
}
