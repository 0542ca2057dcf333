import type { RerankCounters } from "../metrics/rerank-counters.ts";
import { type Arranged, type Arranging, isPermutation } from "./arranging.ts";
import { foundList, type Item } from "./item-list.ts";
import type { Why } from "./why.ts";

/** Asks for the orders of an answer's lists, each within its time, and says what became of each, once. */
export class ListOrders {
  readonly #arranging: Arranging;
  readonly #budgetMs: number;
  readonly #counters: RerankCounters;
  /** Those that nothing is said of yet. */
  readonly #waiting: Set<string>;

  /** `lists`: the names of all that are looked for. `budgetMs`: milliseconds that an order may take. */
  constructor(arranging: Arranging, lists: readonly string[], budgetMs: number, counters: RerankCounters) {
    this.#arranging = arranging;
    this.#waiting = new Set(lists);
    this.#budgetMs = budgetMs;
    this.#counters = counters;
  }

  /** What the answer is to set. */
  get cookies(): readonly string[] {
    return this.#arranging.cookies ?? [];
  }

  /** The order of a list's movable items. Never rejects. */
  async of(list: string, movable: readonly Item[]): Promise<Arranged> {
    if (movable.length === 0) return { why: "no-match" };
    let timer: ReturnType<typeof setTimeout> | null = null;
    const late = new Promise<Arranged>((resolve) => {
      timer = setTimeout(() => resolve({ why: "budget" }), this.#budgetMs);
    });
    try {
      const arranged = await Promise.race([this.#arranging.arrange(foundList(list, movable)), late]);
      if ("why" in arranged || isPermutation(arranged.shown, movable.length)) return arranged;
    } catch {
      // Whoever arranges has said why in the log. The visitor gets the origin's order.
    } finally {
      clearTimeout(timer);
    }
    return { why: "model" };
  }

  /** Says how a list went out: in its order, or in the origin's and why. */
  sent(list: string, why: Why | null): void {
    if (!this.#waiting.delete(list)) return;
    this.#counters.add(why);
    try {
      this.#arranging.sent?.(list, why);
    } catch {
      // What is told of a list must not end the page that it is in.
    }
  }

  /** Says the same of all lists that nothing is said of yet. */
  sentAll(why: Why | null): void {
    for (const list of this.#waiting) this.sent(list, why);
  }
}
