import { fromBase64Url, toBase64Url } from "../../format/base64.ts";
import { chaskeyKey, chaskeyText } from "../../format/chaskey.ts";
import { itemTags } from "../../format/item-tags.ts";
import { type MacKey, type MacKeys, mac, sameBytes } from "../../format/mac.ts";
import { REQUEST_ID_LENGTH, requestIdBytes, requestIdTime } from "../../format/request-id.ts";
import { LIST_COOKIE_MS, MAX_COOKIE_ITEMS, MAX_COOKIE_LISTS } from "./limits.ts";

// The cookie with the lists that a visitor was shown last, so that the Worker knows a click when it sees the next
// navigation. It has no name of anything: ids of requests, and tags of pages and items under them. Only a visitor who
// has consented has a unit, and without the unit that it was made for the cookie is worth nothing.
//
//   1 byte    the version
//   for each list, the newest first:
//     23 bytes  the id of its request: 30 characters of base64url, and 4 bits that are 0
//      4 bytes  the tag of its page: path and query, under the id
//      1 byte   how many items it has here, from the first slot on; 255: it has none, and may have had any item
//      2 bytes  the tag of each
//   8 bytes   of the HMAC-SHA-256 of the unit and all bytes before

export const LIST_COOKIE = "__Host-deepfm-lists";

const VERSION = 1;
const ID_BYTES = 23;
const PAGE_BYTES = 4;
const LIST_BYTES = ID_BYTES + PAGE_BYTES + 1;
const TAG_BYTES = 2;
const MAC_BYTES = 8;
/** In place of a count, which is MAX_COOKIE_ITEMS at most. */
const ANY_ITEM = 255;
const PURPOSE = "lists";
const encoder = new TextEncoder();

/** A list as the cookie has it. */
export interface CookieList {
  /** The id of its request. */
  id: string;
  page: number;
  /** Those of its items; null: they are not known, as the cookie was set before the list was seen. */
  tags: Uint8Array | null;
}

/** A list as the cookie is to have it. `page`: path and query of its page. `items`: as they were shown; null: any. */
export function cookieList(id: string, page: string, items: readonly string[] | null): CookieList {
  return { id, page: pageTag(id, page), tags: items && itemTags(id, items.slice(0, MAX_COOKIE_ITEMS)) };
}

/** The tag of a page of a list. */
export function pageTag(id: string, page: string): number {
  return chaskeyText(page, chaskeyKey(requestIdBytes(id)), { lo: 0, hi: 0 }).lo;
}

/**
 * The header `set-cookie` for a visitor who was shown `list` now. `unit`: as the log has it. `before`: what the cookie
 * of the request says. The newest lists stay.
 */
export function setListCookie([key]: MacKeys, unit: string, list: CookieList, before: readonly CookieList[]): string {
  const others = before.filter(({ id }) => id !== list.id);
  const payload = payloadOf([list, ...others].slice(0, MAX_COOKIE_LISTS));
  const all = new Uint8Array(payload.length + MAC_BYTES);
  all.set(payload);
  all.set(cookieMac(key, unit, payload), payload.length);
  const attributes = `Path=/; Max-Age=${LIST_COOKIE_MS / 1000}; Secure; HttpOnly; SameSite=Lax`;
  return `${LIST_COOKIE}=${toBase64Url(all)}; ${attributes}`;
}

/**
 * The lists of a cookie's value, the newest first. Those that are older than a click may be are left out. None where
 * nobody has signed it for this unit.
 */
export function readListCookie(text: string, keys: MacKeys, unit: string, now: number): CookieList[] {
  const bytes = bytesOf(text);
  const payload = bytes.subarray(0, Math.max(0, bytes.length - MAC_BYTES));
  let isSigned = false;
  for (const key of keys) isSigned ||= sameBytes(cookieMac(key, unit, payload), bytes.subarray(payload.length));
  if (!isSigned || payload[0] !== VERSION) return [];
  return listsOf(payload).filter(({ id }) => now - requestIdTime(id) <= LIST_COOKIE_MS);
}

function payloadOf(lists: readonly CookieList[]): Uint8Array {
  const payload = new Uint8Array(1 + lists.reduce((sum, { tags }) => sum + LIST_BYTES + (tags?.length ?? 0), 0));
  const view = new DataView(payload.buffer);
  payload[0] = VERSION;
  let at = 1;
  for (const { id, page, tags } of lists) {
    payload.set(fromBase64Url(`${id}A`), at);
    view.setUint32(at + ID_BYTES, page);
    payload[at + LIST_BYTES - 1] = tags ? tags.length / TAG_BYTES : ANY_ITEM;
    payload.set(tags ?? [], at + LIST_BYTES);
    at += LIST_BYTES + (tags?.length ?? 0);
  }
  return payload;
}

/** Of a payload that was signed, and so has this form. */
function listsOf(payload: Uint8Array): CookieList[] {
  const view = new DataView(payload.buffer, payload.byteOffset);
  const lists: CookieList[] = [];
  for (let at = 1; at < payload.length; ) {
    const id = toBase64Url(payload.subarray(at, at + ID_BYTES)).slice(0, REQUEST_ID_LENGTH);
    const start = at + LIST_BYTES;
    const count = payload[start - 1] as number;
    const end = start + (count === ANY_ITEM ? 0 : TAG_BYTES * count);
    const tags = count === ANY_ITEM ? null : payload.subarray(start, end);
    lists.push({ id, page: view.getUint32(at + ID_BYTES), tags });
    at = end;
  }
  return lists;
}

function cookieMac(key: MacKey, unit: string, payload: Uint8Array): Uint8Array {
  const about = encoder.encode(`${unit}\0`);
  const message = new Uint8Array(about.length + payload.length);
  message.set(about);
  message.set(payload, about.length);
  return mac(key, PURPOSE, message).subarray(0, MAC_BYTES);
}

function bytesOf(text: string): Uint8Array {
  try {
    return fromBase64Url(text);
  } catch {
    return new Uint8Array();
  }
}
