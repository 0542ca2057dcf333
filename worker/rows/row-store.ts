import { PAGE_DIGEST_BYTES } from "../../format/constants.ts";
import { FormatError } from "../../format/errors.ts";
import { openPage, type Page } from "../../format/page.ts";
import type { BlobManifest } from "../../format/read-blob.ts";
import { pageKey } from "../../format/store.ts";
import { errorText, logError } from "../http/log.ts";
import { type KeepAlive, settledWithin } from "../http/promises.ts";
import * as limits from "../limits.ts";
import type { PageContent, Source } from "../source/source.ts";
import { PageCache } from "./page-cache.ts";

/**
 * Why a request does not have all its pages. deadline: some were late. unavailable: the source failed, or a page is
 * missing or broken. limit: the request needs more pages than one request may read.
 */
export type Shortfall = "deadline" | "unavailable" | "limit";

export interface Rows {
  /** The pages at hand, by number. The request holds them, so that the cache's eviction cannot hurt it. */
  pages: ReadonlyMap<number, Page>;
  /** How many pages were asked of the source: the keys that KV bills. */
  pagesRead: number;
  shortfall: Shortfall | null;
}

export interface RowRequest {
  manifest: BlobManifest;
  /** Numbers of the wanted pages. */
  pages: Iterable<number>;
  source: Source;
  /** Milliseconds to wait for them. */
  deadlineMs: number;
  keepAlive: KeepAlive;
}

interface AbsentPage {
  number: number;
  digest: Uint8Array;
  /** The key in the source. */
  key: string;
  /** The key in the cache, which has all that the page was checked against. */
  cacheKey: string;
}

/**
 * Pages of embedding rows, from the isolate's cache or else from the source, in bulk and within a deadline. A page that
 * cannot be had is not an error.
 */
export class RowStore {
  readonly #cache = new PageCache(limits.PAGE_CACHE_BYTES);
  readonly #now: () => number;
  /** By cache key: when a page was found missing or broken. */
  readonly #failedAt = new Map<string, number>();

  constructor(now: () => number) {
    this.#now = now;
  }

  async fetch({ manifest, pages: wanted, source, deadlineMs, keepAlive }: RowRequest): Promise<Rows> {
    const pages = new Map<number, Page>();
    const absent: AbsentPage[] = [];
    let limited = false;
    let failed = false;
    for (const number of wanted) {
      const digest = manifest.pageDigests.subarray(number * PAGE_DIGEST_BYTES, (number + 1) * PAGE_DIGEST_BYTES);
      const key = pageKey(digest);
      const cacheKey = `${key}:${number}/${manifest.pageCount}:${manifest.rowType}x${manifest.embeddingDim}`;
      const cached = this.#cache.get(cacheKey);
      if (cached) pages.set(number, cached);
      else if (this.#failedRecently(cacheKey)) failed = true;
      else if (absent.length === limits.MAX_PAGES_PER_REQUEST) limited = true;
      else absent.push({ number, digest, key, cacheKey });
    }

    const reads: Promise<void>[] = [];
    for (let start = 0; start < absent.length; start += limits.PAGES_PER_READ) {
      reads.push(this.#read(absent.slice(start, start + limits.PAGES_PER_READ), manifest, source, pages));
    }
    let late = false;
    if (reads.length > 0) {
      const all = Promise.all(reads);
      late = !(await settledWithin(all, deadlineMs));
      if (late) keepAlive(all); // late pages still enter the cache, for the requests that follow
      failed ||= absent.some(({ number }) => !pages.has(number));
    }
    const shortfall = late ? "deadline" : failed ? "unavailable" : limited ? "limit" : null;
    return { pages, pagesRead: absent.length, shortfall };
  }

  /** Reads pages into the cache and into `pages`, and logs those that cannot be had. Never rejects. */
  async #read(
    absent: readonly AbsentPage[],
    manifest: BlobManifest,
    source: Source,
    pages: Map<number, Page>,
  ): Promise<void> {
    const again = absent.some(({ cacheKey }) => this.#failedAt.has(cacheKey));
    let contents: ReadonlyMap<string, PageContent | null>;
    try {
      contents = await source.pages(
        absent.map(({ key }) => key),
        again,
      );
    } catch (error) {
      logError("rows_unavailable", error, { model: manifest.spec.name, keys: absent.length });
      return;
    }
    const problems: string[] = [];
    await Promise.all(
      absent.map(async ({ number, digest, key, cacheKey }) => {
        try {
          const page = await openPage(bytesOf(contents.get(key), number, key), manifest, number, digest);
          this.#failedAt.delete(cacheKey);
          this.#cache.set(cacheKey, page);
          pages.set(number, page);
        } catch (error) {
          this.#remember(cacheKey);
          problems.push(errorText(error));
        }
      }),
    );
    if (problems.length > 0) {
      logError("pages_unavailable", problems[0], {
        model: manifest.spec.name,
        pages: problems.length,
        problems: problems.slice(0, 10),
      });
    }
  }

  #failedRecently(cacheKey: string): boolean {
    const failedAt = this.#failedAt.get(cacheKey);
    return failedAt !== undefined && this.#now() - failedAt < limits.PAGE_RETRY_MS;
  }

  #remember(cacheKey: string): void {
    if (this.#failedAt.size >= limits.MAX_PAGES_REMEMBERED) this.#failedAt.clear();
    this.#failedAt.set(cacheKey, this.#now());
  }
}

function bytesOf(content: PageContent | null | undefined, page: number, key: string): Uint8Array {
  if (content === null || content === undefined)
    throw new FormatError(`page ${page}`, `missing, expected it under ${key}`);
  if (typeof content !== "string") return content;
  try {
    return Uint8Array.fromBase64(content);
  } catch (error) {
    throw new FormatError(`page ${page}`, `not base64: ${(error as Error).message}`);
  }
}
