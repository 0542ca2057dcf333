import { MAX_RERANK_ITEMS } from "../limits.ts";
import { attributeText } from "./attribute-text.ts";
import type { HtmlListPlan, ItemSource } from "./compiled-routes.ts";
import type { HeldBytes } from "./held-bytes.ts";
import type { Item } from "./item-list.ts";
import type { Mark } from "./marks.ts";
import type { Why } from "./why.ts";

/**
 * What an element of a list is to it. Where items have end tags, only these end them; else the containers and sections
 * that they are in do. A value is one of the item that it is in.
 */
export type Role = "item" | "container" | "section" | "value";

/** An element of a list as the parser has seen it. */
interface Seen {
  role: Role;
  /** What its attributes have, as it is written. */
  values: readonly (readonly [ItemSource, written: string])[];
}

/** An element of which the parser has not given out the end. */
interface OpenElement {
  number: number;
  role: Role;
  /** Null: it is none. */
  item: Item | null;
  start: number;
}

/**
 * A list of a page. The parser's handlers say what elements it has, and the marks that come out of the parser where
 * they begin and end: an end costs the parser no call of a handler then. Positions are those in the page.
 */
export class MarkedList {
  readonly plan: HtmlListPlan;
  readonly items: Item[] = [];
  /** Set where the list has to stay as it is. */
  fault: Why | null = null;
  /** How many elements the parser has seen, and, by their numbers, those whose marks have not come out of it. */
  #count = 0;
  readonly #seen = new Map<number, Seen>();
  /** Each is within the one before it. */
  readonly #open: OpenElement[] = [];
  /** Where the last end tag begins. */
  #endTag = 0;
  /** Whether an item has begun that has not ended. */
  #itemOpen = false;
  /** How many containers are open in the list, of those in an item the outermost, and how many were when it began. */
  #depth = 0;
  #itemDepth = 0;

  constructor(plan: HtmlListPlan) {
    this.plan = plan;
  }

  /** Adds an element that the parser has seen, and returns its number. */
  add(seen: Seen): number {
    this.#seen.set(this.#count, seen);
    return this.#count++;
  }

  /** Takes a mark that has come out of the parser. `held`: the bytes of the page from the list's first one on. */
  pass({ kind, element, at }: Mark, held: HeldBytes): void {
    if (this.fault) return;
    if (kind === "start") this.#begin(element, at);
    else if (kind === "end-tag") this.#endTag = at;
    else this.#end(element, at, held);
  }

  /** Says that the list ends at `at`. */
  close(at: number): void {
    if (this.#itemOpen && !this.plan.endsAtNext) this.fault ??= "unclosed";
    if (this.items.length === 0) this.fault ??= "no-match";
    this.#endItem(at);
  }

  /** Whether what begins is within an item. */
  get #isInItem(): boolean {
    return this.#itemOpen && !(this.plan.endsAtNext && this.#depth <= this.#itemDepth);
  }

  #begin(number: number, start: number): void {
    const seen = this.#seen.get(number);
    if (!seen) return;
    this.#seen.delete(number);
    const { role, values } = seen;
    if (role === "value") this.#read(values);
    // What is in an item is none of the list's.
    if (role === "value" || this.#isInItem) return;
    if (role === "container") this.#depth++;
    else this.#endItem(start);
    const item = role === "item" ? this.#beginItem(start) : null;
    this.#read(values);
    // Of an element that is two things, the last one says how it ends.
    if (this.#open.at(-1)?.start === start) this.#open.pop();
    this.#open.push({ number, role, item, start });
  }

  #beginItem(start: number): Item {
    if (this.items.length === MAX_RERANK_ITEMS) this.fault ??= "too-long";
    const item: Item = { start, end: 0, id: null, record: {} };
    this.items.push(item);
    this.#itemOpen = true;
    this.#itemDepth = this.#depth;
    return item;
  }

  /** Ends an element at `at`, and all that are open in it: the parser keeps of an end tag the outermost one's marks. */
  #end(number: number, at: number, held: HeldBytes): void {
    for (let open = this.#open.at(-1); open && open.number >= number; open = this.#open.at(-1)) {
      this.#open.pop();
      const isOwn = open.number === number && (this.#endTag <= open.start || this.#isOwnTag(open.start, at, held));
      if (open.item) this.#endOf(open.item, isOwn, at);
      else if (open.role === "container" ? --this.#depth < this.#itemDepth : this.#depth <= this.#itemDepth)
        this.#endItem(this.#endTag);
    }
  }

  /** `isOwn`: whether the item ends with an end tag of its own, or is void. */
  #endOf(item: Item, isOwn: boolean, at: number): void {
    if (this.plan.endsAtNext) {
      if (!isOwn && item === this.items.at(-1)) this.#endItem(this.#endTag);
    } else if (isOwn) this.#endItem(at);
    else {
      this.#itemOpen = false;
      this.fault ??= "unclosed";
    }
  }

  #endItem(at: number): void {
    const item = this.items.at(-1);
    if (item && this.#itemOpen) item.end = at;
    this.#itemOpen = false;
  }

  /** Whether the last end tag, which ends at `end`, has the name of the start tag at `start`. */
  #isOwnTag(start: number, end: number, held: HeldBytes): boolean {
    for (let i = 1; this.#endTag + 1 + i < end; i++) {
      const [letter, own] = [held.byte(this.#endTag + 1 + i), held.byte(start + i)];
      if (isNameEnd(letter)) return isNameEnd(own);
      if (small(letter) !== small(own)) return false;
    }
    return false;
  }

  /** Reads values of the item that is open, unless it has them already: the first element counts. */
  #read(values: Seen["values"]): void {
    const item = this.items.at(-1);
    if (!item || !this.#itemOpen) return;
    for (const [{ field, pattern }, written] of values) {
      if (field === null ? item.id !== null : Object.hasOwn(item.record, field)) continue;
      const text = attributeText(written);
      const value = pattern === null ? text : pattern.capture(text);
      if (value === null || (field === null && value === "")) continue;
      if (field === null) item.id = value;
      else item.record[field] = value;
    }
  }
}

/** Whether a byte ends the name in a tag: white space, `/` or `>`. */
function isNameEnd(byte = 0): boolean {
  return [0x09, 0x0a, 0x0c, 0x0d, 0x20, 0x2f, 0x3e].includes(byte);
}

/** A capital letter of ASCII as a small one, and any other byte as it is. */
function small(byte = 0): number {
  return byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
}
