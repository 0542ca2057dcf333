// Row keys are unsigned 64-bit numbers, kept as pairs of words (low, high); ordered keys ascend.

/** Negative where key a comes before key b, 0 where they are equal, positive where a comes after b. */
export function compareKeys(aLo: number, aHi: number, bLo: number, bHi: number): number {
  return aHi !== bHi ? aHi - bHi : aLo - bLo;
}

/** Whether `keys` ascend without repetition. */
export function ascending(keys: Uint32Array): boolean {
  for (let i = 2; i < keys.length; i += 2) {
    const order = compareKeys(keys[i - 2] as number, keys[i - 1] as number, keys[i] as number, keys[i + 1] as number);
    if (order >= 0) return false;
  }
  return true;
}

/** The position of a key among ascending `keys`, or -1. */
export function findKey(keys: Uint32Array, lo: number, hi: number): number {
  let low = 0;
  let high = keys.length / 2 - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const order = compareKeys(keys[2 * middle] as number, keys[2 * middle + 1] as number, lo, hi);
    if (order === 0) return middle;
    if (order < 0) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

/**
 * Which of `pageCount` pages holds the row of a key. Keys are spread evenly, so dividing the range of their high words
 * evenly gives pages of about one size.
 */
export function pageOfKey(hi: number, pageCount: number): number {
  return Math.floor((hi * pageCount) / 2 ** 32);
}
