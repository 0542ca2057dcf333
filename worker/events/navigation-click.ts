import { EVENT_VERSION, type ListEvent } from "../../format/event.ts";
import { candidateIdFault } from "../../format/exposure.ts";
import { hasItem } from "../../format/item-tags.ts";
import type { MacKeys } from "../../format/mac.ts";
import { requestIdTime } from "../../format/request-id.ts";
import { cookieValue } from "../http/cookies.ts";
import { isPrefetch } from "../http/prefetch.ts";
import { LIST_COOKIE, pageTag, readListCookie } from "./list-cookie.ts";

// Clicks without a script: a visitor who clicks an item of a re-ranked list asks the same Worker for the item's page
// next.

export interface ClickOptions {
  /** Matches the URLs of items' pages. Its group `item` is the item's id, percent-encoded. */
  pattern: URLPattern;
  keys: MacKeys;
  /** The visitor's unit, as the log has it; null: the visitor has not consented, or has none. */
  unit: string | null;
  /** Milliseconds since the epoch. */
  now: number;
}

/**
 * The clicks that a request is; mostly none. A click is a navigation to an item's page that comes from a page with one
 * of the lists which the visitor's cookie has, and the item was in that list, as far as the cookie knows that. On a
 * page whose lists were not seen yet when it was set, it is one on each of them: which of them had the item shows when
 * the log is analyzed. To fetch a page before anybody asked for it is no click. Never throws for what a client sends.
 */
export function navigationClicks(request: Request, options: ClickOptions): ListEvent[] {
  const { pattern, keys, unit, now } = options;
  if (unit === null || !isNavigation(request)) return [];
  const item = itemOf(request.url, pattern);
  const page = refererPage(request);
  const cookie = cookieValue(request.headers.get("cookie"), LIST_COOKIE);
  if (item === null || page === null || cookie === null) return [];
  const [newest, ...others] = readListCookie(cookie, keys, unit, now).filter(
    ({ id, page: tag, tags }) => tag === pageTag(id, page) && (tags === null || hasItem(tags, id, item)),
  );
  if (!newest) return [];
  // The lists of one page have ids of one time; those of the page when it was loaded before have not.
  const beside = others.filter(({ id, tags }) => tags === null && requestIdTime(id) === requestIdTime(newest.id));
  return [newest, ...beside].map(({ id }) => ({ v: EVENT_VERSION, id, type: "click", item, t: now, received: now }));
}

/** What browsers say of requests that no visitor made by following a link. Old ones say nothing. */
function isNavigation({ method, headers }: Request): boolean {
  const is = (name: string, value: string): boolean => (headers.get(name) ?? value) === value;
  return (
    method === "GET" &&
    !isPrefetch(headers) &&
    is("sec-fetch-mode", "navigate") &&
    is("sec-fetch-dest", "document") &&
    is("sec-fetch-site", "same-origin")
  );
}

function itemOf(url: string, pattern: URLPattern): string | null {
  const match = pattern.exec(url);
  const group = match?.pathname.groups.item ?? match?.search.groups.item;
  if (group === undefined || group === "") return null;
  try {
    const item = decodeURIComponent(group);
    // No list has another item, nor has a line of the log.
    return candidateIdFault(item) === null ? item : null;
  } catch {
    return null;
  }
}

/** Path and query of the page that a request comes from, if it is one of the same origin. */
function refererPage({ url, headers }: Request): string | null {
  const referer = URL.parse(headers.get("referer") ?? "");
  return referer && referer.origin === new URL(url).origin ? referer.pathname + referer.search : null;
}
