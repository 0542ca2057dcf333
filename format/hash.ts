import { rotl, tailAt, wordAt } from "./words.ts";

// MurmurHash3_x86_128 (Austin Appleby, public domain, SMHasher): the checksum of a blob's sections, and the hash of row
// keys up to format 5 of the blob. It needs 32-bit arithmetic only, so JavaScript and WebAssembly compute it at the
// same price. Whoever wants two texts with one hash can compute them, whatever the seed is: chaskey.ts has the hash of
// row keys since.

const C1 = 0x239b961b;
const C2 = 0xab0e9789 | 0;
const C3 = 0x38b34ae5;
const C4 = 0xa1e38b93 | 0;

function avalanche(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** The first 64 bits of a 128-bit hash, as two unsigned 32-bit words. */
export interface Hash64 {
  lo: number;
  hi: number;
}

/**
 * Hashes `bytes[start, end)`. Writes the first two 32-bit words of the digest into `out` and returns it, so that
 * a caller who hashes many values allocates nothing.
 */
export function murmur128(bytes: Uint8Array, start: number, end: number, seed: number, out: Hash64): Hash64 {
  const length = end - start;
  let h1 = seed | 0;
  let h2 = h1;
  let h3 = h1;
  let h4 = h1;

  let i = start;
  for (; i + 16 <= end; i += 16) {
    h1 ^= Math.imul(rotl(Math.imul(wordAt(bytes, i), C1), 15), C2);
    h1 = (Math.imul((rotl(h1, 19) + h2) | 0, 5) + 0x561ccd1b) | 0;
    h2 ^= Math.imul(rotl(Math.imul(wordAt(bytes, i + 4), C2), 16), C3);
    h2 = (Math.imul((rotl(h2, 17) + h3) | 0, 5) + 0x0bcaa747) | 0;
    h3 ^= Math.imul(rotl(Math.imul(wordAt(bytes, i + 8), C3), 17), C4);
    h3 = (Math.imul((rotl(h3, 15) + h4) | 0, 5) + 0x96cd1c35) | 0;
    h4 ^= Math.imul(rotl(Math.imul(wordAt(bytes, i + 12), C4), 18), C1);
    h4 = (Math.imul((rotl(h4, 13) + h1) | 0, 5) + 0x32ac3b17) | 0;
  }
  // A word of zeros leaves its lane as it is, so the bytes that are missing at the end can be read as zeros.
  h4 ^= Math.imul(rotl(Math.imul(tailAt(bytes, end, i + 12), C4), 18), C1);
  h3 ^= Math.imul(rotl(Math.imul(tailAt(bytes, end, i + 8), C3), 17), C4);
  h2 ^= Math.imul(rotl(Math.imul(tailAt(bytes, end, i + 4), C2), 16), C3);
  h1 ^= Math.imul(rotl(Math.imul(tailAt(bytes, end, i), C1), 15), C2);

  h1 ^= length;
  h2 ^= length;
  h3 ^= length;
  h4 ^= length;
  h1 = (h1 + h2 + h3 + h4) | 0;
  h2 = (h2 + h1) | 0;
  h3 = (h3 + h1) | 0;
  h4 = (h4 + h1) | 0;
  h1 = avalanche(h1);
  h2 = avalanche(h2);
  h3 = avalanche(h3);
  h4 = avalanche(h4);
  h1 = (h1 + h2 + h3 + h4) | 0;
  h2 = (h2 + h1) | 0;

  out.lo = h1 >>> 0;
  out.hi = h2 >>> 0;
  return out;
}

const encoder = new TextEncoder();
/** Room for the UTF-8 of most texts. A longer one gets an array of its own, which is not kept. */
const scratch = new Uint8Array(1024);

/** Hashes the UTF-8 bytes of `text`. */
export function murmur128Text(text: string, seed: number, out: Hash64): Hash64 {
  const length = text.length;
  // One UTF-16 unit takes at most three bytes of UTF-8.
  const bytes = length * 3 > scratch.length ? new Uint8Array(length * 3) : scratch;
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 127) return murmur128(bytes, 0, encoder.encodeInto(text, bytes).written, seed, out);
    bytes[i] = unit;
  }
  return murmur128(bytes, 0, length, seed, out);
}

/** The 64-bit checksum of a blob's section: the hash of its bytes, with its id as seed. */
export function checksum(bytes: Uint8Array, seed: number): Hash64 {
  return murmur128(bytes, 0, bytes.length, seed, { lo: 0, hi: 0 });
}

/** Of bytes and their hex text: Workers have them, Node 24 has not. */
const HAS_METHODS = "toHex" in Uint8Array.prototype;

/** Lower-case hex of `bytes`. */
export function toHex(bytes: Uint8Array): string {
  if (HAS_METHODS) return bytes.toHex();
  let hex = "";
  for (const byte of bytes) hex += byte.toString(16).padStart(2, "0");
  return hex;
}

/** The bytes of a hex text. */
export function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** The 32 bytes of SHA-256. */
export async function sha256(bytes: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>));
}
