// Dropout's random bytes, one for each unit of each record: a byte below `dropped` drops the unit. The generator is
// sfc32, as in trainer/data/random.ts, so that both engines draw the same.

/**
 * Writes ⌈count / 4⌉ random words, the first bytes first, at `to`, and moves the generator's state on: four words at
 * `state`, a, b, c and the counter. At `to` there must be room for the whole last word.
 */
export function randomBytes(state: usize, to: usize, count: usize): void {
  let a = load<u32>(state, 0);
  let b = load<u32>(state, 4);
  let c = load<u32>(state, 8);
  let counter = load<u32>(state, 12);
  for (let end = to + count; to < end; to += 4) {
    const bits = a + b + counter;
    counter++;
    a = b ^ (b >>> 9);
    b = c + (c << 3);
    c = rotl<u32>(c, 21) + bits;
    store<u32>(to, bits);
  }
  store<u32>(state, a, 0);
  store<u32>(state, b, 4);
  store<u32>(state, c, 8);
  store<u32>(state, counter, 12);
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
