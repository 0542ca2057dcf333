import { fromHex, toHex } from "./hash.ts";
import { type MacKey, mac, sameBytes } from "./mac.ts";

// A signed parameter of a URL with which whoever follows it sees one arm of one experiment:
//
//   experiment:arm:expires:tag
//
// The names as `encodeURIComponent` writes them, the end in seconds since the epoch, and 24 hex digits of an HMAC.

/** The parameter's name in a URL's query. */
export const PREVIEW_PARAMETER = "dfe-preview";

const PURPOSE = "preview";
const TAG_BYTES = 12;
/** Characters of a parameter at most: a name of 128 letters takes up to 1,152 where they are escaped. */
const MAX_LENGTH = 1536;

export interface Preview {
  experiment: string;
  arm: string;
}

/** The parameter's value. `expires`: seconds since the epoch. */
export function writePreview(key: MacKey, { experiment, arm }: Preview, expires: number): string {
  const signed = `${encodeURIComponent(experiment)}:${encodeURIComponent(arm)}:${Math.floor(expires)}`;
  return `${signed}:${toHex(tagOf(key, signed))}`;
}

/** What a parameter's value says; null where none of `keys` has signed it, or it has expired. `now`: milliseconds. */
export function readPreview(text: string, keys: readonly MacKey[], now: number): Preview | null {
  if (text.length > MAX_LENGTH) return null;
  const [signed, experiment = "", arm = "", expires, tag = ""] = PREVIEW.exec(text)?.slice(1) ?? [];
  if (signed === undefined || now > 1000 * Number(expires)) return null;
  for (const key of keys)
    if (sameBytes(fromHex(tag), tagOf(key, signed)))
      return { experiment: decodeURIComponent(experiment), arm: decodeURIComponent(arm) };
  return null;
}

const PREVIEW = /^(([^:]+):([^:]+):(\d{1,12})):([0-9a-f]{24})$/;

function tagOf(key: MacKey, signed: string): Uint8Array {
  return mac(key, PURPOSE, new TextEncoder().encode(signed)).subarray(0, TAG_BYTES);
}
