import { fromBase64Url, toBase64Url } from "./base64.ts";
import { FormatError, show } from "./errors.ts";
import type { MacKey } from "./mac.ts";
import { mac, sameBytes } from "./mac.ts";

// The id of a request whose list was shown: 30 characters of base64url, 180 bits.
//
//   48 bits   milliseconds since the epoch, big-endian, as in UUIDv7 (RFC 9562, section 5.7)
//   80 bits   random
//    4 bits   the number of the key that signed it
//   48 bits   the first bits of the HMAC-SHA-256 of the 16 bytes before
//
// So its age is known from the id alone, and an event for it is judged without any look-up. The time and 80 random bits
// make two ids of one millisecond alike once in 2⁸⁰. UUIDv7 has 74 random bits, and 6 that say what it is.

/** Characters of an id. */
export const REQUEST_ID_LENGTH = 30;
/** What an id looks like, whoever made it. */
export const REQUEST_ID_FORM = /^[A-Za-z0-9_-]{30}$/;

const ID_BYTES = 16;
const TIME_BYTES = 6;
const TAG_BYTES = 6;
/** Of a text of 31 characters, which is that of 23 bytes, the last one has no bits of the 180. */
const PADDING = "A";
const PURPOSE = "request id";

/** How much two machines' clocks may differ, in milliseconds: an id may seem to be made so much later than now. */
export const MAX_CLOCK_SKEW_MS = 60_000;

/** The 16 bytes of an id that no other request has, the time's among them. The id has the form of one. */
export function requestIdBytes(id: string): Uint8Array {
  return fromBase64Url(id + PADDING).subarray(0, ID_BYTES);
}

/** When an id was made, in milliseconds since the epoch, whoever made it. The id has the form of one. */
export function requestIdTime(id: string): number {
  let time = 0;
  for (const byte of requestIdBytes(id).subarray(0, TIME_BYTES)) time = 256 * time + byte;
  return time;
}

/** A new id, signed by the first of `keys`. `now`: milliseconds since the epoch. */
export function makeRequestId([key]: readonly [MacKey, ...MacKey[]], now: number): string {
  const all = new Uint8Array(ID_BYTES + TAG_BYTES + 1);
  const bytes = crypto.getRandomValues(all.subarray(0, ID_BYTES));
  for (let i = TIME_BYTES - 1, time = now; i >= 0; i--, time = Math.floor(time / 256)) all[i] = time % 256;
  const tag = mac(key, PURPOSE, bytes);
  // The key's number stands between the two: the tag begins in the middle of a byte.
  for (let i = 0; i <= TAG_BYTES; i++) {
    const before = i === 0 ? key.number : (tag[i - 1] as number);
    const next = i === TAG_BYTES ? 0 : (tag[i] as number);
    all[ID_BYTES + i] = ((before & 15) << 4) | (next >> 4);
  }
  const text = toBase64Url(all);
  // Joined, it is no slice of another text, with which V8 writes the whole JSON that it is in on its slow path.
  return [text.slice(0, REQUEST_ID_LENGTH - 1), text[REQUEST_ID_LENGTH - 1]].join("");
}

/**
 * Checks an id that one of `keys` signed at most `maxAge` milliseconds before `now`. Returns when it was made, in
 * milliseconds since the epoch. Throws FormatError, with `source` for its place, where it has another form, nobody of
 * them signed it, or it is older or of the future.
 */
export function checkRequestId(
  text: string,
  keys: readonly MacKey[],
  { now, maxAge }: { now: number; maxAge: number },
  source = "id",
): number {
  const refuse = (expected: string): FormatError => new FormatError(source, `got ${show(text)}, expected ${expected}`);
  if (!REQUEST_ID_FORM.test(text)) throw refuse(`a request's id of ${REQUEST_ID_LENGTH} characters`);
  const all = fromBase64Url(text + PADDING);
  const bytes = all.subarray(0, ID_BYTES);
  const number = (all[ID_BYTES] as number) >> 4;
  const tag = Uint8Array.from({ length: TAG_BYTES }, (_, i) => {
    const [high, low] = [all[ID_BYTES + i] as number, all[ID_BYTES + i + 1] as number];
    return ((high & 15) << 4) | (low >> 4);
  });
  const isSigned = isSignedBy(keys, number, bytes, tag);
  if (!isSigned) throw refuse("one that this Worker has signed");
  const time = requestIdTime(text);
  if (time > now + MAX_CLOCK_SKEW_MS) throw refuse(`one that is not made ${time - now} ms from now`);
  if (now - time > maxAge) throw refuse(`one of the last ${maxAge / 3_600_000} hours`);
  return time;
}

/** Two keys may have one number, so each with that of the id is tried. */
function isSignedBy(keys: readonly MacKey[], number: number, bytes: Uint8Array, tag: Uint8Array): boolean {
  for (const key of keys)
    if (key.number === number && sameBytes(mac(key, PURPOSE, bytes).subarray(0, TAG_BYTES), tag)) return true;
  return false;
}
