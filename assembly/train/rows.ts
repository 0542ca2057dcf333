// The rows of a batch: gathering, the way back of their gradients, and Adam. A table is [V, width], and a row of it is
// [w, v₁ … v_D], width = D + 1. A cell is one field of one record; its entries, each a row and a value x, lie together.

import { f32_axpy, sumOfSquares, touched } from "./lists";

/** Entries whose rows are taken from memory at once. */
const AHEAD: usize = 32;

/**
 * Numbers the rows of `count` entries in the order in which they first occur. `rows` (i32): an entry's row. `unique`
 * gets each row once, and `places` (i32) each entry's place in it. `slots` (i32 [V, 2]) is kept from call to call: of
 * the rows that call number `now` has met, their places and `now`. Returns how many there are.
 */
function uniqueRows(rows: usize, count: u32, slots: usize, now: u32, unique: usize, places: usize): u32 {
  let found: u32 = 0;
  for (let i: usize = 0; i < 4 * <usize>count; i += 4) {
    const row = load<u32>(rows + i);
    // No branch, which the processor would mispredict, and then wait for the slot before it goes on.
    const slot = slots + 8 * <usize>row;
    const kept = load<u64>(slot);
    const isNew = <u32>(kept >> 32) !== now;
    const place = select<u32>(found, <u32>kept, isNew);
    store<u64>(slot, ((<u64>now) << 32) | place);
    store<u32>(unique + 4 * <usize>found, row);
    store<u32>(places + i, place);
    found += select<u32>(1, 0, isNew);
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
  const end: usize = load<u32>(starts + 4 * cells);
  let ahead = entry;
  for (let cell: usize = 0; cell < cells; cell++, embeddings += bytes) {
    const last: usize = load<u32>(starts + 4 * cell, 4);
    if (ahead < last) {
      let bits: u32 = 0;
      for (const to = min(end, last + AHEAD); ahead < to; ahead++)
        bits |= touched(table + 4 * width * <usize>load<u32>(rows + 4 * ahead), 4 * width);
      store<u32>(linear + 4 * cell, bits); // which is written again below
    }
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
 * Lists the entries of each row of a batch, in their order: those of the row at place p are numbered [firsts[p],
 * firsts[p + 1]) in `entries`, and `owners` has the cell of each. `places`: each entry's row, of which there are
 * `count`. All are u32.
 */
function groupEntries(
  cells: usize,
  starts: usize,
  places: usize,
  count: usize,
  firsts: usize,
  entries: usize,
  owners: usize,
): void {
  memory.fill(firsts, 0, 4 * (count + 1));
  const from = load<u32>(starts);
  const end = load<u32>(starts + 4 * cells);
  for (let entry = from; entry < end; entry++) {
    const at = firsts + 4 * <usize>load<u32>(places + 4 * <usize>entry);
    store<u32>(at, load<u32>(at, 4) + 1, 4);
  }
  for (let at = firsts; at < firsts + 4 * count; at += 4) store<u32>(at, load<u32>(at, 4) + load<u32>(at), 4);
  // Each row's first moves to its end meanwhile, which is where the next row's was, and back afterwards.
  for (let cell: usize = 0, entry = from; cell < cells; cell++) {
    for (const last = load<u32>(starts + 4 * cell, 4); entry < last; entry++) {
      const at = firsts + 4 * <usize>load<u32>(places + 4 * <usize>entry);
      const to: usize = 4 * <usize>load<u32>(at);
      store<u32>(at, load<u32>(at) + 1);
      store<u32>(entries + to, entry);
      store<u32>(owners + to, <u32>cell);
    }
  }
  for (let at = firsts + 4 * count; at > firsts; at -= 4) store<u32>(at, load<u32>(at - 4));
  store<u32>(firsts, 0);
}

/**
 * gradients [count, width]: those of the rows at the places [first, first + count), from those of what `gatherRows`
 * gave. `firsts`, `entries`, `owners`: as `groupEntries` made them.
 */
export function scatterRows(
  gradients: usize,
  first: usize,
  count: usize,
  width: usize,
  firsts: usize,
  entries: usize,
  owners: usize,
  xs: usize,
  dLinear: usize,
  dEmbeddings: usize,
): void {
  const bytes: usize = 4 * (width - 1);
  let at: usize = 4 * <usize>load<u32>(firsts + 4 * first);
  let to = gradients + 4 * width * first;
  memory.fill(to, 0, 4 * width * count);
  for (let place = first; place < first + count; place++, to += 4 * width) {
    for (const last: usize = 4 * <usize>load<u32>(firsts + 4 * place, 4); at < last; at += 4) {
      const x = load<f32>(xs + 4 * <usize>load<u32>(entries + at));
      const cell: usize = load<u32>(owners + at);
      store<f32>(to, load<f32>(to) + x * load<f32>(dLinear + 4 * cell));
      f32_axpy(x, dEmbeddings + cell * bytes, to + 4, width - 1);
    }
  }
}

/** `uniqueRows` and then `groupEntries` of the same batch. Returns what the first does. */
export function numberRows(
  cells: usize,
  starts: usize,
  rows: usize,
  entryCount: u32,
  slots: usize,
  now: u32,
  unique: usize,
  places: usize,
  firsts: usize,
  entries: usize,
  owners: usize,
): u32 {
  const count = uniqueRows(rows, entryCount, slots, now, unique, places);
  groupEntries(cells, starts, places, count, firsts, entries, owners);
  return count;
}

/** ‖gradient + decay · row‖² over the `count` rows of `values` that are numbered in `rows` (i32). */
export function sumOfSquaresOfRows(
  values: usize,
  rows: usize,
  count: usize,
  width: usize,
  gradients: usize,
  decay: f64,
): f64 {
  let sum: f64 = 0;
  for (let i: usize = 0; i < count; i++, gradients += 4 * width) {
    // A row that is not needed is not waited for: the gradients stand in for it.
    const row = decay === 0 ? gradients : values + 4 * width * <usize>load<u32>(rows + 4 * i);
    sum += sumOfSquares(gradients, row, decay, width);
  }
  return sum;
}
