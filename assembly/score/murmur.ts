// MurmurHash3_x86_128 (Austin Appleby, public domain, SMHasher), the checksum of the table and of every section;
// format/hash.ts computes the same.

const C1: u32 = 0x239b961b;
const C2: u32 = 0xab0e9789;
const C3: u32 = 0x38b34ae5;
const C4: u32 = 0xa1e38b93;

/**
 * Four vectors for the four words of a block, whose rotations are by r = 15, 16, 17 and 18: the factors before the
 * rotation; the same times 2ʳ; the factors after it; and 2ʳ⁻¹⁵.
 */
const FACTORS = memory.data<u32>(
  [C1, C2, C3, C4, C1 << 15, C2 << 16, C3 << 17, C4 << 18, C2, C3, C4, C1, 1, 2, 4, 8],
  16,
);

/**
 * How many bytes of a long section one call takes. An engine compiles a function quickly at first, and a call that
 * has begun goes on in that code, many times slower, to its end. Only a later call runs the optimized code.
 */
export const CHUNK_BYTES: u32 = 16384;

let h1: u32 = 0;
let h2: u32 = 0;
let h3: u32 = 0;
let h4: u32 = 0;

/** The first 64 bits of the hash of [address, address + bytes): word 0 low, word 1 high. */
export function murmur128(address: usize, bytes: u32, seed: u32): u64 {
  h1 = seed;
  h2 = seed;
  h3 = seed;
  h4 = seed;
  let at = address;
  const end = address + bytes;
  const blocksEnd = address + (bytes & ~15);
  // The function is called at two places, so that the compiler does not inline it.
  for (; blocksEnd - at > CHUNK_BYTES; at += CHUNK_BYTES) addBlocks(at, at + CHUNK_BYTES);
  addBlocks(at, blocksEnd);
  at = blocksEnd;
  // A word of zeros changes nothing, so the bytes that the last block lacks may be read as zeros.
  h4 ^= mix(tailWord(at + 12, end), C4, 18, C1) ^ bytes;
  h3 ^= mix(tailWord(at + 8, end), C3, 17, C4) ^ bytes;
  h2 ^= mix(tailWord(at + 4, end), C2, 16, C3) ^ bytes;
  h1 ^= mix(tailWord(at, end), C1, 15, C2) ^ bytes;

  h1 += h2 + h3 + h4;
  h2 = avalanche(h2 + h1);
  h3 = avalanche(h3 + h1);
  h4 = avalanche(h4 + h1);
  h1 = avalanche(h1) + h2 + h3 + h4;
  h2 += h1;
  return ((<u64>h2) << 32) | h1;
}

/** Adds the blocks of 16 bytes in [at, end) to the hash. */
function addBlocks(at: usize, end: usize): void {
  let a = h1;
  let b = h2;
  let c = h3;
  let d = h4;
  if (ASC_FEATURE_SIMD) {
    // These are read from memory, since an engine may make a constant anew for every block.
    const before = v128.load(FACTORS);
    const shifted = v128.load(FACTORS, 16);
    const after = v128.load(FACTORS, 32);
    const eighths = v128.load(FACTORS, 48);
    for (; at < end; at += 16) {
      // `mix` of four words. There is no instruction that rotates each lane by another number of bits r, so products
      // do it: times 2ʳ to the left, and for the r bits that come in at the right, the highest 18 bits times 2ʳ⁻¹⁵,
      // less the lowest 3.
      const words = v128.load(at);
      const high = i32x4.shr_u(i32x4.mul(words, before), 14);
      const right = i32x4.shr_u(i32x4.mul(high, eighths), 3);
      const mixed = i32x4.mul(v128.or(i32x4.mul(words, shifted), right), after);
      a = (rotl(a ^ i32x4.extract_lane(mixed, 0), 19) + b) * 5 + 0x561ccd1b;
      b = (rotl(b ^ i32x4.extract_lane(mixed, 1), 17) + c) * 5 + 0x0bcaa747;
      c = (rotl(c ^ i32x4.extract_lane(mixed, 2), 15) + d) * 5 + 0x96cd1c35;
      d = (rotl(d ^ i32x4.extract_lane(mixed, 3), 13) + a) * 5 + 0x32ac3b17;
    }
  } else {
    for (; at < end; at += 16) {
      a = (rotl(a ^ mix(load<u32>(at), C1, 15, C2), 19) + b) * 5 + 0x561ccd1b;
      b = (rotl(b ^ mix(load<u32>(at, 4), C2, 16, C3), 17) + c) * 5 + 0x0bcaa747;
      c = (rotl(c ^ mix(load<u32>(at, 8), C3, 17, C4), 15) + d) * 5 + 0x96cd1c35;
      d = (rotl(d ^ mix(load<u32>(at, 12), C4, 18, C1), 13) + a) * 5 + 0x32ac3b17;
    }
  }
  h1 = a;
  h2 = b;
  h3 = c;
  h4 = d;
}

/** A word, multiplied, rotated and multiplied again, before it is XORed into the hash. */
function mix(word: u32, before: u32, bits: u32, after: u32): u32 {
  return rotl(word * before, bits) * after;
}

/** MurmurHash3's final mix, after which every bit depends on all others. */
function avalanche(h: u32): u32 {
  h = (h ^ (h >> 16)) * 0x85ebca6b;
  h = (h ^ (h >> 13)) * 0xc2b2ae35;
  return h ^ (h >> 16);
}

/** The word at `address`, with zeros for the bytes from `end` on. */
function tailWord(address: usize, end: usize): u32 {
  let word: u32 = 0;
  for (let i: u32 = 0; i < 4 && address + i < end; i++) word |= (<u32>load<u8>(address + i)) << (8 * i);
  return word;
}
