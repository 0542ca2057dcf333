export type KernelVariant = "relaxed" | "simd" | "scalar";

// The smallest modules that use one instruction of each kind: (func (result v128) …) with i32x4.relaxed_dot… and with
// i8x16.splat.
const RELAXED_PROBE = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 19, 1, 17, 0, 65, 0, 253, 15, 65, 0, 253, 15, 65,
  0, 253, 15, 253, 147, 2, 11,
]);
const SIMD_PROBE = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 8, 1, 6, 0, 65, 0, 253, 15, 11,
]);

/** The fastest variant that this engine runs. */
export function bestKernelVariant(): KernelVariant {
  if (WebAssembly.validate(RELAXED_PROBE)) return "relaxed";
  return WebAssembly.validate(SIMD_PROBE) ? "simd" : "scalar";
}
