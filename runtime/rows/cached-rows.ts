import type { ItemPage } from "../../format/item-page.ts";
import type { Page } from "../../format/page.ts";
import { rowStride } from "../../format/row.ts";
import type { PageRows } from "../batch-filler.ts";
import { type KeptRows, NO_ROW, UNKNOWN_ROW } from "../kept-rows.ts";
import { CACHED_ABSENCE, NOT_CACHED, type RowCache } from "./row-cache.ts";
import { RowTags, type TagLayout } from "./row-tags.ts";

/** An isolate's cached rows, as one model finds its own among them. A number is good until rows are added. */
export class CachedRows implements KeptRows {
  readonly tags: RowTags;
  readonly rowWords: number;
  readonly #cache: RowCache;

  constructor(cache: RowCache, manifest: TagLayout) {
    this.#cache = cache;
    this.tags = new RowTags(manifest);
    this.rowWords = rowStride(manifest.rowType, manifest.embeddingDim) / 4;
  }

  find(lo: number, hi: number, page: number): number {
    const position = this.#cache.find(this.tags.lo(lo, page), this.tags.hi(hi, page), this.rowWords);
    if (position === NOT_CACHED) return UNKNOWN_ROW;
    return position === CACHED_ABSENCE ? NO_ROW : position;
  }

  copy(number: number, target: Uint32Array, at: number): void {
    this.#cache.copy(number, this.rowWords, target, at);
  }

  record(lo: number, hi: number, page: number): Uint32Array | null | undefined {
    return this.#cache.read(this.tags.lo(lo, page), this.tags.hi(hi, page));
  }

  /**
   * Copies of the rows or items of some keys of a page, given as pairs of words (low, high); null where there are none,
   * or where the cache knows nothing of one.
   */
  pageOf(page: number, keys: readonly number[]): PageRows | null {
    if (keys.length === 0) return null;
    const rows = new Map<string, Uint8Array | null>();
    for (let i = 0; i < keys.length; i += 2) {
      const lo = keys[i] as number;
      const hi = keys[i + 1] as number;
      const row = this.record(lo, hi, page);
      if (row === undefined) return null;
      rows.set(`${lo},${hi}`, row && new Uint8Array(row.slice().buffer));
    }
    return { row: (lo, hi) => rows.get(`${lo},${hi}`) ?? null };
  }

  /** Keeps all rows, or items, of a page. */
  keepAll(number: number, page: Page | ItemPage): void {
    for (let i = 0; i < page.rowCount; i++) {
      const [lo, hi] = [page.keyWord(2 * i), page.keyWord(2 * i + 1)];
      this.keep(lo, hi, number, page.row(lo, hi));
    }
  }

  /** Keeps a key's row, or that its page has none. */
  keep(lo: number, hi: number, page: number, row: Uint8Array | null): void {
    this.#cache.keep(this.tags.lo(lo, page), this.tags.hi(hi, page), row);
  }
}
