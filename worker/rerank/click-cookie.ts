import { type CookieList, cookieList, LIST_COOKIE, readListCookie, setListCookie } from "../events/list-cookie.ts";
import type { Visit } from "../experiments/visit.ts";
import { cookieValue } from "../http/cookies.ts";
import type { AskedPage } from "./arranging.ts";
import type { PageList } from "./page-list.ts";

/**
 * The header `set-cookie` by which the visitor's next navigation is known as a click on an item of the page's lists;
 * null: there is none, as the route has no pages of items, or the visitor has not consented. Headers go out before the
 * lists are seen, so that the cookie cannot have their items: which of them had a click's item shows in the analysis.
 * `now`: milliseconds since the epoch.
 */
export function clickCookie(page: AskedPage, visit: Visit, lists: readonly PageList[], now: number): string | null {
  const { request, route } = page;
  // No navigation comes from a document.
  const ofPages = lists.filter(({ name }) => route.lists.some((list) => list.name === name && list.type === "html"));
  // The cookie is one unit's: that of the first list.
  const unit = ofPages[0]?.unit?.hash;
  if (route.itemPages === undefined || !visit.consents || unit === undefined) return null;
  const url = new URL(request.url);
  const { signing } = visit.keys;
  const value = cookieValue(request.headers.get("cookie"), LIST_COOKIE);
  const before = value === null ? [] : readListCookie(value, signing, unit, now);
  const shown = ofPages.flatMap(({ id, unit: of }): CookieList[] =>
    id !== null && of?.hash === unit ? [cookieList(id, url.pathname + url.search, null)] : [],
  );
  const [newest, ...others] = shown;
  return newest ? setListCookie(signing, unit, newest, [...others, ...before]) : null;
}
