// MurmurHash3_x86_128 (Austin Appleby, public domain, SMHasher), as format/hash.ts: the checksum of table and sections.

const C1: u32 = 0x239b961b;
const C2: u32 = 0xab0e9789;
const C3: u32 = 0x38b34ae5;
const C4: u32 = 0xa1e38b93;

/** The first 64 bits of the hash of [address, address + bytes): word 0 low, word 1 high. */
export function murmur128(address: usize, bytes: u32, seed: u32): u64 {
  let h1 = seed;
  let h2 = seed;
  let h3 = seed;
  let h4 = seed;
  let at = address;
  const end = address + bytes;
  const blocksEnd = address + (bytes & ~15);
  for (; at < blocksEnd; at += 16) {
    h1 = (rotl(h1 ^ mix(load<u32>(at), C1, 15, C2), 19) + h2) * 5 + 0x561ccd1b;
    h2 = (rotl(h2 ^ mix(load<u32>(at, 4), C2, 16, C3), 17) + h3) * 5 + 0x0bcaa747;
    h3 = (rotl(h3 ^ mix(load<u32>(at, 8), C3, 17, C4), 15) + h4) * 5 + 0x96cd1c35;
    h4 = (rotl(h4 ^ mix(load<u32>(at, 12), C4, 18, C1), 13) + h1) * 5 + 0x32ac3b17;
  }
  // A word of zeros leaves its lane as it is, so the missing bytes of the tail may be read as zeros.
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

function mix(word: u32, before: u32, bits: u32, after: u32): u32 {
  return rotl(word * before, bits) * after;
}

function avalanche(h: u32): u32 {
  h = (h ^ (h >> 16)) * 0x85ebca6b;
  h = (h ^ (h >> 13)) * 0xc2b2ae35;
  return h ^ (h >> 16);
}

/** The four bytes at `address`, those from `end` on as zeros. */
function tailWord(address: usize, end: usize): u32 {
  let word: u32 = 0;
  for (let i: u32 = 0; i < 4 && address + i < end; i++) word |= (<u32>load<u8>(address + i)) << (8 * i);
  return word;
}
