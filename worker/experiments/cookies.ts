import { fromHex, toHex } from "../../format/hash.ts";
import { type MacKeys, mac, sameBytes } from "../../format/mac.ts";
import { cookieValue } from "../http/cookies.ts";

// Cookies as a Worker reads and writes them (RFC 6265). Its own are signed: one that anybody else wrote is none.

/** Seconds that a cookie of the Worker's lasts: 400 days, which is the most that browsers allow. */
const MAX_AGE_SECONDS = 34_560_000;

const TAG_BYTES = 12;
const TAG_DIGITS = 2 * TAG_BYTES;

/** The value of a cookie in a header `cookie`, without the quotes that may be around it; null where there is none. */
export function cookieIn(header: string | null, name: string): string | null {
  const value = cookieValue(header, name);
  if (value === null) return null;
  return value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
}

/**
 * A header `set-cookie` for a cookie that only this host gets back, over TLS, on navigations within the site, and that
 * no script reads. `value`: null deletes it.
 */
export function setCookie(name: `__Host-${string}`, value: string | null): string {
  const attributes = "Path=/; Secure; HttpOnly; SameSite=Lax";
  return `${name}=${value ?? ""}; ${attributes}; Max-Age=${value === null ? 0 : MAX_AGE_SECONDS}`;
}

/** A text with the tag of the first key, for one purpose. */
export function signed(text: string, [key]: MacKeys, purpose: string): string {
  const tag = mac(key, purpose, new TextEncoder().encode(text));
  return `${text}.${toHex(tag.subarray(0, TAG_BYTES))}`;
}

/** What `signed` made, and whether by the first of the keys; null where none of them has signed it. */
export function unsigned(value: string, keys: MacKeys, purpose: string): { text: string; isNewest: boolean } | null {
  const at = value.length - TAG_DIGITS - 1;
  const [text, tag] = [value.slice(0, Math.max(0, at)), value.slice(at + 1)];
  if (at < 1 || value[at] !== "." || !/^[0-9a-f]+$/.test(tag)) return null;
  const bytes = new TextEncoder().encode(text);
  for (const [i, key] of keys.entries())
    if (sameBytes(mac(key, purpose, bytes).subarray(0, TAG_BYTES), fromHex(tag))) return { text, isNewest: i === 0 };
  return null;
}
