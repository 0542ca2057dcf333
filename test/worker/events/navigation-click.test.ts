import { expect, test } from "vitest";
import { EVENT_VERSION } from "../../../format/event.ts";
import { readMacKeys } from "../../../format/mac.ts";
import { makeRequestId } from "../../../format/request-id.ts";
import { generateToken } from "../../../format/tokens.ts";
import { seedRandomBytes } from "../../../testing/format/seeded-bytes.ts";
import { LIST_COOKIE_MS, MAX_COOKIE_LISTS } from "../../../worker/events/limits.ts";
import { cookieList, LIST_COOKIE, readListCookie, setListCookie } from "../../../worker/events/list-cookie.ts";
import { type ClickOptions, navigationClicks } from "../../../worker/events/navigation-click.ts";

const SECRETS = [generateToken(), generateToken()];
const KEYS = readMacKeys(SECRETS.join(" "), "SECRETS");
const OLD_KEYS = readMacKeys(SECRETS[1], "SECRETS");
const NOW = Date.parse("2026-01-01T00:00:00Z");
const UNIT = "0123456789abcdef";
const SHOP = "https://shop.example";
const ITEMS = ["red hat", "пальто", "a/b"];

const [LISTED] = idsAt(NOW);
const cookie = (list = cookieList(LISTED, "/hats?page=2", ITEMS), keys = KEYS, unit = UNIT): string =>
  setListCookie(keys, unit, list, []).split(";")[0];
const COOKIE = cookie();

const OPTIONS: ClickOptions = {
  pattern: new URLPattern({ pathname: "/item/:item" }),
  ...{ keys: KEYS, unit: UNIT, now: NOW + 1000 },
};
const click = (item: string, id = LISTED, t = NOW + 1000) => ({
  ...{ v: EVENT_VERSION, id, type: "click", item, t, received: t },
});

/** An id of each time, the same ones in each run, so that no tag of an item is another's by chance. */
function idsAt(...times: readonly number[]): string[] {
  using _bytes = seedRandomBytes(1);
  return times.map((at) => makeRequestId(KEYS, at));
}

/** A request as a browser makes it for a link that a visitor clicks. */
function navigation(path: string, headers: Record<string, string | null> = {}, method = "GET"): Request {
  const usual = {
    cookie: `theme=dark; ${COOKIE}; other=1`,
    referer: `${SHOP}/hats?page=2`,
    ...{ "sec-fetch-mode": "navigate", "sec-fetch-dest": "document", "sec-fetch-site": "same-origin" },
  };
  const sent = Object.entries({ ...usual, ...headers }).filter((pair): pair is [string, string] => pair[1] !== null);
  return new Request(SHOP + path, { method, headers: sent });
}

test.each(ITEMS)("a visitor who goes from a list to an item's page has clicked it: %s", (item) => {
  expect(navigationClicks(navigation(`/item/${encodeURIComponent(item)}?ref=1`), OPTIONS)).toEqual([click(item)]);
});

test("a browser that says less is believed", () => {
  const headers = { "sec-fetch-mode": null, "sec-fetch-dest": null, "sec-fetch-site": null };
  expect(navigationClicks(navigation("/item/red%20hat", headers), OPTIONS)).toEqual([click("red hat")]);
});

test("an id that no list and no line of the log can have is no item's", () => {
  const anyItem = cookie(cookieList(LISTED, "/hats?page=2", null));
  const [longest, longer] = ["x".repeat(1024), "x".repeat(1025)];
  expect(navigationClicks(navigation(`/item/${longest}`, { cookie: anyItem }), OPTIONS)).toEqual([click(longest)]);
  expect(navigationClicks(navigation(`/item/${longer}`, { cookie: anyItem }), OPTIONS)).toEqual([]);
});

test("an item's id may stand in the query", () => {
  const pattern = new URLPattern({ pathname: "/show", search: "*id=:item(\\w+)(.*)" });
  const lists = cookie(cookieList(LISTED, "/hats?page=2", ["42"]));
  const request = navigation("/show?a=1&id=42&b=2", { cookie: lists });
  expect(navigationClicks(request, { ...OPTIONS, pattern })).toEqual([click("42")]);
});

