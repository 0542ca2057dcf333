// Products of a matrix S that is mostly zeros with a dense one. ReLU leaves half of a layer's units at 0 and dropout
// its share of the others, so that of 0.5 a quarter of the numbers is left, in the units as in their gradients; a dense
// product would multiply by all of them. The dense matrix is packed in panels of PANEL columns, [depth, PANEL] each. A
// list has the numbers of a row or a column of S that are not 0: pairs of the offset of its row in a panel (u32) and
// the number. A number of the result is summed in the order of its list.

import { packRows } from "../gemm/pack";
import { madd } from "../madd";
import { packedA, packedB } from "./scratch";

/** Columns of a panel: eight accumulators. */
export const PANEL: usize = 32;
const PANEL_BYTES: usize = 4 * PANEL;

/** Rows of S whose lists are made at a time. They take 64 KiB of the 192 KiB at `packedA`. */
export const LISTS: usize = 32;
/** Columns of S whose lists are made at a time: fewer, so that there are enough of such parts for some threads. */
export const COLUMN_LISTS: usize = 16;
/** Room for the ends of lists and for a tile before the lists, at `packedA`. */
const ENDS_BYTES: usize = 4 * LISTS;
const TILE_BYTES: usize = LISTS * PANEL_BYTES;

/** Rows of a panel that are multiplied at a time: they take 32 KiB and stay in the L1 cache for all lists. */
export const MOST_LISTED: usize = 256;

/** Packs the panels [first, first + count) of B [k, n], or of B [n, k] where it is to be transposed. */
export function packWide(
  first: usize,
  count: usize,
  b: usize,
  stride: usize,
  columns: usize,
  depth: usize,
  transposed: bool,
): void {
  const from = first * PANEL;
  const lines = min(count * PANEL, columns - from);
  let to = packedB + from * 4 * depth;
  if (transposed) {
    packRows(b + from * stride, stride, lines, depth, to, PANEL);
    return;
  }
  for (let line: usize = 0; line < lines; line += PANEL) {
    const bytes: usize = 4 * min(PANEL, lines - line);
    let x = b + 4 * (from + line);
    if (bytes < PANEL_BYTES) memory.fill(to, 0, PANEL_BYTES * depth);
    for (const end = to + PANEL_BYTES * depth; to < end; to += PANEL_BYTES, x += stride) {
      let i: usize = 0;
      if (ASC_FEATURE_SIMD)
        for (const vectors = bytes & ~15; i < vectors; i += 16) v128.store(to + i, v128.load(x + i));
      for (; i < bytes; i += 4) store<f32>(to + i, load<f32>(x + i));
    }
  }
}

/** Lists the numbers that are not 0 of `count`, `step` bytes apart. Returns where the list ends. */
function listNumbers(x: usize, count: usize, step: usize, to: usize): usize {
  const end = <u32>(count * PANEL_BYTES);
  for (let offset: u32 = 0; offset < end; offset += <u32>PANEL_BYTES, x += step) {
    const bits = load<u32>(x);
    store<u64>(to, ((<u64>bits) << 32) | offset);
    // The processor would mispredict a branch here every other time. Both zeros have no bit but the sign's.
    to += select<usize>(8, 0, bits << 1 !== 0);
  }
  return to;
}

/** c [PANEL] = the sum of the rows of a panel that a list names, times its numbers; or += it. */
function f32_addListed(list: usize, end: usize, panel: usize, c: usize, accumulate: bool): void {
  if (ASC_FEATURE_SIMD) addListed__simd(list, end, panel, c, accumulate);
  else addListed__scalar(list, end, panel, c, accumulate);
}

function addListed__scalar(list: usize, end: usize, panel: usize, c: usize, accumulate: bool): void {
  if (!accumulate) memory.fill(c, 0, PANEL_BYTES);
  for (; list < end; list += 8) {
    const at = panel + load<u32>(list);
    const x = load<f32>(list, 4);
    for (let i: usize = 0; i < PANEL_BYTES; i += 4) store<f32>(c + i, load<f32>(c + i) + x * load<f32>(at + i));
  }
}

