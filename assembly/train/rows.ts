// The rows of a batch: gathering, the way back of their gradients, and Adam. A table is [V, width], and a row of it is
// [w, v₁ … v_D], width = D + 1. A cell is one field of one record; its entries, each a row and a value x, lie together.

/**
 * Numbers the rows of `count` entries in the order in which they first occur. `rows` (i32): an entry's row. `unique`
 * gets each row once, and `places` (i32) each entry's place in it. `stamps` and `locals` (i32 [V]) are kept from call
 * to call, and `now` is another number in each. Returns how many there are.
 */
export function uniqueRows(
  rows: usize,
  count: u32,
  stamps: usize,
  locals: usize,
  now: i32,
  unique: usize,
  places: usize,
): u32 {
  let found: u32 = 0;
  for (let i: usize = 0; i < 4 * <usize>count; i += 4) {
    const row = load<u32>(rows + i);
    const at: usize = 4 * <usize>row;
    if (load<i32>(stamps + at) !== now) {
      store<i32>(stamps + at, now);
      store<u32>(locals + at, found);
      store<u32>(unique + 4 * <usize>found, row);
      found++;
    }
    store<u32>(places + i, load<u32>(locals + at));
  }
  return found;
}

/**
 * linear [cells] = Σ x·w and embeddings [cells, D] = Σ x·v over each cell's entries, which are those numbered
 * [starts[cell], starts[cell + 1]) (u32 [cells + 1]).
 */
export function gatherRows(
  table: usize,
  width: usize,
  cells: usize,
  starts: usize,
  rows: usize,
  xs: usize,
  linear: usize,
  embeddings: usize,
): void {
  const bytes: usize = 4 * (width - 1);
  let entry: usize = load<u32>(starts);
  for (let cell: usize = 0; cell < cells; cell++, embeddings += bytes) {
    const last: usize = load<u32>(starts + 4 * cell, 4);
    let sum: f64 = 0;
    if (entry === last) memory.fill(embeddings, 0, bytes);
    for (let isFirst = true; entry < last; entry++, isFirst = false) {
      const row = table + 4 * width * <usize>load<u32>(rows + 4 * entry);
      const x = load<f32>(xs + 4 * entry);
      sum += <f64>x * <f64>load<f32>(row);
      let i: usize = 0;
      if (ASC_FEATURE_SIMD) {
        const times = f32x4.splat(x);
        for (const vectors = bytes & ~15; i < vectors; i += 16) {
          let v = f32x4.mul(times, v128.load(row + i, 4));
          if (!isFirst) v = f32x4.add(v, v128.load(embeddings + i));
          v128.store(embeddings + i, v);
        }
      }
      for (; i < bytes; i += 4) {
        let v = x * load<f32>(row + i, 4);
        if (!isFirst) v += load<f32>(embeddings + i);
        store<f32>(embeddings + i, v);
      }
    }
    store<f32>(linear + 4 * cell, <f32>sum);
  }
}

/**
 * gradients [count, width]: those of the batch's rows, in the order of `unique`, from those of what `gatherRows` gave.
 * `places` (i32): where each entry's row is in `unique`.
 */
export function scatterRows(
  gradients: usize,
  count: usize,
  width: usize,
  cells: usize,
  starts: usize,
  places: usize,
  xs: usize,
  dLinear: usize,
  dEmbeddings: usize,
): void {
  const bytes: usize = 4 * (width - 1);
  memory.fill(gradients, 0, 4 * count * width);
  let entry: usize = load<u32>(starts);
  for (let cell: usize = 0; cell < cells; cell++, dEmbeddings += bytes) {
    const last: usize = load<u32>(starts + 4 * cell, 4);
    const own = load<f32>(dLinear + 4 * cell);
    for (; entry < last; entry++) {
      const to = gradients + 4 * width * <usize>load<u32>(places + 4 * entry);
      const x = load<f32>(xs + 4 * entry);
      store<f32>(to, load<f32>(to) + x * own);
      let i: usize = 0;
      if (ASC_FEATURE_SIMD) {
        const times = f32x4.splat(x);
        for (const vectors = bytes & ~15; i < vectors; i += 16) {
          const step = f32x4.mul(times, v128.load(dEmbeddings + i));
          v128.store(to + i, f32x4.add(v128.load(to + i, 4), step), 4);
        }
      }
      for (; i < bytes; i += 4) store<f32>(to + i, load<f32>(to + i, 4) + x * load<f32>(dEmbeddings + i), 4);
    }
  }
}
