import { FILTER_BLOCK_BYTES } from "./constants.ts";

// Section FILTER: which row keys the pages hold, so that a Worker knows of most others without reading a page that they
// have no row. It is a split block Bloom filter, the one of Parquet and Impala (Putze, Sanders, Singler, "Cache-, Hash-
// and Space-Efficient Bloom Filters", 2007): a key has one bit in each of the eight words of one block. A filter never
// denies a key that was added. Row keys are hashes already, so their own bits choose the block and the bits in it.

const FILTER_BLOCK_WORDS = FILTER_BLOCK_BYTES / 4;
const BITS_OF_BLOCK = 32 * FILTER_BLOCK_WORDS;

/** Odd factors, one for each word of a block: those of Parquet. */
const SALTS = Int32Array.of(
  0x47b6137b,
  0x44974d91,
  0x8824ad5b,
  0xa2b7289d,
  0x705495c7,
  0x2df1424b,
  0x9efc4947,
  0x5c6bfb31,
);

/** No filter: every key may have a row in a page. */
export const NO_FILTER = new Uint32Array(0);

/** An empty filter for `keys` keys, with so many bits for each: 12 bits let 0.5 % of other keys through. */
export function newFilter(keys: number, bitsPerKey: number): Uint32Array {
  return new Uint32Array(FILTER_BLOCK_WORDS * Math.ceil((keys * bitsPerKey) / BITS_OF_BLOCK));
}

export function addToFilter(filter: Uint32Array, lo: number, hi: number): void {
  const block = blockOf(filter, hi);
  for (let i = 0; i < FILTER_BLOCK_WORDS; i++) filter[block + i] = (filter[block + i] as number) | bitOf(lo, i);
}

/** Whether a page may hold the key's row. False: none does. */
export function filterHas(filter: Uint32Array, lo: number, hi: number): boolean {
  if (filter.length === 0) return true;
  const block = blockOf(filter, hi);
  for (let i = 0; i < FILTER_BLOCK_WORDS; i++) if (((filter[block + i] as number) & bitOf(lo, i)) === 0) return false;
  return true;
}

/** The first word of the block that a key's high word chooses. */
function blockOf(filter: Uint32Array, hi: number): number {
  return FILTER_BLOCK_WORDS * Math.floor((hi * (filter.length / FILTER_BLOCK_WORDS)) / 2 ** 32);
}

function bitOf(lo: number, word: number): number {
  return 1 << (Math.imul(lo, SALTS[word] as number) >>> 27);
}
