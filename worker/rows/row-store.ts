import { ItemPage } from "../../format/item-page.ts";
import { Page } from "../../format/page.ts";
import type { BlobManifest } from "../../format/read-blob.ts";
import type { PageRows } from "../../runtime/batch-filler.ts";
import { copyKept, forgetKept } from "../../runtime/kept-rows.ts";
import type { LocatedRecords } from "../../runtime/row-locator.ts";
import { CachedRows } from "../../runtime/rows/cached-rows.ts";
import { RowCache } from "../../runtime/rows/row-cache.ts";
import { RateLimitError } from "../http/errors.ts";
import type { KeepAlive } from "../http/keep-alive.ts";
import { settledWithin } from "../http/promises.ts";
import * as limits from "../limits.ts";
import type { Lease, MemoryBudget } from "../memory/memory-budget.ts";
import type { Source } from "../source/source.ts";
import type { Charge } from "./key-allowance.ts";
import type { PageRead } from "./page-read.ts";
import { PageReader, type Reader } from "./page-reader.ts";
import type { AnyPage } from "./page-uses.ts";
import type { WantedPage } from "./wanted-page.ts";
import { describe, keysByPage } from "./wanted-pages.ts";
import { WorkSlices } from "./work-slices.ts";

/**
 * Why a request does not have all its pages. deadline: some were late. unavailable: the source failed, or a page is
 * missing or broken. limit: the request needs more pages than one request may read.
 */
export type Shortfall = "deadline" | "unavailable" | "limit";

/** What a request has of the pages that it reads. At its end it uses them no longer. */
export interface Rows extends Disposable {
  /** The pages at hand, by number. They stay whole until the end. */
  pages: ReadonlyMap<number, PageRows>;
  /** How many pages this request asked of the source: the keys that KV bills for it. */
  pagesRead: number;
  /** How many pages it found in the cache of the location. */
  pagesNearby: number;
  shortfall: Shortfall | null;
}

export interface RowRequest {
  manifest: BlobManifest;
  /** The records whose rows are wanted, located with `cached` of the manifest. */
  located: LocatedRecords;
  /** What names the model's blob, 64 hex digits. */
  version: string;
  source: Source;
  /** Milliseconds to wait for them. */
  deadlineMs: number;
  /** Pages that may be asked of the source: those with the most rows to find come first. */
  maxKeys: number;
  /** Null: nothing limits the client. */
  charge: Charge | null;
  keepAlive: KeepAlive;
  /** Takes the memory that cached rows need while others are waited for. */
  lease: Lease;
}

/**
 * Rows of pages: those that the isolate has cached, and those of pages that are read from the source, in bulk and
 * within a deadline. A page that cannot be had is not an error.
 */
export class RowStore {
  readonly #cache: RowCache;
  readonly #reader: PageReader;
  readonly #models = new WeakMap<BlobManifest, CachedRows>();

  constructor(memory: MemoryBudget, now: () => number) {
    this.#cache = new RowCache(memory);
    this.#reader = new PageReader(this.#cache, memory, now);
  }

