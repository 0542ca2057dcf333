import { type ChaskeyKey, chaskeyBytes, chaskeyKey, chaskeyText } from "../../format/chaskey.ts";
import { FormatError } from "../../format/errors.ts";
import type { Hash64 } from "../../format/hash.ts";
import { log } from "./elementary.ts";

/** Bytes of a request's seed: the key of the hash that its noise is. */
export const SEED_BYTES = 16;

const TWO_20 = 2 ** 20;
const TWO_MINUS_53 = 2 ** -53;

/**
 * The chance of one request, without any state: uniform numbers in (0, 1), each the hash of a name under the request's
 * seed (Chaskey-12, a keyed function). So a candidate has the same noise in every place of the list and in every arm,
 * and a log line with the seed replays to the same order wherever it is computed.
 */
export class Noise {
  readonly #key: ChaskeyKey;
  readonly #hash: Hash64 = { lo: 0, hi: 0 };

  /** `seed`: 16 bytes that no two requests share. Throws FormatError where they are not 16. */
  constructor(seed: Uint8Array) {
    if (seed.length !== SEED_BYTES) throw new FormatError("seed", `got ${seed.length} bytes, expected ${SEED_BYTES}`);
    this.#key = chaskeyKey(seed);
  }

  /** The number of a candidate, by its id. */
  ofCandidate(id: string): number {
    const { length } = id;
    if (length >= bytes.length) return this.#uniform(`i${id}`);
    // As `i` and the id in one text, which would be made anew for each candidate.
    for (let i = 0; i < length; i++) {
      const unit = id.charCodeAt(i);
      if (unit > 127) return this.#uniform(`i${id}`);
      bytes[i + 1] = unit;
    }
    return uniformOf(chaskeyBytes(bytes, length + 1, this.#key, this.#hash));
  }

  /** The number of the policy's j-th draw, from 0 on: no candidate's, as their texts begin with another letter. */
  ofDraw(j: number): number {
    return this.#uniform(`d${j}`);
  }

  #uniform(text: string): number {
    return uniformOf(chaskeyText(text, this.#key, this.#hash));
  }
}

/** Room for `i` and most ids. */
const bytes = new Uint8Array(128);
bytes[0] = "i".charCodeAt(0);

/**
 * An odd multiple of 2⁻⁵³, by the first 52 bits of a hash. It is never 0 or 1, and as often below ½ as above it.
 */
function uniformOf({ hi, lo }: Hash64): number {
  return (2 * (hi * TWO_20 + (lo >>> 12)) + 1) * TWO_MINUS_53;
}

/** A standard Gumbel variable by inversion of its distribution e^(−e^(−x)): from −3.61 to 36.74 for the noise above. */
export function gumbel(uniform: number): number {
  return -log(-log(uniform));
}
