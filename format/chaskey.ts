import type { Hash64 } from "./hash.ts";
import { rotl, tailAt, wordAt } from "./words.ts";

// Chaskey-12 (Mouha, Mennink, Van Herrewege, Watanabe, Preneel, Verbauwhede, "Chaskey: An Efficient MAC Algorithm for
// 32-bit Microcontrollers", 2014; the variant of 12 rounds is in ISO/IEC 29192-6). It is a keyed function: who does not
// know the key can find no two texts with one tag, and no text with a given tag. It takes 32-bit arithmetic only, which
// JavaScript has at full speed: a text of 1–16 characters takes as long as with MurmurHash3.

/**
 * Twelve words: the key K of 128 bits, then K1 and K2. The last block takes K1 if it is full, and K2 if it is padded.
 */
export type ChaskeyKey = Int32Array;

const ROUNDS = 12;
const BLOCK_BYTES = 16;
const K1 = 4;
const K2 = 8;

/** The four words that are mixed. Nothing in it outlives a call. */
const state = new Int32Array(4);

/** The key of 16 bytes. */
export function chaskeyKey(bytes: Uint8Array): ChaskeyKey {
  const key = new Int32Array(12);
  for (let i = 0; i < 4; i++) key[i] = wordAt(bytes, 4 * i);
  double(key, 0, K1);
  double(key, K1, K2);
  return key;
}

/** Writes to `to` the words from `from` on times x, in the field of 2¹²⁸ elements modulo x¹²⁸ + x⁷ + x² + x + 1. */
function double(key: ChaskeyKey, from: number, to: number): void {
  let carry = (key[from + 3] as number) < 0 ? 0x87 : 0;
  for (let i = 0; i < 4; i++) {
    const word = key[from + i] as number;
    key[to + i] = (word << 1) ^ carry;
    carry = word >>> 31;
  }
}

/** The tag of `bytes`, 16 bytes. */
export function chaskey(bytes: Uint8Array, key: ChaskeyKey): Uint8Array {
  absorb(bytes, 0, bytes.length, key);
  return new Uint8Array(state.slice().buffer);
}

/** Writes the first 64 bits of the tag of a text's UTF-8 into `out`, and returns it. Only long texts allocate. */
export function chaskeyText(text: string, key: ChaskeyKey, out: Hash64): Hash64 {
  if (hashAscii(text, key, out)) return out;
  // One UTF-16 unit takes at most three bytes of UTF-8.
  const bytes = 3 * text.length > scratch.length ? new Uint8Array(3 * text.length) : scratch;
  return chaskeyBytes(bytes, encoder.encodeInto(text, bytes).written, key, out);
}

/** Writes the first 64 bits of the tag of the first `length` of `bytes` into `out`, and returns it. */
export function chaskeyBytes(bytes: Uint8Array, length: number, key: ChaskeyKey, out: Hash64): Hash64 {
  absorb(bytes, 0, length, key);
  out.lo = (state[0] as number) >>> 0;
  out.hi = (state[1] as number) >>> 0;
  return out;
}

const encoder = new TextEncoder();
/** Room for the UTF-8 of most texts. A longer one gets an array of its own, which is not kept. */
const scratch = new Uint8Array(1024);

/**
 * `chaskeyText` for an ASCII text, which most values are. A way through an array of bytes would take half as long
 * again. Returns false for any other text.
 */
