import { fromBase64Url, toBase64Url } from "./base64.ts";
import { chaskeyKey, chaskeyText } from "./chaskey.ts";
import { FormatError, show } from "./errors.ts";
import type { Hash64 } from "./hash.ts";
import { type MacKey, mac, sameBytes } from "./mac.ts";
import { requestIdBytes } from "./request-id.ts";

// Which items a list had, in 2 bytes each: the first 16 bits of the Chaskey-12 tag of an item's id under the 16 bytes
// of the request's id. So what a list had is known without a look-up, but for one foreign item in 2¹⁶/n, which the
// analysis finds out, as it has the lists.

/** Bytes of an item's tag. */
const TAG_BYTES = 2;
/** Bytes of an HMAC that a receipt has. */
const MAC_BYTES = 6;
const PURPOSE = "receipt";
/** Items that a receipt has at most: 4,008 characters. */
export const MAX_RECEIPT_ITEMS = 1500;

/** The tags of items, in their order. `id`: the request's. */
export function itemTags(id: string, items: readonly string[]): Uint8Array {
  const key = chaskeyKey(requestIdBytes(id));
  const tags = new Uint8Array(TAG_BYTES * items.length);
  const hash: Hash64 = { lo: 0, hi: 0 };
  for (const [i, item] of items.entries()) {
    const { lo } = chaskeyText(item, key, hash);
    tags[TAG_BYTES * i] = lo;
    tags[TAG_BYTES * i + 1] = lo >>> 8;
  }
  return tags;
}

/** Whether a list with these tags may have had an item. */
export function hasItem(tags: Uint8Array, id: string, item: string): boolean {
  const [low, high] = itemTags(id, [item]);
  for (let i = 0; i + 1 < tags.length; i += TAG_BYTES) if (tags[i] === low && tags[i + 1] === high) return true;
  return false;
}

/** The text with which whoever reports events of a list shows what it had: its items' tags, signed. */
export function makeReceipt(key: MacKey, id: string, items: readonly string[]): string {
  const tags = itemTags(id, items);
  const receipt = new Uint8Array(tags.length + MAC_BYTES);
  receipt.set(tags);
  receipt.set(receiptMac(key, id, tags), tags.length);
  return toBase64Url(receipt);
}

/**
 * Throws FormatError, with `source` for its place, where a receipt is not of this request, none of `keys` signed it, or
 * its list did not have the item.
 */
export function checkReceipt(
  receipt: string,
  keys: readonly MacKey[],
  { id, item }: { id: string; item: string },
  source: string,
): void {
  const bytes = receiptBytes(receipt);
  const tags = bytes.subarray(0, Math.max(0, bytes.length - MAC_BYTES));
  let isSigned = false;
  for (const key of keys) isSigned ||= sameBytes(receiptMac(key, id, tags), bytes.subarray(tags.length));
  if (!isSigned) throw new FormatError(`${source}.receipt`, `got ${show(receipt)}, expected that of ${show(id)}`);
  if (!hasItem(tags, id, item))
    throw new FormatError(`${source}.item`, `got ${show(item)}, expected an item of the list of ${show(id)}`);
}

function receiptMac(key: MacKey, id: string, tags: Uint8Array): Uint8Array {
  const of = requestIdBytes(id);
  const message = new Uint8Array(of.length + tags.length);
  message.set(of);
  message.set(tags, of.length);
  return mac(key, PURPOSE, message).subarray(0, MAC_BYTES);
}

/** None where the text is no base64 for URLs, which nobody has signed then. */
function receiptBytes(receipt: string): Uint8Array {
  try {
    return fromBase64Url(receipt);
  } catch {
    return new Uint8Array();
  }
}
