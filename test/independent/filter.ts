import { viewOf } from "./container.ts";
import { at } from "./refusal.ts";

// Section 5, section 12 FILTER: a split block Bloom filter.

export const BLOCK_BYTES = 32;

const SALTS = [0x47b6137bn, 0x44974d91n, 0x8824ad5bn, 0xa2b7289dn, 0x705495c7n, 0x2df1424bn, 0x9efc4947n, 0x5c6bfb31n];

/** Whether a key has all of its bits. An empty filter has every key. */
export function hasKey(filter: Uint8Array, key: bigint): boolean {
  const blocks = filter.length / BLOCK_BYTES;
  if (blocks === 0) return true;
  const block = Number(((key >> 32n) * BigInt(blocks)) >> 32n);
  const view = viewOf(filter);
  return SALTS.every((_, i) => {
    const bit = (((key & 0xffff_ffffn) * at(SALTS, i)) % 2n ** 32n) >> 27n;
    return (view.getUint32(BLOCK_BYTES * block + 4 * i, true) >>> Number(bit)) % 2 === 1;
  });
}
