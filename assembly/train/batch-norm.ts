// Batch normalization (Ioffe and Szegedy 2015, algorithm 1) of z [rows, n] over its rows.

/** sums [n] = Σ (z − mean)² over the rows of z [rows, n]. */
export function squaredDeviations(z: usize, mean: usize, sums: usize, rows: usize, n: usize): void {
  const length: usize = 4 * n;
  memory.fill(sums, 0, length);
  for (let row: usize = 0; row < rows; row++, z += length) {
    let i: usize = 0;
    if (ASC_FEATURE_SIMD) {
      for (const vectors = length & ~15; i < vectors; i += 16) {
        const v = f32x4.sub(v128.load(z + i), v128.load(mean + i));
        v128.store(sums + i, f32x4.add(v128.load(sums + i), f32x4.mul(v, v)));
      }
    }
    for (; i < length; i += 4) {
      const v = load<f32>(z + i) - load<f32>(mean + i);
      store<f32>(sums + i, load<f32>(sums + i) + v * v);
    }
  }
}

/** inverse [n] = 1 / √(variance + epsilon) */
export function inverseDeviations(variance: usize, inverse: usize, n: usize, epsilon: f32): void {
  for (let i: usize = 0; i < 4 * n; i += 4) store<f32>(inverse + i, 1 / sqrt<f32>(load<f32>(variance + i) + epsilon));
}

/** z = ẑ = (z − mean) · inverse, in place. */
export function normalize(z: usize, mean: usize, inverse: usize, rows: usize, n: usize): void {
  const length: usize = 4 * n;
  for (let row: usize = 0; row < rows; row++, z += length) {
    let i: usize = 0;
    if (ASC_FEATURE_SIMD)
      for (const vectors = length & ~15; i < vectors; i += 16)
        v128.store(z + i, f32x4.mul(f32x4.sub(v128.load(z + i), v128.load(mean + i)), v128.load(inverse + i)));
    for (; i < length; i += 4) store<f32>(z + i, (load<f32>(z + i) - load<f32>(mean + i)) * load<f32>(inverse + i));
  }
}

/**
 * The gradient of z, in place of that of γ·ẑ + β in `d` [rows, n]: γ · inverse · (d − dBeta/B − ẑ · dGamma/B), for
 * `batch` = B rows in all. What is taken away comes of the mean and the variance, which are functions of z too.
 */
export function normalizeBackward(
  d: usize,
  z: usize,
  gamma: usize,
  inverse: usize,
  dGamma: usize,
  dBeta: usize,
  rows: usize,
  n: usize,
  batch: usize,
): void {
  const length: usize = 4 * n;
  const share: f32 = 1 / <f32>batch;
  for (let row: usize = 0; row < rows; row++) {
    let i: usize = 0;
    if (ASC_FEATURE_SIMD) {
      const shares = f32x4.splat(share);
      for (const vectors = length & ~15; i < vectors; i += 16) {
        const own = f32x4.mul(v128.load(dBeta + i), shares);
        const scaled = f32x4.mul(v128.load(z + i), f32x4.mul(v128.load(dGamma + i), shares));
        const rest = f32x4.sub(f32x4.sub(v128.load(d + i), own), scaled);
        v128.store(d + i, f32x4.mul(rest, f32x4.mul(v128.load(gamma + i), v128.load(inverse + i))));
      }
    }
    for (; i < length; i += 4) {
      const own = load<f32>(dBeta + i) * share;
      const scaled = load<f32>(z + i) * (load<f32>(dGamma + i) * share);
      const rest = load<f32>(d + i) - own - scaled;
      store<f32>(d + i, rest * (load<f32>(gamma + i) * load<f32>(inverse + i)));
    }
    d += length;
    z += length;
  }
}
