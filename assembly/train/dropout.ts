// Dropout's random bytes, one for each unit of each record: a byte below `dropped` drops the unit. The generator is
// sfc32, as in trainer/data/random.ts, begun anew for each block of bytes, so that blocks can be drawn in any order and
// both engines draw the same.

/** Bytes that one generator draws. */
export const DROPOUT_BLOCK: usize = 4096;

const WARM_UP: usize = 15;

/**
 * Writes the random bytes of the blocks [first, first + count) of a list of `bytes`, which begins at `to`. Words are
 * written whole, their first bytes first: the list must have room for its last one.
 */
export function randomBlocks(seed: u32, to: usize, bytes: usize, first: usize, count: usize): void {
  for (let block = first; block < first + count; block++) {
    const at = to + block * DROPOUT_BLOCK;
    drawBlock(seed + <u32>block * 0x9e3779b9, at, min(at + DROPOUT_BLOCK, to + bytes));
  }
}

/** The bytes of `new Random(seed)` in trainer/data/random.ts. */
function drawBlock(seed: u32, to: usize, end: usize): void {
  let a = seed;
  let b: u32 = 0x9e3779b9;
  let c: u32 = 0x243f6a88;
  let counter: u32 = 1;
  let left = WARM_UP;
  while (to < end) {
    const bits = a + b + counter;
    counter++;
    a = b ^ (b >>> 9);
    b = c + (c << 3);
    c = rotl<u32>(c, 21) + bits;
    if (left > 0) {
      left--;
      continue;
    }
    store<u32>(to, bits);
    to += 4;
  }
}

/** What units are multiplied by: 0 where the byte drops the unit, otherwise `scale`. */
export function keep__scalar(byte: usize, dropped: u32, scale: f32): f32 {
  return <u32>load<u8>(byte) >= dropped ? scale : 0;
}

/** As `keep__scalar`, for four bytes in a row. */
export function keep__simd(bytes: usize, dropped: u32, scale: f32): v128 {
  const words = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(bytes)));
  return v128.and(i32x4.ge_s(words, i32x4.splat(dropped)), f32x4.splat(scale));
}
