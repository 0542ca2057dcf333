import { PAD_OUTPUTS, TILE_OUTPUTS } from "../../format/constants";

/**
 * One record × 8 outputs, with the bits of the plain SIMD kernels: gemm.ts says what the arguments are.
 * `inputStride`: bytes between two words of the record's inputs.
 */
export function f32_gemm_1x8__scalar(
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
