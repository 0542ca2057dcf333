/**
 * 4 rows of C × 8 columns, one number at a time: ppmm.ts says what the arguments are. It is the definition that the
 * other forms are tested against, and for engines without SIMD.
 */
export function f32_ppmm_4x8__scalar(
  a: usize,
  b: usize,
  depth: usize,
  c: usize,
  cStride: usize,
  accumulate: bool,
): void {
  for (let i: usize = 0; i < 4; i++) {
    for (let j: usize = 0; j < 8; j++) {
      let sum: f32 = 0;
      for (let k: usize = 0; k < depth; k++) sum += load<f32>(a + 4 * (4 * k + i)) * load<f32>(b + 4 * (8 * k + j));
      const at = c + i * cStride + 4 * j;
      store<f32>(at, accumulate ? load<f32>(at) + sum : sum);
    }
  }
}
