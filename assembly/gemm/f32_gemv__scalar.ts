/** y [n] = B · x, the dot products of x [k] and the rows of B [n, k]. */
export function f32_gemv__scalar(x: usize, b: usize, y: usize, n: usize, k: usize): void {
  for (let j: usize = 0; j < n; j++) {
    let sum: f32 = 0;
    for (let i: usize = 0; i < k; i++) sum += load<f32>(x + 4 * i) * load<f32>(b + 4 * (j * k + i));
    store<f32>(y + 4 * j, sum);
  }
}

/** y [n] = Bᵀ · x, the sum of the rows of B [k, n], row i times x[i]; `stride` bytes lie between two rows. */
export function f32_gemv_t__scalar(x: usize, b: usize, y: usize, n: usize, k: usize, stride: usize): void {
  memory.fill(y, 0, 4 * n);
  for (let i: usize = 0; i < k; i++) {
    const times = load<f32>(x + 4 * i);
    for (let j: usize = 0; j < n; j++)
      store<f32>(y + 4 * j, load<f32>(y + 4 * j) + times * load<f32>(b + i * stride + 4 * j));
  }
}
