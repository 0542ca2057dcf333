// Sections BUCKETS, KEYS and ROWS: which rows the blob holds, and where they are.
import {
  FILTER_BLOCK_BYTES,
  PAGE_DIGEST_BYTES,
  SECTION_BUCKETS,
  SECTION_FILTER,
  SECTION_KEYS,
  SECTION_PAGES,
  SECTION_ROWS,
  TYPE_F16,
  TYPE_F32,
  TYPE_I4,
  TYPE_I8,
} from "../../format/constants";
import { ARENA_ROWS, LOAD_BAD_ROWS, LOAD_OK } from "../../runtime/abi";
import { bucketBits, embeddingDim, fields, itemPages, pageCount, rowCount, rowType } from "./model";
import { sectionAddress, sectionBytes } from "./sections";

/** Bytes of one row, as format/row.ts lays it out. */
export let rowStride: u32 = 0;
/** The address of the first row. Field f's OOV row is at rows + f · rowStride. */
export let rows: usize = 0;

let buckets: usize = 0;
let keys: usize = 0;
/** h, how many keys there are, each with a row. */
let keyCount: u32 = 0;

/**
 * Checks the sections' sizes against MODEL, the order of the keys, the buckets against the keys, and the floats of
 * the rows. Returns a LOAD_* code.
 */
export function checkRows(): i32 {
  keyCount = rowCount - fields;
  rowStride = strideOf();
  if (sectionBytes(SECTION_BUCKETS) !== 4 * ((1 << bucketBits) + 1)) return LOAD_BAD_ROWS;
  if (sectionBytes(SECTION_KEYS) !== 8 * <u64>keyCount) return LOAD_BAD_ROWS;
  if (sectionBytes(SECTION_ROWS) !== <u64>rowCount * rowStride) return LOAD_BAD_ROWS;
  if (sectionBytes(SECTION_PAGES) !== (pageCount + itemPages) * PAGE_DIGEST_BYTES) return LOAD_BAD_ROWS;
  const filterBytes = sectionBytes(SECTION_FILTER);
  if (filterBytes % FILTER_BLOCK_BYTES !== 0 || (pageCount === 0 && filterBytes !== 0)) return LOAD_BAD_ROWS;
  rows = sectionAddress(SECTION_ROWS);
  keys = sectionAddress(SECTION_KEYS);
  buckets = sectionAddress(SECTION_BUCKETS);
  prepareDivision();
  return keysFitBuckets() && rowsFinite() ? LOAD_OK : LOAD_BAD_ROWS;
}

/** Bytes of one row of the model's type. */
function strideOf(): u32 {
  if (rowType === TYPE_I8) return 8 + ((embeddingDim + 3) & ~3);
  if (rowType === TYPE_I4) return 8 + (((embeddingDim + 7) >>> 3) << 2);
  if (rowType === TYPE_F16) return (2 + 2 * embeddingDim + 3) & ~3;
  return 4 + 4 * embeddingDim;
}

