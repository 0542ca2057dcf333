import { MAX_PAGE_BYTES } from "../../format/constants.ts";
import type { RowCache } from "../../runtime/rows/row-cache.ts";
import type { RowTags } from "../../runtime/rows/row-tags.ts";
import type { KeepAlive } from "../http/keep-alive.ts";
import { errorText, logError } from "../http/log.ts";
import { settledWithin } from "../http/promises.ts";
import * as limits from "../limits.ts";
import type { Lease, MemoryBudget } from "../memory/memory-budget.ts";
import type { PageContents, Source } from "../source/source.ts";
import type { Charge } from "./key-allowance.ts";
import { type Outcome, PageRead } from "./page-read.ts";
import { type AnyPage, PageUses } from "./page-uses.ts";
import { openContent, type PagesLayout, UnreadPageError, type WantedPage } from "./wanted-page.ts";
import { WorkSlices } from "./work-slices.ts";

/** What a request brings to a read that it begins. */
export interface Reader {
  /** The model's name, for the log. */
  model: string;
  /** What names its blob, 64 hex digits. */
  version: string;
  layout: PagesLayout;
  /** Names the rows of the model's pages, and its items, in the cache. */
  tags: RowTags;
  source: Source;
  /** Milliseconds that it waits for pages. */
  deadlineMs: number;
  /** Null: nothing limits the client. */
  charge: Charge | null;
  keepAlive: KeepAlive;
}

/**
 * Reads pages for the requests that want them. A page is read once, however many want it at the same time, and stays
 * only as long as one of them uses it: what an isolate keeps is rows.
 */
export class PageReader {
  /** What uses pages, for those who take them from here. */
  readonly uses = new PageUses();
  readonly #cache: RowCache;
  readonly #memory: MemoryBudget;
  readonly #now: () => number;
  /** The largest page that was read of a model; what a page of another may take is not known. */
  readonly #largest = new WeakMap<PagesLayout, number>();
  /** By identity. */
  readonly #reads = new Map<string, PageRead>();
  /** By identity: when a page was found missing or broken. */
  readonly #failedAt = new Map<string, number>();
  readonly #opening = new WorkSlices();
  readonly #keeping = new WorkSlices();
  /** Pages that are on their way into the cache of the location. */
  #puts = 0;

  constructor(cache: RowCache, memory: MemoryBudget, now: () => number) {
    this.#cache = cache;
    this.#memory = memory;
    this.#now = now;
  }

  failedRecently(identity: string): boolean {
    const failedAt = this.#failedAt.get(identity);
    return failedAt !== undefined && this.#now() - failedAt < limits.PAGE_RETRY_MS;
  }

  /** The read that will bring a page, unless it is lost. */
  underWay(identity: string): PageRead | undefined {
    const read = this.#reads.get(identity);
    return read && this.#now() - read.startedAt < limits.READ_LOST_MS ? read : undefined;
  }

