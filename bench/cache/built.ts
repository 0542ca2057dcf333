import { TYPE_I8 } from "../../format/constants.ts";
import { compareKeys, pageOfKey } from "../../format/keys.ts";
import { Page, writePage } from "../../format/page.ts";
import { rowStride } from "../../format/row.ts";
import { CachedRows } from "../../runtime/rows/cached-rows.ts";
import { RowCache } from "../../runtime/rows/row-cache.ts";
import { Random } from "../../trainer/data/random.ts";
import { MemoryBudget } from "../../worker/memory/memory-budget.ts";
import { ROWS_PER_PAGE, type Simulated, type Tally } from "./designs.ts";

const LAYOUT = { rowType: TYPE_I8, embeddingDim: 16 };
const STRIDE = rowStride(LAYOUT.rowType, LAYOUT.embeddingDim);

/** The cache that is built, runtime/rows, over pages with a row for each number but the `head` first. */
export class BuiltCache implements Simulated {
  readonly cache: RowCache;
  readonly rows: CachedRows;
  readonly #head: number;
  /** By row: its key, two words (low, high). */
  readonly keys: Uint32Array;
  readonly pageCount: number;
  /** The rows in pages, in the order of their keys, and by page the first of them. */
  readonly #order: Uint32Array;
  readonly #starts: Uint32Array;
  /** By number, those that were wanted. */
  readonly #pages = new Map<number, Page>();

  constructor(bytes: number, rows: number, head: number) {
    const random = new Random(2);
    this.#head = head;
    this.keys = Uint32Array.from({ length: 2 * rows }, () => random.bits());
    this.pageCount = Math.ceil((rows - head) / (0.9 * ROWS_PER_PAGE));
    this.#order = Uint32Array.from({ length: rows - head }, (_, i) => head + i).sort((a, b) => this.#compare(a, b));
    this.#starts = new Uint32Array(this.pageCount + 1).fill(this.#order.length);
    for (let i = this.#order.length - 1; i >= 0; i--) this.#starts[this.pageOf(this.#order[i])] = i;
    for (let page = this.pageCount - 1; page >= 0; page--)
      this.#starts[page] = Math.min(this.#starts[page], this.#starts[page + 1]);
    const pageDigests = Uint8Array.from({ length: 16 * this.pageCount }, () => random.bits());
    this.cache = new RowCache(new MemoryBudget(Date.now, bytes));
    this.rows = new CachedRows(this.cache, { ...LAYOUT, pageCount: this.pageCount, pageDigests });
  }

  pageOf(row: number): number {
    return pageOfKey(this.keys[2 * row + 1], this.pageCount);
  }

  request(wanted: Iterable<number>, tally: Tally): void {
    const absent = new Map<number, number[]>();
    for (const row of wanted) {
      tally.lookups++;
      if (row < this.#head) {
        tally.here++;
        continue;
      }
      const page = this.pageOf(row);
      if (this.rows.find(this.keys[2 * row], this.keys[2 * row + 1], page) >= 0) tally.here++;
      else absent.set(page, [...(absent.get(page) ?? []), row]);
    }
    for (const [number, rows] of absent) {
      const page = this.page(number);
      this.cache.keepWhileRoom(page, number, this.rows.tags);
      for (const row of rows) {
        const [lo, hi] = [this.keys[2 * row], this.keys[2 * row + 1]];
        this.rows.keep(lo, hi, number, page.row(lo, hi));
      }
    }
    tally.requests++;
    tally.keys += absent.size;
  }

  page(number: number): Page {
    const made = this.#pages.get(number) ?? this.#makePage(number);
    this.#pages.set(number, made);
    return made;
  }

  #makePage(number: number): Page {
    const rows = this.#order.subarray(this.#starts[number], this.#starts[number + 1]);
    const keys = new Uint32Array(2 * rows.length);
    rows.forEach((row, i) => {
      keys.set(this.keys.subarray(2 * row, 2 * row + 2), 2 * i);
    });
    const layout = { ...LAYOUT, pageCount: this.pageCount };
    return new Page(writePage(layout, number, keys, new Uint8Array(rows.length * STRIDE)), layout, number);
  }

  #compare(a: number, b: number): number {
    const { keys } = this;
    return compareKeys(keys[2 * a], keys[2 * a + 1], keys[2 * b], keys[2 * b + 1]);
  }
}
