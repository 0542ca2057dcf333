// Chaskey-12, the hash of row keys; format/chaskey.ts computes the same, and has its source.

const ROUNDS: u32 = 12;
const BLOCK_BYTES: usize = 16;

/** Offsets in a key's twelve words: K, then K1 for a last block that is full, and K2 for one that is padded. */
const K1: usize = 16;
const K2: usize = 32;

/**
 * The first 64 bits of the tag of [start, end), the first word low. `key`: where its twelve words are. Up to 15 bytes
 * behind the text are read, and do not matter.
 */
export function chaskey(start: usize, end: usize, key: usize): u64 {
  let v0 = load<u32>(key);
  let v1 = load<u32>(key, 4);
  let v2 = load<u32>(key, 8);
  let v3 = load<u32>(key, 12);
  let at = start;
  let last = key + K1;
  while (true) {
    let low = load<u64>(at);
    let high = load<u64>(at, 8);
    const left = end - at;
    if (left < BLOCK_BYTES) {
      // The rest is padded by a byte 1 and zeros.
      last = key + K2;
      const bits = (<u64>left * 8) & 63;
      const one = (<u64>1) << bits;
      if (left < 8) {
        low = (low & (one - 1)) | one;
        high = 0;
      } else high = (high & (one - 1)) | one;
    }
    v0 ^= <u32>low;
    v1 ^= <u32>(low >>> 32);
    v2 ^= <u32>high;
    v3 ^= <u32>(high >>> 32);
    const isLast = left <= BLOCK_BYTES;
    if (isLast) {
      v0 ^= load<u32>(last);
      v1 ^= load<u32>(last, 4);
      v2 ^= load<u32>(last, 8);
      v3 ^= load<u32>(last, 12);
    }
    for (let round: u32 = 0; round < ROUNDS; round++) {
      v0 += v1;
      v1 = rotl<u32>(v1, 5) ^ v0;
      v0 = rotl<u32>(v0, 16);
      v2 += v3;
      v3 = rotl<u32>(v3, 8) ^ v2;
      v0 += v3;
      v3 = rotl<u32>(v3, 13) ^ v0;
      v2 += v1;
      v1 = rotl<u32>(v1, 7) ^ v2;
      v2 = rotl<u32>(v2, 16);
    }
    if (isLast) return ((<u64>(v1 ^ load<u32>(last, 4))) << 32) | (v0 ^ load<u32>(last));
    at += BLOCK_BYTES;
  }
}
