import { PAGE_DIGEST_BYTES } from "../../format/constants.ts";
import type { Page } from "../../format/page.ts";
import type { BlobManifest } from "../../format/read-blob.ts";
import { pageKey } from "../../format/store.ts";
import { RateLimitError } from "../http/errors.ts";
import { type KeepAlive, settledWithin } from "../http/promises.ts";
import * as limits from "../limits.ts";
import type { MemoryBudget } from "../memory/memory-budget.ts";
import type { Source } from "../source/source.ts";
import type { Charge } from "./key-allowance.ts";
import { type PageRead, PageReader, type Reader, type WantedPage } from "./page-reader.ts";

/**
 * Why a request does not have all its pages. deadline: some were late. unavailable: the source failed, or a page is
 * missing or broken. limit: the request needs more pages than one request may read.
 */
export type Shortfall = "deadline" | "unavailable" | "limit";

/** What a request has of the pages that it needs. At its end it uses them no longer. */
export interface Rows extends Disposable {
  /** The pages at hand, by number. They stay whole until the end, whatever the cache drops. */
  pages: ReadonlyMap<number, Page>;
  /** How many pages this request asked of the source: the keys that KV bills for it. */
  pagesRead: number;
  shortfall: Shortfall | null;
}

export interface RowRequest {
  manifest: BlobManifest;
  /** By number of a wanted page: how many rows are looked for in it. */
  pages: ReadonlyMap<number, number>;
  source: Source;
  /** Milliseconds to wait for them. */
  deadlineMs: number;
  /** Pages that may be asked of the source: those with the most rows to find come first. */
  maxKeys: number;
  /** Null: nothing limits the client. */
  charge: Charge | null;
  keepAlive: KeepAlive;
}

/**
 * Pages of embedding rows, from the isolate's cache or else from the source, in bulk and within a deadline. A page that
 * cannot be had is not an error.
 */
export class RowStore {
  readonly #reader: PageReader;

  constructor(memory: MemoryBudget, now: () => number) {
    this.#reader = new PageReader(memory, now);
  }

  /**
   * Has pages read that requests will want, as far as they are there in time. Returns how many are, and how many are
   * not.
   */
  async warm(
    manifest: BlobManifest,
    pages: readonly number[],
    { source, keepAlive }: Pick<RowRequest, "source" | "keepAlive">,
  ): Promise<{ there: number; missing: number }> {
    using rows = await this.fetch({
      ...{ manifest, source, keepAlive, pages: new Map(pages.map((page) => [page, 1])) },
      ...{ deadlineMs: limits.WARM_TIMEOUT_MS, maxKeys: pages.length, charge: null },
    });
    return { there: rows.pages.size, missing: pages.length - rows.pages.size };
  }

  /** Throws RateLimitError where the client may not read what the request needs. */
  async fetch(request: RowRequest): Promise<Rows> {
    const { manifest, deadlineMs } = request;
    using stack = new DisposableStack();
    const gathering = stack.use(new Gathering(this.#reader, request));
    const absent: WantedPage[] = [];
    for (const number of request.pages.keys()) {
      const page = describe(number, manifest);
      if (!gathering.takeKnown(page)) absent.push(page);
    }
    if (absent.length > request.maxKeys) {
      const { pages } = request;
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
  readonly #pages = new Map<number, Page>();
  #keysRead = 0;
  #limited = false;
  #failed = false;
  #closed = false;

  constructor(reader: PageReader, request: RowRequest) {
    this.#reader = reader;
    this.#request = request;
  }

  /** Takes a page from the cache. Returns whether there is no need to wait for it: it is there, or has just failed. */
  takeKnown({ number, cacheKey }: WantedPage): boolean {
    const cached = this.#reader.cached(cacheKey);
    if (cached) this.#take(number, cached);
    else if (this.#reader.failedRecently(cacheKey)) this.#failed = true;
    else return false;
    return true;
  }

  /**
   * Waits for reads that other requests have begun, and reads the other pages itself. A page that another request's
   * read did not bring, since that client may read no more or the request was killed, is read after all.
   */
  async gather(absent: readonly WantedPage[]): Promise<void> {
    const lost = await this.#settle(this.#begin(absent, ({ cacheKey }) => this.#reader.underWay(cacheKey)));
    if (lost.length === 0 || this.#closed) return;
    const before = new Map(lost.map(({ page, from }) => [page, from]));
    const again = lost.map(({ page }) => page).filter((page) => !this.takeKnown(page));
    const waitedFor = this.#begin(again, (page) => {
      const read = this.#reader.underWay(page.cacheKey);
      return read?.charged && read !== before.get(page) ? read : undefined;
    });
    if ((await this.#settle(waitedFor)).length > 0) this.#failed = true;
  }

  close(late: boolean): Rows {
    this.#closed = true;
    const shortfall = late ? "deadline" : this.#failed ? "unavailable" : this.#limited ? "limit" : null;
    return { pages: this.#pages, pagesRead: this.#keysRead, shortfall, [Symbol.dispose]: () => this[Symbol.dispose]() };
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    for (const page of this.#pages.values()) this.#reader.uses.end(page);
    this.#pages.clear();
  }

  /** Once it is closed, it takes no page any more. */
  #take(number: number, page: Page): void {
    if (this.#closed || this.#pages.has(number)) return;
    this.#pages.set(number, page);
    this.#reader.uses.begin(page);
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
    const { manifest, source, charge, keepAlive } = this.#request;
    const reader: Reader = { model: manifest.spec.name, layout: manifest, source, charge, keepAlive };
    for (let start = 0; start < own.length; start += limits.PAGES_PER_READ) {
      const pages = own.slice(start, start + limits.PAGES_PER_READ);
      reads.set(this.#reader.begin(pages, reader), { pages, own: true });
    }
    for (const read of reads.keys()) read.join();
    return reads;
  }

  /** Waits for reads, takes their pages and leaves them. Returns those that another request's read did not bring. */
  async #settle(reads: ReadonlyMap<PageRead, { pages: WantedPage[]; own: boolean }>): Promise<JoinedPage[]> {
    const lost: JoinedPage[] = [];
    await Promise.all(
      Array.from(reads, async ([read, { pages, own }]) => {
        const settled = own || (await settledWithin(read.done, limits.READ_LOST_MS));
        const outcome = settled ? await read.done : "lost";
        const missing = pages.filter(({ number, cacheKey }) => {
          const page = read.page(cacheKey);
          if (page) this.#take(number, page);
          return !page;
        });
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

function describe(number: number, { pageDigests, pageCount, rowType, embeddingDim }: BlobManifest): WantedPage {
  const digest = pageDigests.subarray(number * PAGE_DIGEST_BYTES, (number + 1) * PAGE_DIGEST_BYTES);
  const key = pageKey(digest);
  return { number, digest, key, cacheKey: `${key}:${number}/${pageCount}:${rowType}x${embeddingDim}` };
}
