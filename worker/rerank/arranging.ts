import type { RawValue } from "../../format/raw-value.ts";
import type { RerankRoute } from "../../format/rerank-routes.ts";
import type { KeepAlive } from "../http/keep-alive.ts";
import type { Why } from "./why.ts";

// What re-ranking takes from outside: whoever knows models and experiments says in which order a list is shown.

/** A list as it was found in the origin's answer. */
export interface FoundList {
  /** As its route calls it. */
  name: string;
  /** n ids, no two alike, in the origin's order. */
  ids: readonly string[];
  /** n records with the item's fields that the route names. */
  items: readonly Record<string, RawValue>[];
}

/** An order, as n indices into the list's ids, each once; or why the list is to stay as it is. */
export type Arranged = { shown: readonly number[] } | { why: Why };

/** How a visitor's lists are arranged. */
export interface Arranging {
  /** Is called once for each list that was found. What it throws counts as `model`. */
  arrange(list: FoundList): Promise<Arranged>;
  /**
   * Is called once for each list of the route, when its bytes go out, or when it is known that there is none. `why`:
   * why it is in the origin's order; null: it is in the order that `arrange` gave. Of a page it is called for the lists
   * of pages, of a JSON document for those of documents, and of an answer that is neither for all, with `status` or
   * `type`, which say nothing of any arm.
   */
  sent?(list: string, why: Why | null): void;
}

/** A request that matches a route. */
export interface AskedPage {
  request: Request;
  route: RerankRoute;
  /** The route's fields of the context. */
  context: Record<string, RawValue>;
  env: object;
  keepAlive: KeepAlive;
}

/** What is known of a visitor before the origin is asked. */
export interface Begun {
  /** Null: the visitor's lists are not arranged, and the origin's answer goes out untouched. */
  arranging: Arranging | null;
  /** Headers `set-cookie` that a page or document of the route gets in any case, beside the origin's own. */
  cookies: readonly string[];
  /** Those that only a page gets. */
  pageCookies?: readonly string[];
  /** Metrics of `Server-Timing` that a page whose lists are arranged has: scripts of the page can read them. */
  timings?: readonly string[];
}

export const NOT_ARRANGED: Begun = { arranging: null, cookies: [] };

/**
 * Says before the origin is asked how a visitor's lists are arranged, and begins to fetch what that takes. What it
 * throws counts as `experiment`.
 */
export type BeginArranging = (page: AskedPage) => Begun | Promise<Begun>;

/** What is ranked of a list: records by the fields that its route names, or else ids of the model's catalogue. */
export function candidatesOf({ name, ids, items }: FoundList, { route }: AskedPage) {
  const hasFields = route.lists.some((list) => list.name === name && list.fields !== undefined);
  return hasFields ? { candidates: items } : { items: ids };
}

/** Whether `shown` has each of the indices below n once. */
export function isPermutation(shown: readonly number[], n: number): boolean {
  if (shown.length !== n) return false;
  const seen = new Uint8Array(n);
  for (const index of shown) {
    if (!(index >= 0 && index < n) || seen[index] === 1) return false;
    seen[index] = 1;
  }
  return true;
}
