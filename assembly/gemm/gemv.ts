// Products with a vector: the form of this build.
import { f32_gemv__scalar, f32_gemv_t__scalar } from "./f32_gemv__scalar";
import { f32_gemv_4x4__simd } from "./f32_gemv_4x4__simd";
import { f32_gemv_t_8x4__simd } from "./f32_gemv_t_8x4__simd";

/** y [n] = B · x, for x [k] and B [n, k]. */
export function gemv(x: usize, b: usize, y: usize, n: usize, k: usize): void {
  if (ASC_FEATURE_SIMD) f32_gemv_4x4__simd(x, b, y, n, k);
  else f32_gemv__scalar(x, b, y, n, k);
}

/** y [n] = Bᵀ · x, for x [k] and B [k, n], which has `stride` bytes between its rows. */
export function gemvTransposed(x: usize, b: usize, y: usize, n: usize, k: usize, stride: usize): void {
  if (ASC_FEATURE_SIMD) f32_gemv_t_8x4__simd(x, b, y, n, k, stride);
  else f32_gemv_t__scalar(x, b, y, n, k, stride);
}