function hashAscii(text: string, key: ChaskeyKey, out: Hash64): boolean {
  const { length } = text;
  let s0 = key[0] as number;
  let s1 = key[1] as number;
  let s2 = key[2] as number;
  let s3 = key[3] as number;
  for (let at = 0; ; at += BLOCK_BYTES) {
    const end = Math.min(at + BLOCK_BYTES, length);
    let w0 = 0;
    let w1 = 0;
    let w2 = 0;
    let w3 = 0;
    for (let i = at; i < end; i++) {
      const unit = text.charCodeAt(i);
      if (unit > 127) return false;
      const shifted = unit << ((i & 3) << 3);
      const place = i - at;
      if (place < 4) w0 |= shifted;
      else if (place < 8) w1 |= shifted;
      else if (place < 12) w2 |= shifted;
      else w3 |= shifted;
    }
    if (end < length) {
      mix(s0 ^ w0, s1 ^ w1, s2 ^ w2, s3 ^ w3);
      s0 = state[0] as number;
      s1 = state[1] as number;
      s2 = state[2] as number;
      s3 = state[3] as number;
      continue;
    }
    const rest = end - at;
    const last = rest === BLOCK_BYTES ? K1 : K2;
    if (rest < BLOCK_BYTES) {
      const one = 1 << ((rest & 3) << 3);
      if (rest < 4) w0 |= one;
      else if (rest < 8) w1 |= one;
      else if (rest < 12) w2 |= one;
      else w3 |= one;
    }
    mix(
      s0 ^ w0 ^ (key[last] as number),
      s1 ^ w1 ^ (key[last + 1] as number),
      s2 ^ w2 ^ (key[last + 2] as number),
      s3 ^ w3 ^ (key[last + 3] as number),
    );
    out.lo = ((state[0] as number) ^ (key[last] as number)) >>> 0;
    out.hi = ((state[1] as number) ^ (key[last + 1] as number)) >>> 0;
    return true;
  }
}

/** Makes `state` the tag of `bytes[start, end)`. */
function absorb(bytes: Uint8Array, start: number, end: number, key: ChaskeyKey): void {
  for (let i = 0; i < 4; i++) state[i] = key[i] as number;
  let at = start;
  for (; at + BLOCK_BYTES < end; at += BLOCK_BYTES)
    absorbBlock(wordAt(bytes, at), wordAt(bytes, at + 4), wordAt(bytes, at + 8), wordAt(bytes, at + 12));
  absorbLast(
    tailAt(bytes, end, at),
    tailAt(bytes, end, at + 4),
    tailAt(bytes, end, at + 8),
    tailAt(bytes, end, at + 12),
    end - start,
    key,
  );
}

/**
 * Adds the last block of a text of `length` bytes; zeros are where it ends. A block that is not full is padded by 1.
 */
function absorbLast(w0: number, w1: number, w2: number, w3: number, length: number, key: ChaskeyKey): void {
  const full = length > 0 && length % BLOCK_BYTES === 0;
  const last = full ? K1 : K2;
  const padding = full ? 0 : 1 << ((length & 3) << 3);
  const place = full ? -1 : (length >> 2) & 3;
  absorbBlock(
    w0 ^ (key[last] as number) ^ (place === 0 ? padding : 0),
    w1 ^ (key[last + 1] as number) ^ (place === 1 ? padding : 0),
    w2 ^ (key[last + 2] as number) ^ (place === 2 ? padding : 0),
    w3 ^ (key[last + 3] as number) ^ (place === 3 ? padding : 0),
  );
  for (let i = 0; i < 4; i++) state[i] = (state[i] as number) ^ (key[last + i] as number);
}

/** Adds a block of four words to `state`, and mixes it. */
function absorbBlock(w0: number, w1: number, w2: number, w3: number): void {
  mix((state[0] as number) ^ w0, (state[1] as number) ^ w1, (state[2] as number) ^ w2, (state[3] as number) ^ w3);
}

/** Makes `state` the permutation of four words. */
function mix(a: number, b: number, c: number, d: number): void {
  let v0 = a;
  let v1 = b;
  let v2 = c;
  let v3 = d;
  for (let round = 0; round < ROUNDS; round++) {
    v0 = (v0 + v1) | 0;
    v1 = rotl(v1, 5) ^ v0;
    v0 = rotl(v0, 16);
    v2 = (v2 + v3) | 0;
    v3 = rotl(v3, 8) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = rotl(v3, 13) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = rotl(v1, 7) ^ v2;
    v2 = rotl(v2, 16);
  }
  state[0] = v0;
  state[1] = v1;
  state[2] = v2;
  state[3] = v3;
}