test.each<[string, Request]>([
  ["another method", navigation("/item/red%20hat", {}, "POST")],
  ["HEAD", navigation("/item/red%20hat", {}, "HEAD")],
  ["no item's page", navigation("/items/red%20hat")],
  ["an item that the list did not have", navigation("/item/shoe")],
  ["an id that is no percent-encoding", navigation("/item/%E0%A4%A")],
  ["a prefetch", navigation("/item/red%20hat", { "sec-purpose": "prefetch" })],
  ["a page that is rendered ahead", navigation("/item/red%20hat", { "sec-purpose": "prefetch;prerender" })],
  ["a prefetch of older browsers", navigation("/item/red%20hat", { purpose: "prefetch" })],
  ["a preview", navigation("/item/red%20hat", { "x-purpose": "preview" })],
  ["a script's request", navigation("/item/red%20hat", { "sec-fetch-mode": "cors" })],
  ["a frame", navigation("/item/red%20hat", { "sec-fetch-dest": "iframe" })],
  ["another site's link", navigation("/item/red%20hat", { "sec-fetch-site": "cross-site" })],
  ["no referer", navigation("/item/red%20hat", { referer: null })],
  ["a referer that is no URL", navigation("/item/red%20hat", { referer: "hats" })],
  ["another site's page", navigation("/item/red%20hat", { referer: "https://other.example/hats?page=2" })],
  ["another page", navigation("/item/red%20hat", { referer: `${SHOP}/hats?page=3` })],
  ["no cookie", navigation("/item/red%20hat", { cookie: null })],
  ["a cookie of another name", navigation("/item/red%20hat", { cookie: COOKIE.replace("__Host-", "") })],
])("no click: %s", (_, request) => {
  expect(navigationClicks(request, OPTIONS)).toEqual([]);
});

test("a visitor without a unit, who has not consented, clicks nothing", () => {
  expect(navigationClicks(navigation("/item/red%20hat"), { ...OPTIONS, unit: null })).toEqual([]);
});

test("a cookie is worth nothing to another unit, when it is old, or when it is forged", () => {
  const request = navigation("/item/red%20hat");
  expect(navigationClicks(request, { ...OPTIONS, unit: "fedcba9876543210" })).toEqual([]);
  const last = NOW + LIST_COOKIE_MS;
  expect(navigationClicks(request, { ...OPTIONS, now: last })).toEqual([click("red hat", LISTED, last)]);
  expect(navigationClicks(request, { ...OPTIONS, now: last + 1 })).toEqual([]);
  const foreign = cookie(undefined, readMacKeys(generateToken(), "other"));
  for (const text of [foreign, `${LIST_COOKIE}=`, `${LIST_COOKIE}=AQ`, `${LIST_COOKIE}=?`])
    expect(navigationClicks(navigation("/item/red%20hat", { cookie: text }), OPTIONS)).toEqual([]);
  const value = COOKIE.slice(LIST_COOKIE.length + 1);
  const changed = [...value].map((c, i) => value.slice(0, i) + (c === "A" ? "B" : "A") + value.slice(i + 1));
  // Of the last character some bits are none of the cookie's.
  const read = changed.slice(0, -1).map((text) => readListCookie(text, KEYS, UNIT, NOW));
  expect(read.filter((lists) => lists.length > 0)).toEqual([]);
});

test("a cookie that the secret before has signed is known", () => {
  const request = navigation("/item/red%20hat", { cookie: cookie(undefined, OLD_KEYS) });
  expect(navigationClicks(request, OPTIONS)).toEqual([click("red hat")]);
  expect(navigationClicks(request, { ...OPTIONS, keys: [KEYS[0]] })).toEqual([]);
});

test("the cookie has the newest lists, and of two with the item the newer one was clicked", () => {
  let header = "";
  const made = idsAt(...Array.from({ length: 6 }, (_, i) => NOW + i));
  for (const [i, id] of made.entries()) {
    const before = readListCookie(header.split(/[=;]/)[1] ?? "", KEYS, UNIT, NOW);
    const items = Array.from({ length: 200 }, (_, j) => `item-${i}-${j}`);
    header = setListCookie(KEYS, UNIT, cookieList(id, "/hats", ["red hat", ...items]), before);
  }
  expect(header).toMatch(/^__Host-deepfm-lists=[\w-]+; Path=\/; Max-Age=1800; Secure; HttpOnly; SameSite=Lax$/);
  expect(header.length).toBeLessThan(1500);
  const text = header.split(/[=;]/)[1];
  const lists = readListCookie(text, KEYS, UNIT, NOW);
  const ids = made.toReversed();
  expect(lists.map(({ id }) => id)).toEqual(ids.slice(0, MAX_COOKIE_LISTS));
  const headers = { cookie: `${LIST_COOKIE}=${text}`, referer: `${SHOP}/hats` };
  expect(navigationClicks(navigation("/item/red%20hat", headers), OPTIONS)).toEqual([click("red hat", ids[0])]);
  expect(navigationClicks(navigation("/item/item-4-98", headers), OPTIONS)).toEqual([click("item-4-98", ids[1])]);
  expect(navigationClicks(navigation("/item/item-4-99", headers), OPTIONS)).toEqual([]); // beyond the first 100
});

test("a click is one on each list of a page whose items the cookie does not know, as it was when it was loaded last", () => {
  const ids = [NOW, NOW, NOW - 1].map((t) => makeRequestId(KEYS, t));
  const lists = ids.map((id) => cookieList(id, "/hats", null));
  const other = cookieList(makeRequestId(KEYS, NOW), "/coats", null);
  const header = setListCookie(KEYS, UNIT, lists[0], [other, ...lists.slice(1)]).split(";")[0];
  const request = navigation("/item/shoe", { cookie: header, referer: `${SHOP}/hats` });
  expect(navigationClicks(request, OPTIONS)).toEqual([click("shoe", ids[0]), click("shoe", ids[1])]);
});
