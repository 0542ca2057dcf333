import { randomFillSync } from "node:crypto";

// Tables of row keys by open addressing: typed arrays, at most half full, whose size is a power of two. A Map of 64-bit
// keys would take an object for each.

/**
 * Eight tables of 256 random words, one for each byte of a key. The exclusive or of a key's words is simple tabulation,
 * with which linear probing takes constant expected time whatever the keys are (Pătraşcu and Thorup, "The Power of
 * Simple Tabulation Hashing", 2012). So nobody can choose keys that come to lie side by side.
 */
const RANDOM = randomFillSync(new Uint32Array(8 * 256));

function bitsOf(lo: number, hi: number): number {
  return (
    RANDOM[lo & 255] ^
    RANDOM[256 | ((lo >>> 8) & 255)] ^
    RANDOM[512 | ((lo >>> 16) & 255)] ^
    RANDOM[768 | (lo >>> 24)] ^
    RANDOM[1024 | (hi & 255)] ^
    RANDOM[1280 | ((hi >>> 8) & 255)] ^
    RANDOM[1536 | ((hi >>> 16) & 255)] ^
    RANDOM[1792 | (hi >>> 24)]
  );
}

/**
 * The slot that holds a key, or the free one where it belongs. `keys`: two words a slot, the low one first. `used`: 0
 * in a free slot.
 */
export function slotOf(keys: Uint32Array, used: Uint32Array, lo: number, hi: number): number {
  const mask = used.length - 1;
  let slot = bitsOf(lo, hi) & mask;
  while (used[slot] !== 0 && (keys[2 * slot] !== lo || keys[2 * slot + 1] !== hi)) slot = (slot + 1) & mask;
  return slot;
}
