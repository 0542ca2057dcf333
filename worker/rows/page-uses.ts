import type { Page } from "../../format/page.ts";

/**
 * Counts what uses a page: the cache, the read that brought it, and requests. The memory of a page is given back at
 * once when its last use ends. A request that the runtime ends without a word leaves its use behind; such a page is
 * left to the engine to collect, as it would be without a count.
 */
export class PageUses {
  readonly #counts = new WeakMap<Page, number>();

  begin(page: Page): void {
    this.#counts.set(page, (this.#counts.get(page) ?? 0) + 1);
  }

  end(page: Page): void {
    const left = (this.#counts.get(page) ?? 0) - 1;
    if (left > 0) this.#counts.set(page, left);
    else {
      this.#counts.delete(page);
      page.giveBack();
    }
  }
}
