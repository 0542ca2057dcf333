import { POLICY_BYTES, type Policy, type PolicyName, policyOf } from "./policies.ts";

/** int8 rows of 16 numbers. */
const ROW_BYTES = 24;
const KEY_BYTES = 8;
const PAGE_BYTES = 16 * 1024;
export const ROWS_PER_PAGE = Math.floor(PAGE_BYTES / (ROW_BYTES + KEY_BYTES)) - 1;
/** What a page's objects take beside its bytes. */
const PAGE_OBJECTS_BYTES = 1024;
/**
 * What a cached row takes beside its bytes: what names it, its head, and its place in an index that is 3/4 full at
 * most.
 */
const ROW_ENTRY_BYTES = 8 + 4 + 7;

/** What is cached, and how the pages that bring rows are filled. */
export interface Design {
  name: string;
  /** rows and others: also a page's other rows, as long as nothing has to be dropped for them. */
  keeps: "pages" | "rows" | "rows and others";
  policy: PolicyName;
  /**
   * hash: pages are filled by the rows' keys. classes: a page's rows are about equally popular, as training saw them.
   */
  fill: "hash" | "classes";
}

export const DESIGNS: readonly Design[] = (["LRU", "CLOCK", "S3-FIFO"] as const).flatMap((policy): Design[] => [
  { name: `pages by hash, ${policy}`, keeps: "pages", policy, fill: "hash" },
  { name: `pages by class, ${policy}`, keeps: "pages", policy, fill: "classes" },
  { name: `rows, ${policy}`, keeps: "rows", policy, fill: "hash" },
  { name: `rows, and others while there is room, ${policy}`, keeps: "rows and others", policy, fill: "hash" },
]);

/** What became of look-ups. */
export interface Tally {
  lookups: number;
  /** In the blob, or in the isolate. */
  here: number;
  requests: number;
  keys: number;
}

export function emptyTally(): Tally {
  return { lookups: 0, here: 0, requests: 0, keys: 0 };
}

/** What answers look-ups, and counts them. */
export interface Simulated {
  /** Looks the rows of a request up, and reads the pages of those that are not here. */
  request(wanted: Iterable<number>, tally: Tally): void;
}

/** An isolate: `head` rows of its model are in the blob, and so many bytes of others are cached. */
export class Isolate implements Simulated {
  readonly #rows: Policy | null;
  readonly #pages: Policy | null;
  readonly #head: number;
  readonly #pageOf: Uint32Array;
  /** By page: its rows, where they are kept. */
  readonly #rowsOf: number[][] | null;

  constructor({ keeps, policy, fill }: Design, bytes: number, rows: number, head: number) {
    this.#head = head;
    this.#pageOf = pagesOf(rows, head, fill);
    const pages = 1 + this.#pageOf.reduce((most, page) => Math.max(most, page), 0);
    const entryBytes = ROW_BYTES + ROW_ENTRY_BYTES + POLICY_BYTES[policy];
    const slots = Math.floor(bytes / (keeps === "pages" ? PAGE_BYTES + PAGE_OBJECTS_BYTES : entryBytes));
    this.#pages = keeps === "pages" ? policyOf(policy, slots, pages) : null;
    this.#rows = keeps === "pages" ? null : policyOf(policy, slots, rows);
    this.#rowsOf = keeps === "rows and others" ? Array.from({ length: pages }, () => []) : null;
    if (this.#rowsOf) for (let row = head; row < rows; row++) this.#rowsOf[this.#pageOf[row]].push(row);
  }

  request(wanted: Iterable<number>, tally: Tally): void {
    const read = new Set<number>();
    const absent = new Set<number>();
    const used = new Set<number>();
    for (const row of wanted) {
      tally.lookups++;
      if (row < this.#head || this.#rows?.use(row)) {
        tally.here++;
        continue;
      }
      const page = this.#pageOf[row];
      if (used.has(page) || (!read.has(page) && this.#pages?.use(page))) {
        tally.here++;
        used.add(page);
      } else read.add(page);
      absent.add(row);
    }
    for (const page of read) this.#pages?.add(page);
    if (this.#rows) for (const row of absent) this.#rows.add(row);
    if (this.#rowsOf) for (const page of read) this.#addOthers(this.#rowsOf[page]);
    tally.requests++;
    tally.keys += read.size;
  }

  #addOthers(rows: readonly number[]): void {
    for (const row of rows) {
      if (this.#rows === null || this.#rows.isFull) return;
      if (!this.#rows.has(row)) this.#rows.add(row);
    }
  }
}

/** By row: its page. Rows are numbered by how often training saw them. */
function pagesOf(rows: number, head: number, fill: Design["fill"]): Uint32Array {
  const pages = new Uint32Array(rows);
  if (fill === "hash") {
    const count = Math.ceil((rows - head) / (0.9 * ROWS_PER_PAGE)); // the fullest page has ROWS_PER_PAGE
    for (let row = head; row < rows; row++) pages[row] = Math.floor((scrambled(row) * count) / 2 ** 32);
    return pages;
  }
  // Classes of twice as many rows as the one before, from the most popular ones on.
  let first = 0;
  for (let from = head, size = head; from < rows; from += size, size = from) {
    const here = Math.min(size, rows - from);
    const count = Math.ceil(here / (0.9 * ROWS_PER_PAGE));
    for (let row = from; row < from + here; row++) pages[row] = first + Math.floor((scrambled(row) * count) / 2 ** 32);
    first += count;
  }
  return pages;
}

/** A hash of a number, by the finalizer of MurmurHash3. */
function scrambled(x: number): number {
  let h = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