function addListed__simd(list: usize, end: usize, panel: usize, c: usize, accumulate: bool): void {
  // Written and read again: V8 joins the loads of two neighbors (trainer/engine/assembly/wide.ts), but no choices.
  if (!accumulate) {
    const zero = f32x4.splat(0);
    v128.store(c, zero, 0);
    v128.store(c, zero, 16);
    v128.store(c, zero, 32);
    v128.store(c, zero, 48);
    v128.store(c, zero, 64);
    v128.store(c, zero, 80);
    v128.store(c, zero, 96);
    v128.store(c, zero, 112);
  }
  let c0 = v128.load(c, 0);
  let c1 = v128.load(c, 16);
  let c2 = v128.load(c, 32);
  let c3 = v128.load(c, 48);
  let c4 = v128.load(c, 64);
  let c5 = v128.load(c, 80);
  let c6 = v128.load(c, 96);
  let c7 = v128.load(c, 112);
  // Two at a time, which saves a tenth.
  for (; list + 8 < end; list += 16) {
    const at = panel + load<u32>(list);
    const next = panel + load<u32>(list, 8);
    let x = v128.load32_splat(list, 4);
    c0 = madd(x, v128.load(at, 0), c0);
    c1 = madd(x, v128.load(at, 16), c1);
    c2 = madd(x, v128.load(at, 32), c2);
    c3 = madd(x, v128.load(at, 48), c3);
    c4 = madd(x, v128.load(at, 64), c4);
    c5 = madd(x, v128.load(at, 80), c5);
    c6 = madd(x, v128.load(at, 96), c6);
    c7 = madd(x, v128.load(at, 112), c7);
    x = v128.load32_splat(list, 12);
    c0 = madd(x, v128.load(next, 0), c0);
    c1 = madd(x, v128.load(next, 16), c1);
    c2 = madd(x, v128.load(next, 32), c2);
    c3 = madd(x, v128.load(next, 48), c3);
    c4 = madd(x, v128.load(next, 64), c4);
    c5 = madd(x, v128.load(next, 80), c5);
    c6 = madd(x, v128.load(next, 96), c6);
    c7 = madd(x, v128.load(next, 112), c7);
  }
  if (list < end) {
    const at = panel + load<u32>(list);
    const x = v128.load32_splat(list, 4);
    c0 = madd(x, v128.load(at, 0), c0);
    c1 = madd(x, v128.load(at, 16), c1);
    c2 = madd(x, v128.load(at, 32), c2);
    c3 = madd(x, v128.load(at, 48), c3);
    c4 = madd(x, v128.load(at, 64), c4);
    c5 = madd(x, v128.load(at, 80), c5);
    c6 = madd(x, v128.load(at, 96), c6);
    c7 = madd(x, v128.load(at, 112), c7);
  }
  v128.store(c, c0, 0);
  v128.store(c, c1, 16);
  v128.store(c, c2, 32);
  v128.store(c, c3, 48);
  v128.store(c, c4, 64);
  v128.store(c, c5, 80);
  v128.store(c, c6, 96);
  v128.store(c, c7, 112);
}

/**
 * c [rows, n] = S · B for S [rows, k], and B [k, n] that is packed. `cStride`: bytes between the rows of c. What a row
 * of c has beyond n is left alone.
 */
export function multiplyListedRows(s: usize, rows: usize, k: usize, c: usize, cStride: usize, n: usize): void {
  const ends = packedA;
  const tile = ends + ENDS_BYTES;
  const lists = tile + TILE_BYTES;
  const parts = (k + MOST_LISTED - 1) / MOST_LISTED;
  const most = (k + parts - 1) / parts;
  for (let first: usize = 0; first < rows; first += LISTS) {
    const count = min(LISTS, rows - first);
    for (let k0: usize = 0; k0 < k; k0 += most) {
      let end = lists;
      for (let i: usize = 0; i < count; i++) {
        end = listNumbers(s + 4 * (k * (first + i) + k0), min(most, k - k0), 4, end);
        store<usize>(ends + 4 * i, end);
      }
      for (let j: usize = 0; j < n; j += PANEL) {
        const panel = packedB + 4 * j * k + PANEL_BYTES * k0;
        const to = c + first * cStride + 4 * j;
        const isWhole = j + PANEL <= n;
        let list = lists;
        for (let i: usize = 0; i < count; i++) {
          const last: usize = load<usize>(ends + 4 * i);
          if (isWhole) f32_addListed(list, last, panel, to + i * cStride, k0 > 0);
          else f32_addListed(list, last, panel, tile + i * PANEL_BYTES, false);
          list = last;
        }
        if (!isWhole) addTile(tile, count, n - j, to, cStride, k0 > 0);
      }
    }
  }
}

