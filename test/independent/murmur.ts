import { at } from "./refusal.ts";

// MurmurHash3_x86_128 (Austin Appleby, public domain): four lanes of 32 bits, a block of 16 bytes a step.

const MULTIPLY = [0x239b961b, 0xab0e9789, 0x38b34ae5, 0xa1e38b93];
const SPIN_BLOCK = [15, 16, 17, 18];
const SPIN_LANE = [19, 17, 15, 13];
const ADD = [0x561ccd1b, 0x0bcaa747, 0x96cd1c35, 0x32ac3b17];

export function rotateLeft(x: number, bits: number): number {
  return (x << bits) | (x >>> (32 - bits));
}

function scramble(word: number, lane: number): number {
  const spun = rotateLeft(Math.imul(word, at(MULTIPLY, lane)), at(SPIN_BLOCK, lane));
  return Math.imul(spun, at(MULTIPLY, (lane + 1) % 4));
}

export function finish(x: number): number {
  const a = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  const b = Math.imul(a ^ (a >>> 13), 0xc2b2ae35);
  return b ^ (b >>> 16);
}

function mixLanes(h: Int32Array): void {
  h[0] = at(h, 0) + at(h, 1) + at(h, 2) + at(h, 3);
  for (let lane = 1; lane < 4; lane++) h[lane] = at(h, lane) + at(h, 0);
}

/** The first 64 bits: the first eight bytes of the digest as a little-endian number. */
export function murmur64(bytes: Uint8Array, seed: number): bigint {
  const padded = new DataView(new ArrayBuffer(Math.ceil(bytes.length / 16) * 16));
  new Uint8Array(padded.buffer).set(bytes);

  const h = new Int32Array(4).fill(seed);
  for (let block = 0; block < padded.byteLength; block += 16) {
    const whole = block + 16 <= bytes.length;
    for (let lane = 0; lane < 4; lane++) {
      h[lane] = at(h, lane) ^ scramble(padded.getUint32(block + 4 * lane, true), lane);
      // The tail is only scrambled in; its zeros scramble to zero.
      if (!whole) continue;
      h[lane] = rotateLeft(at(h, lane), at(SPIN_LANE, lane)) + at(h, (lane + 1) % 4);
      h[lane] = Math.imul(at(h, lane), 5) + at(ADD, lane);
    }
  }
  for (let lane = 0; lane < 4; lane++) h[lane] = at(h, lane) ^ bytes.length;
  mixLanes(h);
  for (let lane = 0; lane < 4; lane++) h[lane] = finish(at(h, lane));
  mixLanes(h);
  return (BigInt(at(h, 1) >>> 0) << 32n) | BigInt(at(h, 0) >>> 0);
}
