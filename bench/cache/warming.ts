// Requests that rank 500 of two million items, of a model with ten million rows: the keys that an isolate reads as it
// becomes warm. The pages have rows of items and of contexts, as their keys fall, so that a page that is read for an
// item brings few others.
import { BuiltCache } from "./built.ts";
import { emptyTally } from "./designs.ts";
import { Traffic } from "./traffic.ts";

const MIB = 2 ** 20;
const ROWS = 1e7;
const ITEMS = 2e6;
/** Rows of the most popular items, which are in the blob: some 14 MB. */
const HEAD = 400_000;
const CACHE_BYTES = 32 * MIB;
const EXPONENT = 1.05;
const CANDIDATES = 500;
/** Requests that come before those that are counted, in ascending order. */
const BEFORE = [10_000, 20_000, 40_000];
const COUNTED = 2000;

export const MOST_KEYS = 20;

export interface Warm {
  /** Requests before those that were counted. */
  before: number;
  /** The share of look-ups that the blob or the cache answers. */
  here: number;
  /** Keys that Workers KV bills for a request: its pages that are read, each once. */
  keys: number;
}

/** Each request looks up its candidates and its context, of which the blob has none. */
export function warming(): Warm[] {
  const isolate = new BuiltCache(CACHE_BYTES, ROWS, HEAD);
  const [items, contexts] = [new Traffic(ITEMS, EXPONENT, 1), new Traffic(ROWS - ITEMS, EXPONENT, 2)];
  const wanted = new Array<number>(CANDIDATES + 1);
  let sent = 0;
  const sendUntil = (end: number): Warm => {
    const tally = emptyTally();
    for (; sent < end; sent++) {
      // A row's number says nothing of its page, so that the items may be the first rows, and the contexts the others.
      for (let i = 0; i < CANDIDATES; i++) wanted[i] = items.next();
      wanted[CANDIDATES] = ITEMS + contexts.next();
      isolate.request(wanted, tally);
    }
    return { before: end - tally.requests, here: tally.here / tally.lookups, keys: tally.keys / tally.requests };
  };
  return BEFORE.map((before) => {
    sendUntil(before);
    return sendUntil(before + COUNTED);
  });
}