  /**
   * Begins a bulk read of at most PAGES_PER_READ pages, which others may join from now on. The request that begins it
   * is kept alive for it: a promise of a request that has ended never settles for those who wait for it.
   */
  begin(wanted: readonly WantedPage[], reader: Reader): PageRead {
    const perform = async (read: PageRead): Promise<Outcome> => {
      try {
        return await this.#read(wanted, reader, read);
      } finally {
        // Those that it has brought are there for others until their rows are kept.
        this.#forget(
          wanted.filter(({ identity }) => !read.page(identity)),
          read,
        );
      }
    };
    const read = new PageRead(this.#now(), reader.charge === null, this.uses, perform);
    // Reads that were lost stay behind.
    if (this.#reads.size >= limits.MAX_PAGES_REMEMBERED) this.#reads.clear();
    for (const { identity } of wanted) this.#reads.set(identity, read);
    reader.keepAlive(this.#keepRows(wanted, reader, read));
    return read;
  }

  #forget(wanted: readonly WantedPage[], read: PageRead): void {
    for (const { identity } of wanted) if (this.#reads.get(identity) === read) this.#reads.delete(identity);
  }

  /**
   * Keeps the rows of pages once their read has ended and those who wait for it have had their turn, a few at a time:
   * no answer waits for that, which takes longer than all else that is done with a page. Returns how the read ended.
   */
  async #keepRows(wanted: readonly WantedPage[], { layout, tags }: Reader, read: PageRead): Promise<Outcome> {
    read.join();
    const outcome = await read.done;
    using stack = new DisposableStack();
    stack.defer(() => {
      read.leave();
      this.#forget(wanted, read);
    });
    const pages = wanted.flatMap(({ number, identity }) => {
      const page = read.page(identity);
      return page ? [{ number, page }] : [];
    });
    const lease = stack.use(this.#memory.lease("requests", true));
    const bytes = pages.reduce((sum, { page }) => sum + page.bytes.length, 0);
    if (pages.length === 0 || !this.#cache.keepsPages || !lease.tryResize(bytes)) return outcome;
    await this.#keeping.next();
    for (const { number, page } of pages) {
      this.#cache.keepWhileRoom(page, number, tags, this.#shareToKeep(page, number, layout));
      await this.#keeping.after(page.bytes.length);
    }
    return outcome;
  }

  /** Reads pages, as many at a time as there is memory for. Never rejects. */
  async #read(wanted: readonly WantedPage[], reader: Reader, read: PageRead): Promise<Outcome> {
    for (let start = 0; start < wanted.length; ) {
      using lease = this.#memory.lease("requests", true);
      const some = await this.#takeSoon(wanted.slice(start), reader, lease);
      if (some === null) return "failed";
      const reading = this.#readSome(some, reader, read);
      // A source that hangs would hold the memory of requests, and so they would be refused and not degraded.
      if (!(await settledWithin(reading, limits.READ_GIVEN_UP_MS))) {
        const error = new Error(`got no pages in ${limits.READ_GIVEN_UP_MS} ms`);
        logError("rows_unavailable", error, { model: reader.model, keys: some.length });
        return "failed";
      }
      const outcome = await reading;
      if (outcome !== "read") return outcome;
      start += some.length;
    }
    return "read";
  }

  /**
   * Takes memory for the first of the wanted pages, if need be once other requests have given theirs back. How large
   * pages are shows when the first is there. Null where there is none for a while, which needs no line in the log: the
   * requests that lack these pages are counted there as degraded.
   */
  async #takeSoon(
    wanted: readonly WantedPage[],
    { layout }: Reader,
    lease: Lease,
  ): Promise<readonly WantedPage[] | null> {
    for (let waited = 0; waited < limits.READ_LOST_MS; waited += RETRY_MS) {
      const pageBytes = READ_MEMORY_FACTOR * (this.#largest.get(layout) ?? MAX_PAGE_BYTES);
      const some = wanted.slice(0, Math.max(1, Math.floor(limits.READ_BYTES / pageBytes)));
      if (lease.tryResize(some.length * pageBytes)) return some;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
    return null;
  }

  /** Reads pages into `read`, and logs those that cannot be had. Never rejects. */
  async #readSome(wanted: readonly WantedPage[], reader: Reader, read: PageRead): Promise<Outcome> {
    const { model, version, layout, source, charge } = reader;
    const again = wanted.some(({ identity }) => this.#failedAt.has(identity));
    const absent = again ? wanted : await this.#findNearby(wanted, reader, read);
    if (absent.length === 0) return "read";
    if (charge && !(await charge(absent.length))) return "refused";
    read.charged = true;
    let contents: PageContents;
    try {
      contents = await source.pages(
        absent.map(({ key }) => key),
        again,
        { version, pageCount: layout.pageCount + layout.itemPages, numbers: absent.map(({ number }) => number) },
      );
    } catch (error) {
      logError("rows_unavailable", error, { model, keys: absent.length });
      return "failed";
    }
    const faults = await this.#openEach(absent, contents, reader, read);
    for (const { key, identity } of absent) {
      const page = read.page(identity);
      if (page) this.#keepNearby(key, page.bytes, reader);
    }
    for (const [{ identity }, fault] of faults) if (!(fault instanceof UnreadPageError)) this.#remember(identity);
    const problems = Array.from(faults.values(), errorText);
    if (problems.length > 0)
      logError("pages_unavailable", problems[0], { model, pages: problems.length, problems: problems.slice(0, 10) });
    return "read";
  }

  /**
   * Looks for pages in the cache of the location. Returns those that are not there; one that is broken there is read
   * from the source and put there again.
   */
  async #findNearby(wanted: readonly WantedPage[], reader: Reader, read: PageRead): Promise<readonly WantedPage[]> {
    const { pageCache } = reader.source;
    if (!pageCache) return wanted;
    const keys = wanted.map(({ key }) => key);
    const found = await pageCache.find(keys, limits.LOCATION_CACHE_TIME * reader.deadlineMs, reader.keepAlive);
    if (found.size === 0) return wanted;
    const there = wanted.filter(({ key }) => found.has(key));
    const faults = await this.#openEach(there, found, reader, read);
    read.nearby += there.length - faults.size;
    return wanted.filter((page) => !found.has(page.key) || faults.has(page));
  }

  /** Puts a page that was read from the source into the cache of the location, beside the request. */
  #keepNearby(key: string, bytes: Uint8Array, { source: { pageCache }, keepAlive }: Reader): void {
    if (!pageCache || this.#puts >= limits.LOCATION_CACHE_PUTS) return;
    const lease = this.#memory.lease("requests");
    if (!lease.tryResize(2 * bytes.length)) return;
    this.#puts++;
    const kept = pageCache.keep(key, bytes).finally(() => {
      this.#puts--;
      lease[Symbol.dispose]();
    });
    keepAlive(kept);
  }

  /**
   * Gives pages to those who wait for `read`, a few at a time, so that requests whose time is over meanwhile are
   * answered. Returns what is wrong with those that are missing or broken.
   */
  async #openEach(
    wanted: readonly WantedPage[],
    contents: PageContents,
    { layout }: Reader,
    read: PageRead,
  ): Promise<Map<WantedPage, unknown>> {
    const faults = new Map<WantedPage, unknown>();
    for (const wantedPage of wanted) {
      const { key, identity } = wantedPage;
      try {
        const page = await openContent(contents.get(key), wantedPage, layout);
        this.#failedAt.delete(identity);
        this.#largest.set(layout, Math.max(page.bytes.length, this.#largest.get(layout) ?? 0));
        read.add(identity, page);
        await this.#opening.after(page.bytes.length);
      } catch (error) {
        faults.set(wantedPage, error);
      }
    }
    return faults;
  }

  /**
   * The share of a page's items that an isolate has room for if it keeps as much of each item page: the items that are
   * wanted most of all, once it has read each. Of a page of rows, all are as good.
   */
  #shareToKeep({ bytes }: AnyPage, number: number, { pageCount, itemPages }: PagesLayout): number {
    return number < pageCount ? 1 : this.#memory.maxRowBytes / (itemPages * bytes.length);
  }

  #remember(identity: string): void {
    if (this.#failedAt.size >= limits.MAX_PAGES_REMEMBERED) this.#failedAt.clear();
    this.#failedAt.set(identity, this.#now());
  }
}

/**
 * Bytes of memory for a byte of a page while it is read: its base64 text, twice while the source's answer is taken
 * apart, and its bytes.
 */
const READ_MEMORY_FACTOR = 4;

/** Milliseconds between two tries to take memory. */
const RETRY_MS = 5;