  /**
   * Has pages read whose rows requests will want, and keeps their rows, as far as the pages are there in time. Returns
   * how many are, and how many are not.
   */
  async warm(
    { manifest, version }: Pick<RowRequest, "manifest" | "version">,
    pages: readonly number[],
    { source, keepAlive }: Pick<RowRequest, "source" | "keepAlive">,
  ): Promise<{ there: number; missing: number }> {
    const rows = this.cached(manifest);
    const wanted = pages.map((number) => describe(number, manifest, { source, version }));
    const reader: Reader = {
      ...{ model: manifest.spec.name, version, layout: manifest, tags: rows.tags, source, charge: null, keepAlive },
      deadlineMs: limits.WARM_TIMEOUT_MS,
    };
    const reads: PageRead[] = [];
    for (let start = 0; start < wanted.length; start += limits.PAGES_PER_READ)
      reads.push(this.#reader.begin(wanted.slice(start, start + limits.PAGES_PER_READ), reader));
    for (const read of reads) read.join();
    await settledWithin(Promise.all(reads.map(({ done }) => done)), limits.WARM_TIMEOUT_MS);
    let there = 0;
    const slices = new WorkSlices();
    for (const [i, { number, identity }] of wanted.entries()) {
      const page = reads[Math.floor(i / limits.PAGES_PER_READ)]?.page(identity);
      if (!page) continue;
      there++;
      rows.keepAll(number, page);
      await slices.after(page.bytes.length);
    }
    for (const read of reads) read.leave();
    return { there, missing: pages.length - there };
  }

  /** The cached rows of a model, to locate records with. Where these need no page, they must be scored at once. */
  cached(manifest: BlobManifest): CachedRows {
    let rows = this.#models.get(manifest);
    if (rows === undefined) {
      rows = new CachedRows(this.#cache, manifest);
      this.#models.set(manifest, rows);
    }
    return rows;
  }

  /** Reads the pages that records need. Throws RateLimitError where the client may not read what the request needs. */
  async fetch(request: RowRequest): Promise<Rows> {
    const { manifest, located, deadlineMs, lease } = request;
    const cached = this.cached(manifest);
    // While pages are waited for, other requests let the cache drop rows.
    if (lease.tryResize(lease.bytes + 4 * cached.rowWords * located.keptCount)) copyKept(located, cached.rowWords);
    else forgetKept(located);
    using stack = new DisposableStack();
    const gathering = stack.use(new Gathering(this.#reader, request, cached));
    const absent: WantedPage[] = [];
    for (const number of located.pages.keys()) {
      const page = describe(number, manifest, request);
      if (!gathering.failedRecently(page)) absent.push(page);
    }
    if (absent.length > request.maxKeys) {
      const { pages } = located;
      absent.sort((a, b) => (pages.get(b.number) ?? 0) - (pages.get(a.number) ?? 0));
    }
    const late = absent.length > 0 && !(await settledWithin(gathering.gather(absent), deadlineMs));
    const rows = gathering.close(late);
    stack.move();
    return rows;
  }
}

/** A page that was waited for, and the read of another request that it was expected from. */
interface JoinedPage {
  page: WantedPage;
  from: PageRead;
}

/** The pages of one request, while they come together. */
class Gathering implements Disposable {
  readonly #reader: PageReader;
  readonly #request: RowRequest;
  readonly #rows: CachedRows;
  /** By page that this request waits for: the keys that it looks for there, as pairs of words (low, high). */
  readonly #keys: ReadonlyMap<number, readonly number[]>;
  readonly #hasAllKeys: boolean;
  readonly #pages = new Map<number, PageRows>();
  /** The reads that this request began. */
  readonly #ownReads: PageRead[] = [];
  /** The reads that it waits for, with the pages that are to come. */
  readonly #underWay = new Map<PageRead, readonly WantedPage[]>();
  #keysRead = 0;
  #limited = false;
  #failed = false;
  #closed = false;

  constructor(reader: PageReader, request: RowRequest, rows: CachedRows) {
    this.#reader = reader;
    this.#request = request;
    this.#rows = rows;
    const { keys, isAll } = keysByPage(request.manifest, request.located);
    this.#keys = keys;
    this.#hasAllKeys = isAll;
  }

  /** Whether there is no need to wait for a page, as it has just failed. */
  failedRecently({ identity }: WantedPage): boolean {
    if (!this.#reader.failedRecently(identity)) return false;
    this.#failed = true;
    return true;
  }

  /**
   * Waits for reads that other requests have begun, and reads the other pages itself. A page that another request's
   * read did not bring, since that client may read no more or the request was killed, is read after all.
   */
  async gather(absent: readonly WantedPage[]): Promise<void> {
    const lost = await this.#settle(this.#begin(absent, ({ identity }) => this.#reader.underWay(identity)));
    if (lost.length === 0 || this.#closed) return;
    const before = new Map(lost.map(({ page, from }) => [page, from]));
    const left = lost.map(({ page }) => page).filter((page) => !this.failedRecently(page));
    const again = left.filter((page) => !this.#takeCached(page));
    const waitedFor = this.#begin(again, (page) => {
      const read = this.#reader.underWay(page.identity);
      return read?.charged && read !== before.get(page) ? read : undefined;
    });
    if ((await this.#settle(waitedFor)).length > 0) this.#failed = true;
  }

  /** `late`: whether its time is over. Of reads that are still under way it then takes the pages that are there. */
  close(late: boolean): Rows {
    if (late) for (const [read, pages] of this.#underWay) this.#takeFrom(read, pages);
    this.#closed = true;
    const shortfall = late ? "deadline" : this.#failed ? "unavailable" : this.#limited ? "limit" : null;
    const pagesNearby = this.#ownReads.reduce((sum, { nearby }) => sum + nearby, 0);
    const pagesRead = this.#keysRead - pagesNearby;
    return { pages: this.#pages, pagesRead, pagesNearby, shortfall, [Symbol.dispose]: () => this[Symbol.dispose]() };
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    for (const page of this.#pages.values())
      if (page instanceof Page || page instanceof ItemPage) this.#reader.uses.end(page);
    this.#pages.clear();
  }

  /** Keeps the rows of a page that the request looks for. Once it is closed, it takes no page any more. */
  #take(number: number, page: AnyPage): void {
    const keys = this.#keys.get(number) ?? [];
    for (let i = 0; i < keys.length; i += 2) {
      const lo = keys[i] as number;
      const hi = keys[i + 1] as number;
      this.#rows.keep(lo, hi, number, page.row(lo, hi));
    }
    if (this.#closed || this.#pages.has(number)) return;
    this.#pages.set(number, page);
    this.#reader.uses.begin(page);
  }

  /** Takes the pages that a read has brought so far. Returns the others. */
  #takeFrom(read: PageRead, pages: readonly WantedPage[]): WantedPage[] {
    return pages.filter(({ number, identity }) => {
      const page = read.page(identity);
      if (page) this.#take(number, page);
      return !page;
    });
  }

  /** Takes the rows of a page from the cache, if another request has brought there all that are looked for. */
  #takeCached({ number }: WantedPage): boolean {
    const rows = this.#hasAllKeys ? this.#rows.pageOf(number, this.#keys.get(number) ?? []) : null;
    if (rows === null || this.#closed) return false;
    this.#pages.set(number, rows);
    return true;
  }

  /** Joins the reads that `join` finds, and begins others. Returns the pages that are to come, by read. */
  #begin(
    absent: readonly WantedPage[],
    join: (page: WantedPage) => PageRead | undefined,
  ): Map<PageRead, { pages: WantedPage[]; own: boolean }> {
    const reads = new Map<PageRead, { pages: WantedPage[]; own: boolean }>();
    const own: WantedPage[] = [];
    for (const page of absent) {
      const read = join(page);
      const joined = read && reads.get(read);
      if (joined) joined.pages.push(page);
      else if (read) reads.set(read, { pages: [page], own: false });
      else if (this.#keysRead + own.length < this.#request.maxKeys) own.push(page);
      else this.#limited = true;
    }
    this.#keysRead += own.length;
    const { manifest, version, source, deadlineMs, charge, keepAlive } = this.#request;
    const reader: Reader = {
      model: manifest.spec.name,
      version,
      layout: manifest,
      tags: this.#rows.tags,
      source,
      deadlineMs,
      charge,
      keepAlive,
    };
    for (let start = 0; start < own.length; start += limits.PAGES_PER_READ) {
      const pages = own.slice(start, start + limits.PAGES_PER_READ);
      const read = this.#reader.begin(pages, reader);
      reads.set(read, { pages, own: true });
      this.#ownReads.push(read);
    }
    for (const read of reads.keys()) read.join();
    return reads;
  }

  /** Waits for reads, takes their pages and leaves them. Returns those that another request's read did not bring. */
  async #settle(reads: ReadonlyMap<PageRead, { pages: WantedPage[]; own: boolean }>): Promise<JoinedPage[]> {
    const lost: JoinedPage[] = [];
    await Promise.all(
      Array.from(reads, async ([read, { pages, own }]) => {
        this.#underWay.set(read, pages);
        const settled = own || (await settledWithin(read.done, limits.READ_LOST_MS));
        const outcome = settled ? await read.done : "lost";
        this.#underWay.delete(read);
        const missing = this.#takeFrom(read, pages);
        read.leave();
        if (outcome === "refused" && own)
          throw new RateLimitError("got more keys of rows than this client may read in a minute; try again later");
        if (outcome === "refused" || outcome === "lost") lost.push(...missing.map((page) => ({ page, from: read })));
        else if (missing.length > 0) this.#failed = true;
      }),
    );
    return lost;
  }
}
