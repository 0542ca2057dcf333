// Every limit of events, each with its reason.

/** Bytes of a body of events, once it is decompressed: what browsers let pages send with `sendBeacon`. */
export const MAX_EVENT_BODY_BYTES = 64 * 2 ** 10;

/** Events of a body: those of 64 KiB have 130 bytes each. Each costs an HMAC or two, of 10 µs. */
export const MAX_EVENTS = 500;

/** Milliseconds for which a click on a list is looked for in navigations: until then its page is read. */
export const LIST_COOKIE_MS = 30 * 60_000;

/** Lists that the cookie names, the newest ones. */
export const MAX_COOKIE_LISTS = 4;

/** Items of a list in the cookie, from the first slot on. With all lists it has 1.4 KB of the 4 KB that it may. */
export const MAX_COOKIE_ITEMS = 100;
