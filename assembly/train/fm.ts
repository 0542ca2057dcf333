// FM's second-order term over v[0, width) of E [rows, F, D].

/** logits [rows] += ½Σ_j[(Σ_f e_fj)² − Σ_f e_fj²] (Rendle 2010, lemma 3.1). */
export function fmForward(e: usize, logits: usize, rows: usize, fields: usize, dim: usize, width: usize): void {
  const step: usize = 4 * dim;
  for (let row: usize = 0; row < rows; row++) {
    const end = e + fields * step;
    let total: f32 = 0;
    let i: usize = 0;
    if (ASC_FEATURE_SIMD) {
      let totals = f32x4.splat(0);
      for (const vectors = (width << 2) & ~15; i < vectors; i += 16) {
        let sum = f32x4.splat(0);
        let squares = f32x4.splat(0);
        for (let at = e + i; at < end; at += step) {
          const v = v128.load(at);
          sum = f32x4.add(sum, v);
          squares = f32x4.add(squares, f32x4.mul(v, v));
        }
        totals = f32x4.add(totals, f32x4.sub(f32x4.mul(sum, sum), squares));
      }
      total =
        f32x4.extract_lane(totals, 0) +
        f32x4.extract_lane(totals, 2) +
        (f32x4.extract_lane(totals, 1) + f32x4.extract_lane(totals, 3));
    }
    for (; i < 4 * width; i += 4) {
      let sum: f32 = 0;
      let squares: f32 = 0;
      for (let at = e + i; at < end; at += step) {
        const v = load<f32>(at);
        sum += v;
        squares += v * v;
      }
      total += sum * sum - squares;
    }
    store<f32>(logits + 4 * row, load<f32>(logits + 4 * row) + <f32>0.5 * total);
    e = end;
  }
}

/** The gradient of `fmForward`: de [rows, F, D] += dLogits · (Σ_f e_fj − e_fj). */
export function fmBackward(
  e: usize,
  dLogits: usize,
  de: usize,
  rows: usize,
  fields: usize,
  dim: usize,
  width: usize,
): void {
  const step: usize = 4 * dim;
  const beyond = de - e;
  for (let row: usize = 0; row < rows; row++) {
    const end = e + fields * step;
    const g = load<f32>(dLogits + 4 * row);
    let i: usize = 0;
    if (ASC_FEATURE_SIMD) {
      const gs = f32x4.splat(g);
      for (const vectors = (width << 2) & ~15; i < vectors; i += 16) {
        let sum = f32x4.splat(0);
        for (let at = e + i; at < end; at += step) sum = f32x4.add(sum, v128.load(at));
        for (let at = e + i; at < end; at += step)
          v128.store(at + beyond, f32x4.add(v128.load(at + beyond), f32x4.mul(gs, f32x4.sub(sum, v128.load(at)))));
      }
    }
    for (; i < 4 * width; i += 4) {
      let sum: f32 = 0;
      for (let at = e + i; at < end; at += step) sum += load<f32>(at);
      for (let at = e + i; at < end; at += step)
        store<f32>(at + beyond, load<f32>(at + beyond) + g * (sum - load<f32>(at)));
    }
    e = end;
  }
}
