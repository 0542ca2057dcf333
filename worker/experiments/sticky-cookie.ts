import * as v from "valibot";
import { fromBase64, toBase64 } from "../../format/base64.ts";
import type { MacKey, MacKeys } from "../../format/mac.ts";
import { cookieIn, setCookie, signed, unsigned } from "./cookies.ts";
import type { Attributes, Sticky, StickyDocuments } from "./evaluator.ts";
import { unitHash } from "./unit-hash.ts";

// The sticky document: which arm a unit was given first, for experiments whose `bucketVersion` asks for it. It is in a
// signed cookie of the visitor's, by the unit's hash, so that another unit in the same browser has none.

export const STICKY_COOKIE = "__Host-deepfm-sticky";
const PURPOSE = "sticky cookie";
/** Characters of the cookie at most, as browsers keep 4,096 with its name and attributes. The oldest units go first. */
const MAX_LENGTH = 3500;

/** By the unit's hash: by `experiment__bucketVersion`, the key of the arm. */
const DocumentsSchema = v.record(v.string(), v.record(v.string(), v.string()));

/** The documents of the units that a request has. */
export class StickyCookie implements Sticky {
  readonly documents: StickyDocuments = {};
  #stored: v.InferOutput<typeof DocumentsSchema> = {};
  #units = new Map<string, string>();
  #isToBeSet = false;

  static read(
    header: string | null,
    keys: MacKeys,
    unitKey: MacKey,
    attributes: Attributes,
    names: ReadonlySet<string>,
  ): StickyCookie {
    const cookie = new StickyCookie();
    const value = cookieIn(header, STICKY_COOKIE);
    const found = value === null ? null : unsigned(value, keys, PURPOSE);
    if (found) cookie.#stored = parse(found.text);
    // Once the secret that signed it is removed, the document would be none.
    cookie.#isToBeSet = found?.isNewest === false;
    for (const name of names) {
      if (!Object.hasOwn(attributes, name)) continue;
      const id = String(attributes[name]);
      const unit = unitHash(unitKey, name, id);
      cookie.#units.set(`${name}||${id}`, unit);
      const assignments = cookie.#stored[unit];
      if (assignments) cookie.documents[`${name}||${id}`] = { attributeName: name, attributeValue: id, assignments };
    }
    return cookie;
  }

  readonly save: Sticky["save"] = ({ attributeName, attributeValue, assignments }) => {
    const unit = this.#units.get(`${attributeName}||${attributeValue}`);
    if (unit === undefined) return;
    const { [unit]: _, ...others } = this.#stored;
    this.#stored = { ...others, [unit]: assignments };
    this.#isToBeSet = true;
  };

  /** The header `set-cookie`; null where what the visitor has is to stay. */
  header(keys: MacKeys): string | null {
    if (!this.#isToBeSet) return null;
    let text = toText(this.#stored);
    while (text.length > MAX_LENGTH) {
      const [oldest] = Object.keys(this.#stored);
      if (oldest === undefined) break;
      delete this.#stored[oldest];
      text = toText(this.#stored);
    }
    return setCookie(STICKY_COOKIE, signed(text, keys, PURPOSE));
  }
}

function toText(documents: object): string {
  return toBase64(new TextEncoder().encode(JSON.stringify(documents)));
}

/** What was signed has the form of an earlier version at worst, and then counts as nothing. */
function parse(text: string): v.InferOutput<typeof DocumentsSchema> {
  try {
    const result = v.safeParse(DocumentsSchema, JSON.parse(new TextDecoder().decode(fromBase64(text))));
    return result.success ? result.output : {};
  } catch {
    return {};
  }
}
