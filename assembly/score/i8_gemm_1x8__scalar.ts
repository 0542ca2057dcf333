import { PAD_OUTPUTS, TILE_INPUTS, TILE_OUTPUTS } from "../../format/constants";

/**
 * One record × 8 outputs, with the bits of the SIMD kernels: gemm.ts says what the arguments are. `inputStride`: bytes
 * between two words of the record's inputs.
 */
export function i8_gemm_1x8__scalar(
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
