import type { Page } from "../../format/page.ts";
import type { MemoryBudget } from "../memory/memory-budget.ts";

/**
 * The pages that an isolate has read, those used least recently being dropped first. A request holds the pages that it
 * uses, so none is pulled away from it.
 */
export class PageCache {
  readonly #memory: MemoryBudget;
  readonly #pages = new Map<string, Page>();
  #bytes = 0;

  constructor(memory: MemoryBudget) {
    this.#memory = memory;
    memory.trimPagesWith((maxBytes) => this.#trim(maxBytes));
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
    const bytes = cost(page);
    const { maxPageBytes } = this.#memory;
    if (bytes > maxPageBytes) return;
    this.#trim(maxPageBytes - bytes);
    this.#pages.set(key, page);
    this.#count(bytes);
  }

  delete(key: string): void {
    const page = this.#pages.get(key);
    if (page === undefined) return;
    this.#pages.delete(key);
    this.#count(-cost(page));
  }

  #trim(maxBytes: number): void {
    for (const oldest of this.#pages.keys()) {
      if (this.#bytes <= maxBytes) break;
      this.delete(oldest);
    }
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    this.#memory.setPages(this.#bytes);
  }
}

/** Bytes of the objects that a page is made of, and of its keys in maps. */
const PAGE_OBJECTS_BYTES = 1024;

/** An upper bound of the memory that a page takes: its bytes, and a copy of its keys, which are a part of them. */
function cost(page: Page): number {
  return 2 * page.bytes.byteLength + PAGE_OBJECTS_BYTES;
}
