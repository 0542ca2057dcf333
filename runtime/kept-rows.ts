/** What `find` gives where it knows nothing of a key: its page must be read. */
export const UNKNOWN_ROW = -1;
/** What `find` gives where it knows that the key's page has no row for it. */
export const NO_ROW = -2;

/**
 * Rows of pages that whoever scores has at hand, such as a cache, under numbers of its own from 0 to 2³⁰ − 1. A number
 * that `find` gave must be good until its row is copied.
 */
export interface KeptRows {
  /** The number of a key's row; UNKNOWN_ROW or NO_ROW. `page`: the number of the page that may have it. */
  find(lo: number, hi: number, page: number): number;
  /** Copies a row as its page has it, word by word, to `target` from word `at` on. */
  copy(number: number, target: Uint32Array, at: number): void;
  /**
   * The record of the item with a key, to be copied at once; null where it is known that the item page has none, and
   * undefined where nothing is known. `page`: the number, among all pages, of the item page that may have it.
   */
  record(lo: number, hi: number, page: number): Uint32Array | null | undefined;
}

export const NOTHING_KEPT: KeptRows = {
  find: () => UNKNOWN_ROW,
  copy(number) {
    throw new Error(`got row ${number}, of no rows that are kept`);
  },
  record: () => undefined,
};

// Among the addresses of located records, which are even, an odd number stands for a row that is kept.

export function isKept(address: number): boolean {
  return (address & 1) === 1;
}

export function keptNumber(address: number): number {
  return address >>> 1;
}

export function keptAddress(number: number): number {
  return 2 * number + 1;
}

/** What of located records says which rows are kept. */
interface KeptOf {
  addresses: Uint32Array;
  kept: KeptRows;
  keptCount: number;
}

/** Copies the kept rows, of `rowWords` words each, so that those who keep them may drop them. */
export function copyKept(located: KeptOf, rowWords: number): void {
  const { addresses, kept, keptCount } = located;
  const words = new Uint32Array(keptCount * rowWords);
  let copied = 0;
  for (let entry = 0; entry < addresses.length && copied < keptCount; entry++) {
    const address = addresses[entry] as number;
    if (!isKept(address)) continue;
    kept.copy(keptNumber(address), words, copied * rowWords);
    addresses[entry] = keptAddress(copied++);
  }
  located.kept = {
    ...NOTHING_KEPT,
    copy(number, target, at) {
      for (let i = 0; i < rowWords; i++) target[at + i] = words[number * rowWords + i] as number;
    },
  };
}

/** Does without the kept rows: they count as missing. */
export function forgetKept(located: KeptOf): void {
  const { addresses } = located;
  for (let entry = 0; entry < addresses.length; entry++) if (isKept(addresses[entry] as number)) addresses[entry] = 0;
  Object.assign(located, { kept: NOTHING_KEPT, keptCount: 0 });
}
