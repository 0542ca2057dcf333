import type { Page } from "../../format/page.ts";
import type { MemoryBudget } from "../memory/memory-budget.ts";
import type { PageUses } from "./page-uses.ts";

/**
 * The pages that an isolate has read, those used least recently being dropped first. One that is dropped while requests
 * use it stays theirs.
 */
export class PageCache {
  readonly #memory: MemoryBudget;
  readonly #uses: PageUses;
  readonly #pages = new Map<string, Page>();
  #bytes = 0;

  constructor(memory: MemoryBudget, uses: PageUses) {
    this.#memory = memory;
    this.#uses = uses;
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
    const bytes = cost(page);
    const { maxPageBytes } = this.#memory;
    if (bytes > maxPageBytes) {
      this.delete(key);
      return;
    }
    this.#uses.begin(page);
    this.delete(key);
    this.#trim(maxPageBytes - bytes);
    this.#pages.set(key, page);
    this.#count(bytes);
  }

  delete(key: string): void {
    const page = this.#pages.get(key);
    if (page === undefined) return;
    this.#pages.delete(key);
    this.#count(-cost(page));
    this.#uses.end(page);
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

/** Bytes of the objects that a page is made of, and of what names it in maps. */
const PAGE_OBJECTS_BYTES = 1024;

function cost(page: Page): number {
  return page.memoryBytes + PAGE_OBJECTS_BYTES;
}
