import type { Why } from "../rerank/why.ts";
import { counter, type MetricFamily, type Series } from "./exposition.ts";

/** What became of the lists of pages since the isolate started. */
export class RerankCounters {
  readonly #lists = new Map<string, number>();

  /** Counts a list that went out in an order of its own; or in the origin's, and why. */
  add(why: Why | null): void {
    const result = why ?? "arranged";
    this.#lists.set(result, (this.#lists.get(result) ?? 0) + 1);
  }

  /** In the families of Prometheus; none as long as nothing is re-ranked. */
  families(): MetricFamily[] {
    if (this.#lists.size === 0) return [];
    const series = Array.from(this.#lists, ([result, count]): Series => [{ result }, count]);
    return [counter("reranked_lists_total", "Lists of pages: arranged, or why they went out as they came.", series)];
  }
}
