import type { Page } from "../../format/page.ts";

/**
 * The pages that an isolate has read, those used least recently being dropped first. A request holds the pages that it
 * uses, so none is pulled away from it.
 */
export class PageCache {
  readonly #maxBytes: number;
  readonly #pages = new Map<string, Page>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(key: string): Page | undefined {
    const page = this.#pages.get(key);
    if (page === undefined) return undefined;
    // A Map keeps the order of insertion: put back, the page is the youngest.
    this.#pages.delete(key);
    this.#pages.set(key, page);
    return page;
  }

  set(key: string, page: Page): void {
    this.delete(key);
    this.#pages.set(key, page);
    this.#bytes += cost(page);
    for (const oldest of this.#pages.keys()) {
      if (this.#bytes <= this.#maxBytes) break;
      this.delete(oldest);
    }
  }

  delete(key: string): void {
    const page = this.#pages.get(key);
    if (page === undefined) return;
    this.#pages.delete(key);
    this.#bytes -= cost(page);
  }
}

/** An upper bound of the memory that a page takes: its bytes, and a copy of its keys, which are a part of them. */
function cost(page: Page): number {
  return 2 * page.bytes.byteLength;
}
