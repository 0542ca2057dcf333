import { chaskey, chaskeyKey } from "../../format/chaskey.ts";
import { fromHex } from "../../format/hash.ts";
import { HASH_KEY } from "./hash-key.ts";
import { integer, seeded } from "./random.ts";

/**
 * A text of 16 ASCII characters that has a given row key in a field. Who knows the hash key can make one, as a block is
 * permuted and nothing more; who does not cannot.
 */
export function craftText(field: string, lo: number, hi: number): string {
  const key = chaskeyKey(chaskey(new TextEncoder().encode(field), chaskeyKey(fromHex(HASH_KEY))));
  const random = seeded(5);
  const word = (): number => integer(random, 0, 2 ** 32 - 1);
  for (;;) {
    const v = [lo, hi, word(), word()].map((target, i) => target ^ key[4 + i]);
    unmix(v);
    const words = Int32Array.from(v, (mixed, i) => mixed ^ key[i] ^ key[4 + i]);
    if (words.every((one) => (one & 0x80808080) === 0)) return String.fromCharCode(...new Uint8Array(words.buffer));
  }
}

/** The inverse of Chaskey-12's permutation. */
function unmix(v: number[]): void {
  const rotr = (x: number, n: number): number => (x >>> n) | (x << (32 - n));
  for (let round = 0; round < 12; round++) {
    v[2] = rotr(v[2], 16);
    v[1] = rotr(v[1] ^ v[2], 7);
    v[2] = (v[2] - v[1]) | 0;
    v[3] = rotr(v[3] ^ v[0], 13);
    v[0] = (v[0] - v[3]) | 0;
    v[3] = rotr(v[3] ^ v[2], 8);
    v[2] = (v[2] - v[3]) | 0;
    v[0] = rotr(v[0], 16);
    v[1] = rotr(v[1] ^ v[0], 5);
    v[0] = (v[0] - v[1]) | 0;
  }
}
