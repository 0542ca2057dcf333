import { at } from "./refusal.ts";

// Chaskey-12 (Mouha and others, 2014): four words of 32 bits, a block of 16 bytes a step.

const ROUNDS = 12;

/** The four words of 16 bytes. */
export function wordsOf(bytes: Uint8Array): Uint32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, 16);
  return Uint32Array.from({ length: 4 }, (_, i) => view.getUint32(4 * i, true));
}

function xor(a: Uint32Array, b: Uint32Array): Uint32Array {
  return a.map((word, i) => word ^ at(b, i));
}

/** Twice a key, as a number of 128 bits. */
function twice(key: Uint32Array): Uint32Array {
  const number = key.reduceRight((sum, word) => (sum << 32n) | BigInt(word), 0n) << 1n;
  const reduced = number >> 128n ? number ^ 135n : number;
  return key.map((_, i) => Number((reduced >> BigInt(32 * i)) & 0xffff_ffffn));
}

function permute(v: Uint32Array): Uint32Array {
  const w = v.slice();
  const turn = (i: number, bits: number): void => {
    w[i] = (at(w, i) << bits) | (at(w, i) >>> (32 - bits));
  };
  const step = (sum: number, other: number, bits: number): void => {
    w[sum] = at(w, sum) + at(w, other);
    turn(other, bits);
    w[other] = at(w, other) ^ at(w, sum);
  };
  for (let round = 0; round < ROUNDS; round++) {
    step(0, 1, 5);
    turn(0, 16);
    step(2, 3, 8);
    step(0, 3, 13);
    step(2, 1, 7);
    turn(2, 16);
  }
  return w;
}

/** The tag of `bytes`, four words. */
export function chaskey(bytes: Uint8Array, key: Uint32Array): Uint32Array {
  const blocks = Math.max(1, Math.ceil(bytes.length / 16));
  const padded = new Uint8Array(16 * blocks);
  padded.set(bytes);
  const once = twice(key);
  const last = bytes.length === padded.length ? once : twice(once);
  if (bytes.length < padded.length) padded[bytes.length] = 1;

  let v = key;
  for (let block = 0; block < blocks; block++) {
    const mixed = xor(v, wordsOf(padded.subarray(16 * block, 16 * block + 16)));
    v = block === blocks - 1 ? xor(permute(xor(mixed, last)), last) : permute(mixed);
  }
  return v;
}