/** The address of the row with this key; 0 if the blob has none. */
export function findRow(key: u64): usize {
  const bucket = bucketOf(key);
  let low = load<u32>(buckets + 4 * bucket);
  let high = load<u32>(buckets + 4 * bucket, 4);
  // A bucket has two keys on average; bisection is for keys that are not spread evenly.
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

/** Whether `address` is that of a row in the blob, or of one of the ARENA_ROWS rows in the arena at `arena`. */
export function isRow(address: usize, arena: usize): bool {
  return rowNumber(<u32>(address - rows)) < rowCount || rowNumber(<u32>(address - arena)) < <u32>ARENA_ROWS;
}

// rowStride = odd · 2^strideTwos, and strideInverse is the inverse of the odd factor modulo 2³².
let strideInverse: u32 = 0;
let strideTwos: u32 = 0;

/**
 * offset / rowStride if that is an integer, otherwise a number above ⌊(2³² − 1) / rowStride⌋, which no number of rows
 * exceeds. So one comparison with the number of rows tells whether a row begins there. It takes no division, which
 * would cost as much as all multiplications of a row. Granlund & Montgomery, "Division by Invariant Integers using
 * Multiplication", 1994, section 9.
 */
function rowNumber(offset: u32): u32 {
  return rotr<u32>(offset * strideInverse, strideTwos);
}

/** Computes `strideInverse` and `strideTwos`. */
function prepareDivision(): void {
  strideTwos = ctz<u32>(rowStride);
  const odd = rowStride >>> strideTwos;
  let inverse = odd; // its last 3 bits are right, and each step of Newton's method doubles their number
  for (let step = 0; step < 4; step++) inverse *= 2 - odd * inverse;
  strideInverse = inverse;
}

function keyAt(i: u32): u64 {
  return load<u64>(keys + 8 * i);
}

function bucketOf(key: u64): u32 {
  return <u32>(key >>> (64 - bucketBits));
}

// A blob may have a million keys and rows. The checks below therefore collect what is wrong without a branch, which
// the processor would often predict wrongly, and look at it once at the end. They go in chunks for the reason that
// murmur.ts gives.

/** How many keys or rows one call checks. */
const CHUNK: u32 = 4096;

/** Whether keys ascend strictly, from above 0 (the OOV row's), and bucket b holds keys [starts[b], starts[b + 1]). */
function keysFitBuckets(): bool {
  const last = buckets + (4 << bucketBits);
  if (load<u32>(buckets) !== 0 || load<u32>(last) !== keyCount) return false;
  let descents: u32 = 0;
  for (let at = buckets; at < last; at += 4) descents |= u32(load<u32>(at) > load<u32>(at, 4));
  if (descents !== 0) return false;
  let i: u32 = 0;
  for (; keyCount - i > CHUNK; i += CHUNK) if (!keysFit(i, i + CHUNK)) return false;
  return keysFit(i, keyCount);
}

/**
 * Whether keys [i, end) ascend and each is in its bucket: the one that its high bits choose has its position. As
 * starts ascend from 0 to h, every position is in exactly one bucket.
 */
function keysFit(i: u32, end: u32): bool {
  let before: u64 = i === 0 ? 0 : keyAt(i - 1);
  let wrong: u32 = 0;
  for (; i < end; i++) {
    const key = keyAt(i);
    const bucket = buckets + 4 * bucketOf(key);
    const start = load<u32>(bucket);
    wrong |= u32(key <= before) | u32(i - start >= load<u32>(bucket, 4) - start);
    before = key;
  }
  return wrong === 0;
}

/** Whether the floats of all rows are finite. */
function rowsFinite(): bool {
  let row: u32 = 0;
  for (; rowCount - row > CHUNK; row += CHUNK) if (!areFinite(row, row + CHUNK)) return false;
  return areFinite(row, rowCount);
}

/** Whether the floats of rows [first, last) are finite: scale and w of int8 and int4 rows, w and v of others. */
function areFinite(first: u32, last: u32): bool {
  return floatsAreFinite(rows + first * rowStride, rows + last * rowStride);
}

/** Whether the floats of the rows in [row, end) are finite. */
export function floatsAreFinite(row: usize, end: usize): bool {
  // The exponent of a number that is not finite is all ones, so that adding one to it carries into the bit of the sign.
  let carries: u64 = 0;
  if (rowType === TYPE_F32) {
    for (; row < end; row += 4) carries |= (load<u32>(row) & 0x7f800000) + 0x00800000;
  } else if (rowType === TYPE_F16) {
    for (; row < end; row += rowStride) {
      for (let at = row; at <= row + 2 * embeddingDim; at += 2) carries |= (load<u16>(at) & 0x7c00) + 0x0400;
    }
    return (carries & 0x8000) === 0;
  } else {
    for (; row < end; row += rowStride) carries |= (load<u64>(row) & 0x7f8000007f800000) + 0x0080000000800000;
  }
  return (carries & 0x8000000080000000) === 0;
}
