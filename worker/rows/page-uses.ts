import type { ItemPage } from "../../format/item-page.ts";
import type { Page } from "../../format/page.ts";

/** A page of rows, or of items. */
export type AnyPage = Page | ItemPage;

/**
 * Counts what uses a page: the cache, the read that brought it, and requests. The memory of a page is given back at
 * once when its last use ends. A request that the runtime ends without a word leaves its use behind; such a page is
 * left to the engine to collect, as it would be without a count.
 */
export class PageUses {
  readonly #counts = new WeakMap<AnyPage, number>();

  begin(page: AnyPage): void {
    this.#counts.set(page, (this.#counts.get(page) ?? 0) + 1);
  }

  end(page: AnyPage): void {
    const left = (this.#counts.get(page) ?? 0) - 1;
    if (left > 0) this.#counts.set(page, left);
    else {
      this.#counts.delete(page);
      page.giveBack();
    }
  }
}
