// Sums of a layer, one record × 8 outputs: the scalar twins, whose int8 sums have the bits of the others. `inputStride`:
// bytes from one word of the record's inputs to the next.
import { PAD_OUTPUTS, TILE_INPUTS, TILE_OUTPUTS } from "../../format/constants";

export function sums_i8_scalar(
  weights: usize,
  tileBytes: u32,
  input: usize,
  inputStride: u32,
  words: u32,
  start: usize,
  sums: usize,
): void {
  for (let n: u32 = 0; n < <u32>PAD_OUTPUTS; n++) {
    let w = weights + (n / TILE_OUTPUTS) * tileBytes + (n % TILE_OUTPUTS) * TILE_INPUTS;
    let x = input;
    let sum = load<i32>(start + 4 * n);
    for (let word: u32 = 0; word < words; word++) {
      sum += <i32>load<i8>(w) * <i32>load<u8>(x);
      sum += <i32>load<i8>(w, 1) * <i32>load<u8>(x, 1);
      sum += <i32>load<i8>(w, 2) * <i32>load<u8>(x, 2);
      sum += <i32>load<i8>(w, 3) * <i32>load<u8>(x, 3);
      w += 16;
      x += inputStride;
    }
    store<i32>(sums + 4 * n, sum);
  }
}

export function sums_f32_scalar(
  weights: usize,
  tileBytes: u32,
  input: usize,
  inputStride: u32,
  words: u32,
  start: usize,
  sums: usize,
): void {
  for (let n: u32 = 0; n < <u32>PAD_OUTPUTS; n++) {
    let w = weights + (n / TILE_OUTPUTS) * tileBytes + (n % TILE_OUTPUTS) * 4;
    let x = input;
    let sum = load<f32>(start + 4 * n);
    for (let word: u32 = 0; word < words; word++) {
      sum += load<f32>(w) * load<f32>(x);
      w += 16;
      x += inputStride;
    }
    store<f32>(sums + 4 * n, sum);
  }
}