/**
 * Sᵀ · B for the columns [first, first + count) of S, at `s` with `stride` bytes between its `rows` rows, and B [rows,
 * n] that is packed. Column j gives row j of C, whose rows are `cStride` bytes apart; or, `turned`, column j of it. It
 * is added to what is there, if `accumulate`.
 */
export function multiplyListedColumns(
  s: usize,
  first: usize,
  count: usize,
  rows: usize,
  stride: usize,
  c: usize,
  cStride: usize,
  n: usize,
  turned: bool,
  accumulate: bool,
): void {
  const ends = packedA;
  const tile = ends + ENDS_BYTES;
  const lists = tile + TILE_BYTES;
  for (let done: usize = 0; done < count; done += COLUMN_LISTS) {
    for (let row: usize = 0; row < rows; row += MOST_LISTED) {
      const from = first + done;
      const columns = min(COLUMN_LISTS, count - done);
      const adds = accumulate || row > 0;
      let end = lists;
      for (let i: usize = 0; i < columns; i++) {
        end = listNumbers(s + row * stride + 4 * (from + i), min(MOST_LISTED, rows - row), stride, end);
        store<usize>(ends + 4 * i, end);
      }
      for (let j: usize = 0; j < n; j += PANEL) {
        const panel = packedB + 4 * j * rows + PANEL_BYTES * row;
        const width = min(PANEL, n - j);
        let list = lists;
        for (let i: usize = 0; i < columns; i++) {
          const last: usize = load<usize>(ends + 4 * i);
          const to = c + (from + i) * cStride + 4 * j;
          if (!turned && width === PANEL) f32_addListed(list, last, panel, to, adds);
          else f32_addListed(list, last, panel, tile + i * PANEL_BYTES, false);
          list = last;
        }
        if (turned) addTurned(tile, columns, width, c + j * cStride + 4 * from, cStride, adds);
        else if (width < PANEL) addTile(tile, columns, width, c + from * cStride + 4 * j, cStride, adds);
      }
    }
  }
}

/** c [lines, width] = the beginnings of a tile's rows; or += them. */
function addTile(tile: usize, lines: usize, width: usize, c: usize, cStride: usize, accumulate: bool): void {
  for (let i: usize = 0; i < lines; i++) {
    for (let j: usize = 0; j < 4 * width; j += 4) {
      const x = load<f32>(tile + i * PANEL_BYTES + j);
      store<f32>(c + j, accumulate ? load<f32>(c + j) + x : x);
    }
    c += cStride;
  }
}

/** c [width, lines] = the transpose of `addTile`'s; or += it. */
function addTurned(tile: usize, lines: usize, width: usize, c: usize, cStride: usize, accumulate: bool): void {
  let j: usize = 0;
  if (ASC_FEATURE_SIMD && lines === COLUMN_LISTS) {
    for (; j + 4 <= width; j += 4) {
      for (let i: usize = 0; i < COLUMN_LISTS; i += 4)
        addTurned4x4__simd(tile + i * PANEL_BYTES + 4 * j, c + j * cStride + 4 * i, cStride, accumulate);
    }
  }
  for (; j < width; j++) {
    const to = c + j * cStride;
    for (let i: usize = 0; i < lines; i++) {
      const x = load<f32>(tile + i * PANEL_BYTES + 4 * j);
      store<f32>(to + 4 * i, accumulate ? load<f32>(to + 4 * i) + x : x);
    }
  }
}

function addTurned4x4__simd(tile: usize, c: usize, cStride: usize, accumulate: bool): void {
  const a = v128.load(tile);
  const b = v128.load(tile + PANEL_BYTES);
  const d = v128.load(tile + 2 * PANEL_BYTES);
  const e = v128.load(tile + 3 * PANEL_BYTES);
  const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
  const de = v128.shuffle<f32>(d, e, 0, 4, 1, 5);
  const ab2 = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const de2 = v128.shuffle<f32>(d, e, 2, 6, 3, 7);
  addVector(c, v128.shuffle<f32>(ab, de, 0, 1, 4, 5), accumulate);
  addVector(c + cStride, v128.shuffle<f32>(ab, de, 2, 3, 6, 7), accumulate);
  addVector(c + 2 * cStride, v128.shuffle<f32>(ab2, de2, 0, 1, 4, 5), accumulate);
  addVector(c + 3 * cStride, v128.shuffle<f32>(ab2, de2, 2, 3, 6, 7), accumulate);
}

function addVector(c: usize, x: v128, accumulate: bool): void {
  v128.store(c, accumulate ? f32x4.add(x, v128.load(c)) : x);
}
