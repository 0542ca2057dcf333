import { sha256 } from "@noble/hashes/sha2.js";
import { toHex } from "../../format/hash.ts";
import { type MacKey, mac } from "../../format/mac.ts";
import { textOf } from "../../format/raw-value.ts";

/** Characters of an id at most. What is longer is no id, and would cost time for every character. */
const MAX_ID_LENGTH = 1024;

const ASCII = /^[\0-\x7f]*$/;
const UNIT_BYTES = 8;
const encoder = new TextEncoder();

/**
 * An id as it is hashed into a bucket; null where it is none, as an integer to which JSON.parse has rounded the ids of
 * several, or U+FFFD, as which the runtime reads bytes of a header that are no UTF-8. An id that is not ASCII is the
 * SHA-256 of its UTF-8, in 64 hex digits: implementations of the hash disagree about what the characters of other texts
 * are. Halves of surrogate pairs have no UTF-8.
 */
export function unitId(value: unknown): string | null {
  const text = typeof value === "number" || typeof value === "bigint" ? textOf(value) : value;
  if (typeof text !== "string" || text === "" || text.length > MAX_ID_LENGTH) return null;
  if (!text.isWellFormed() || text.includes("\ufffd")) return null;
  return ASCII.test(text) ? text : toHex(sha256(encoder.encode(text)));
}

/** What the log calls a unit: 16 hex digits of an HMAC of the attribute's name and its value. */
export function unitHash(key: MacKey, attribute: string, id: string): string {
  const tag = mac(key, "unit", encoder.encode(`${attribute}\0${id}`));
  return toHex(tag.subarray(0, UNIT_BYTES));
}

/**
 * Whether a unit is one of a share of all units. Those of a smaller share are among those of a larger. `of`: samples
 * for different things are independent of one another.
 */
export function isSampled(unit: string, share: number, of: "log" | "shadow"): boolean {
  if (share >= 1) return true;
  const digits = of === "log" ? unit.slice(0, 8) : unit.slice(8);
  return Number.parseInt(digits, 16) < share * 2 ** 32;
}
