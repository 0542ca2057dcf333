// Sections BUCKETS, KEYS and ROWS: which rows the blob holds, and where.
import {
  ARENA_ROWS,
  LOAD_BAD_ROWS,
  LOAD_OK,
  PAGE_DIGEST_BYTES,
  SECTION_BUCKETS,
  SECTION_KEYS,
  SECTION_PAGES,
  SECTION_ROWS,
  TYPE_F16,
  TYPE_I4,
  TYPE_I8,
} from "../format/constants";
import { bucketBits, embeddingDim, fields, pageCount, rowCount, rowType } from "./model";
import { sectionAddress, sectionBytes } from "./sections";

/** Bytes of one row, as format/row.ts lays it out. */
export let rowStride: u32 = 0;
/** Where the rows begin: field f's OOV row is at rows + f · rowStride. */
export let rows: usize = 0;

let buckets: usize = 0;
let keys: usize = 0;
/** Keys, and rows that have one: h. */
let keyCount: u32 = 0;

/** Checks the sections' sizes against MODEL, the keys' order, the buckets against the keys, and the rows' floats. */
export function checkRows(): i32 {
  keyCount = rowCount - fields;
  rowStride = strideOf();
  if (sectionBytes(SECTION_BUCKETS) !== 4 * ((1 << bucketBits) + 1)) return LOAD_BAD_ROWS;
  if (sectionBytes(SECTION_KEYS) !== 8 * <u64>keyCount) return LOAD_BAD_ROWS;
  if (sectionBytes(SECTION_ROWS) !== <u64>rowCount * rowStride) return LOAD_BAD_ROWS;
  if (sectionBytes(SECTION_PAGES) !== pageCount * PAGE_DIGEST_BYTES) return LOAD_BAD_ROWS;
  rows = sectionAddress(SECTION_ROWS);
  keys = sectionAddress(SECTION_KEYS);
  buckets = sectionAddress(SECTION_BUCKETS);
  prepareDivision();
  return keysAscend() && bucketsFitKeys() && rowsFinite() ? LOAD_OK : LOAD_BAD_ROWS;
}

function strideOf(): u32 {
  if (rowType === TYPE_I8) return 8 + ((embeddingDim + 3) & ~3);
  if (rowType === TYPE_I4) return 8 + (((embeddingDim + 7) >>> 3) << 2);
  if (rowType === TYPE_F16) return (2 + 2 * embeddingDim + 3) & ~3;
  return 4 + 4 * embeddingDim;
}

/** The address of the row with this key, 0 if the blob has none. */
export function findRow(key: u64): usize {
  const bucket = bucketOf(key);
  let low = load<u32>(buckets + 4 * bucket);
  let high = load<u32>(buckets + 4 * bucket, 4);
  // Two keys a bucket on average; the bisection is for keys that are not spread evenly.
  while (low < high) {
    const middle = (low + high) >>> 1;
    assert(middle < keyCount);
    const at = keyAt(middle);
    if (at === key) return rows + (fields + middle) * rowStride;
    if (at < key) low = middle + 1;
    else high = middle;
  }
  return 0;
}

/** Whether `address` is that of a row in the blob, or in the arena of ARENA_ROWS rows. */
export function isRow(address: usize, arena: usize): bool {
  return rowNumber(<u32>(address - rows)) < rowCount || rowNumber(<u32>(address - arena)) < <u32>ARENA_ROWS;
}

let strideInverse: u32 = 0;
let strideTwos: u32 = 0;

/**
 * offset / rowStride where it divides, otherwise more than ⌊(2³² − 1) / rowStride⌋, which no number of rows exceeds; so
 * one comparison checks both boundary and bounds. A division a row would cost as much as its multiplications.
 * Granlund & Montgomery, "Division by Invariant Integers using Multiplication", 1994, section 9.
 */
function rowNumber(offset: u32): u32 {
  return rotr<u32>(offset * strideInverse, strideTwos);
}

/** Splits rowStride into odd · 2^twos and inverts the odd factor modulo 2³². */
function prepareDivision(): void {
  strideTwos = ctz<u32>(rowStride);
  const odd = rowStride >>> strideTwos;
  let inverse = odd; // right in its last 3 bits; each Newton step doubles them
  for (let step = 0; step < 4; step++) inverse *= 2 - odd * inverse;
  strideInverse = inverse;
}

function keyAt(i: u32): u64 {
  return load<u64>(keys + 8 * i);
}

function bucketOf(key: u64): u32 {
  return <u32>(key >>> (64 - bucketBits));
}

/** Strictly, from above 0: the key 0 means the OOV row. */
function keysAscend(): bool {
  if (keyCount > 0 && keyAt(0) === 0) return false;
  for (let i: u32 = 1; i < keyCount; i++) if (keyAt(i - 1) >= keyAt(i)) return false;
  return true;
}

/** Bucket i holds keys [starts[i], starts[i + 1]); the keys ascend. */
function bucketsFitKeys(): bool {
  let key: u32 = 0;
  const count: u32 = 1 << bucketBits;
  for (let bucket: u32 = 0; bucket < count; bucket++) {
    if (load<u32>(buckets + 4 * bucket) !== key) return false;
    while (key < keyCount && bucketOf(keyAt(key)) === bucket) key++;
  }
  // Ascending keys have all had their bucket by now.
  return load<u32>(buckets + 4 * count) === keyCount;
}

/** A row's floats: scale and w, or w and v. */
function rowsFinite(): bool {
  const floats: u32 = rowType === TYPE_I8 || rowType === TYPE_I4 ? 2 : 1 + embeddingDim;
  const end = rows + rowCount * rowStride;
  for (let row = rows; row < end; row += rowStride) {
    for (let i: u32 = 0; i < floats; i++) {
      if (rowType === TYPE_F16) {
        if ((load<u16>(row + 2 * i) & 0x7c00) === 0x7c00) return false;
      } else if (!F32.isFinite(load<f32>(row + 4 * i))) return false;
    }
  }
  return true;
}
