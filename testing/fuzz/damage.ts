// Damages bytes, in ways that know nothing of a format.
import { integer, pick } from "../format/random.ts";

type Random = () => number;

/** Words that counts, lengths and offsets have at their limits, and the floats that break arithmetic. */
const WORDS = [
  ...[0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 63, 64, 65, 127, 128, 255, 256, 257, 8192, 8193, 0xffff, 0x10000],
  ...[2 ** 20, 2 ** 20 + 1, 2 ** 24, 2 ** 26, 2 ** 28, 2 ** 29, 2 ** 30, 0x7fffffff, 0x80000000, 0x80000001],
  ...[0xffffff80, 0xffffffc0, 0xfffffffc, 0xfffffffe, 0xffffffff],
  ...[0x7f800000, 0xff800000, 0x7fc00000, 0x7f800001], // ±∞, NaN of either kind
  ...[0x7f7fffff, 0xff7fffff, 0x5f000000, 0x00800000, 0x807fffff, 0x33800000], // largest, 2⁶³, smallest, denormal, 2⁻²⁴
  ...[0x3f800000, 0xbf800000, 0x3f000000, 0x40000000],
];

/** Sets the word at `at` to an edge value, to one near the old, or to that of another place, one of `places`. */
export function edgeWord(bytes: Uint8Array, at: number, places: readonly number[], random: Random): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const old = view.getUint32(at, true);
  const other = view.getUint32(pick(random, places), true);
  const near = [old + 1, old - 1, old + 8, old - 8, old + 64, old - 64, 2 * old, old >>> 1, old ^ 0x80000000];
  const way = random();
  const word =
    way < 0.5 ? pick(random, WORDS) : way < 0.75 ? pick(random, near) : way < 0.95 ? other : random() * 2 ** 32;
  view.setUint32(at, word, true);
}

/** Flips bits, overwrites bytes or words, or moves a run of bytes within `bytes`, in place. */
export function damage(bytes: Uint8Array, random: Random): void {
  if (bytes.length === 0) return;
  const at = integer(random, 0, bytes.length - 1);
  const way = random();
  if (way < 0.35 || bytes.length < 4) {
    for (let flips = random() < 0.7 ? 1 : integer(random, 2, 8); flips > 0; flips--) {
      const place = flips === 1 ? at : integer(random, 0, bytes.length - 1);
      bytes[place] = bytes[place] ^ (1 << integer(random, 0, 7));
    }
  } else if (way < 0.45) bytes[at] = pick(random, [0, 1, 0x7f, 0x80, 0x81, 0xff, 0x22, 0x5c]);
  else if (way < 0.85) {
    const word = (): number => Math.min(integer(random, 0, bytes.length - 1) & ~3, (bytes.length & ~3) - 4);
    edgeWord(bytes, word(), [word()], random);
  } else if (way < 0.95) {
    const size = integer(random, 1, Math.min(64, bytes.length));
    bytes.copyWithin(at, integer(random, 0, bytes.length - size), bytes.length);
  } else bytes.fill(pick(random, [0, 0xff]), at, at + integer(random, 1, 64));
}

/** A copy that is truncated, empty, or extended by zeros, by ones or by itself. */
export function resizedBytes(bytes: Uint8Array, random: Random): Uint8Array {
  const way = random();
  if (way < 0.1) return new Uint8Array(0);
  const steps = [-64, -32, -16, -8, -4, -1, 1, 4, 8, 16, 32, 64];
  const size = way < 0.6 ? bytes.length + pick(random, steps) : integer(random, 0, 2 * bytes.length);
  const result = new Uint8Array(Math.max(0, size)).fill(pick(random, [0, 0, 0xff]));
  result.set(bytes.subarray(0, result.length));
  if (result.length > bytes.length && random() < 0.5) {
    result.set(bytes.subarray(0, result.length - bytes.length), bytes.length);
  }
  return result;
}

/** A copy in which a run of `other` overwrites bytes or is inserted. */
export function spliced(bytes: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
  const from = integer(random, 0, other.length);
  const run = other.subarray(from, integer(random, from, Math.min(other.length, from + 256)));
  const at = integer(random, 0, bytes.length);
  const kept = random() < 0.5 ? at : at + run.length;
  const result = new Uint8Array(at + run.length + Math.max(0, bytes.length - kept));
  result.set(bytes.subarray(0, at));
  result.set(run, at);
  result.set(bytes.subarray(kept), at + run.length);
  return result;
}
