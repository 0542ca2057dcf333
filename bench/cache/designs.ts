import { POLICY_BYTES, type Policy, type PolicyName, policyOf } from "./policies.ts";

/** int8 rows of 16 numbers. */
const ROW_BYTES = 24;
const KEY_BYTES = 8;
const PAGE_BYTES = 16 * 1024;
export const ROWS_PER_PAGE = Math.floor(PAGE_BYTES / (ROW_BYTES + KEY_BYTES)) - 1;
/** What a page's objects take beside its bytes. */
const PAGE_OBJECTS_BYTES = 1024;
/** What a cached row takes beside its bytes: what names it, its head, and its place in an index that is 3/4 full at most. */
const ROW_ENTRY_BYTES = 8 + 4 + 7;

/** How rows are cached, and how the pages that bring them are filled. */
export interface Design {
  name: string;
  /** The share of the bytes that is for rows; the others are for whole pages. */
  rowShare: number;
  policy: PolicyName;
  /** hash: pages are filled by the rows' keys. classes: a page's rows are about equally popular, as training saw them. */
  fill: "hash" | "classes";
  /** Whether a page's other rows are kept too, as long as nothing has to be dropped for them. */
  neighbours?: boolean;
}

export const DESIGNS: Design[] = [
  ...(["CLOCK", "S3-FIFO"] as const).flatMap((policy): Design[] => [
    { name: `pages by hash, ${policy}`, rowShare: 0, policy, fill: "hash" },
    { name: `pages by class, ${policy}`, rowShare: 0, policy, fill: "classes" },
    { name: `rows, ${policy}`, rowShare: 1, policy, fill: "hash" },
    {
      name: `rows, and their pages' others while there is room, ${policy}`,
      rowShare: 1,
      policy,
      fill: "hash",
      neighbours: true,
    },
    { name: `rows 7/8, pages by hash 1/8, ${policy}`, rowShare: 7 / 8, policy, fill: "hash" },
  ]),
];

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

/** An isolate: `head` rows of its model are in the blob, and so many bytes of others are cached. */
export class Isolate {
  readonly #rows: Policy | null;
  readonly #pages: Policy | null;
  readonly #head: number;
  readonly #pageOf: Uint32Array;
  /** By page: its rows, where they are kept. */
  readonly #rowsOf: number[][] | null;

  constructor({ rowShare, policy, fill, neighbours = false }: Design, bytes: number, rows: number, head: number) {
    this.#head = head;
    this.#pageOf = pagesOf(rows, head, fill);
    const rowSlots = Math.floor((bytes * rowShare) / (ROW_BYTES + ROW_ENTRY_BYTES + POLICY_BYTES[policy]));
    const pageSlots = Math.floor((bytes * (1 - rowShare)) / (PAGE_BYTES + PAGE_OBJECTS_BYTES));
    const pages = 1 + this.#pageOf.reduce((most, page) => Math.max(most, page), 0);
    this.#rowsOf = neighbours ? Array.from({ length: pages }, () => []) : null;
    if (this.#rowsOf) for (let row = head; row < rows; row++) this.#rowsOf[this.#pageOf[row]].push(row);
    this.#rows = rowSlots > 0 ? policyOf(policy, rowSlots, rows) : null;
    this.#pages = pageSlots > 0 ? policyOf(policy, pageSlots, pages) : null;
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
    if (this.#rowsOf) for (const page of read) this.#addNeighbours(this.#rowsOf[page]);
    tally.requests++;
    tally.keys += read.size;
  }

  #addNeighbours(rows: readonly number[]): void {
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
