import { MAX_RERANK_ITEMS } from "../limits.ts";
import { attributeText } from "./attribute-text.ts";
import type { HtmlListPlan, ItemSource } from "./compiled-routes.ts";
import type { Item } from "./item-list.ts";
import type { Marks } from "./marks.ts";
import type { Why } from "./why.ts";

/** A list of a page, as far as the parser has seen it. */
export class MarkedList {
  readonly plan: HtmlListPlan;
  /** Their positions are known when their marks have come out of the parser. */
  readonly items: Item[] = [];
  /** Whether an item has begun that has not ended. */
  itemOpen = false;
  /** Set where the list has to stay as it is. */
  fault: Why | null = null;
  begun = false;

  constructor(plan: HtmlListPlan) {
    this.plan = plan;
  }
}

/** Elements that have no end tag (HTML, 13.1.2). For others the parser says it. */
const VOID = new Set("area base br col embed hr img input link meta source track wbr".split(" "));
const AS_HTML: ContentOptions = { html: true };

/**
 * Has the parser put marks around lists and items, and reads the items' values. One list is open at a time: what begins
 * within another is not looked at, nor is an item within an item. `onEnded` is called at the end of a list, when all of
 * it is known, before its bytes have come out of the parser.
 */
export class ListMarker {
  /** In the order of the route. */
  readonly lists: readonly MarkedList[];
  readonly #marks: Marks;
  readonly #onEnded: (list: MarkedList) => void;
  #open: MarkedList | null = null;
  /** In the order in which the page has them. */
  readonly begun: MarkedList[] = [];

  constructor(plans: readonly HtmlListPlan[], marks: Marks, onEnded: (list: MarkedList) => void) {
    this.lists = plans.map((plan) => new MarkedList(plan));
    this.#marks = marks;
    this.#onEnded = onEnded;
  }

  /** The list that the parser is in. */
  get open(): MarkedList | null {
    return this.#open;
  }

  /** Adds what marks the lists to a parser. */
  addTo(rewriter: HTMLRewriter): HTMLRewriter {
    for (const list of this.lists) {
      const { plan } = list;
      rewriter.on(plan.list, { element: (element) => this.#onList(list, element) });
      rewriter.on(plan.items, { element: (element) => this.#onItem(list, element) });
      for (const source of plan.sources)
        if (source.selector !== null)
          rewriter.on(source.selector, { element: (element) => this.#onSource(list, source, element) });
    }
    return rewriter;
  }

  #onList(list: MarkedList, element: Element): void {
    if (list.begun || this.#open !== null || VOID.has(element.tagName)) return;
    // Some elements end in themselves, such as those of SVG: there is no list in them. The parser says so by throwing.
    if (!tryEndTag(element, (tag) => this.#endList(list, tag))) return;
    element.before(this.#marks.text("list-start"), AS_HTML);
    list.begun = true;
    this.#open = list;
    this.begun.push(list);
  }

  #endList(list: MarkedList, tag: EndTag): void {
    tag.before(this.#marks.text("list-end"), AS_HTML);
    this.#open = null;
    if (list.itemOpen) list.fault ??= "unclosed";
    if (list.items.length === 0) list.fault ??= "no-match";
    this.#onEnded(list);
  }

  #onItem(list: MarkedList, element: Element): void {
    const { plan, items } = list;
    if (this.#open !== list || list.itemOpen) return;
    if (items.length === MAX_RERANK_ITEMS) list.fault ??= "too-long";
    if (list.fault) return;
    element.before(this.#marks.text("item-start"), AS_HTML);
    const item: Item = { start: 0, end: 0, id: null, record: {} };
    items.push(item);
    for (const source of plan.sources) if (source.selector === null) read(source, element, item);
    if (plan.endsAtNext) return;
    // An element cannot be asked for anything once its handler has ended.
    const { tagName } = element;
    const isEnded = VOID.has(tagName) || !tryEndTag(element, (tag) => this.#endItem(list, tagName, tag));
    if (isEnded) element.after(this.#marks.text("item-end"), AS_HTML);
    else list.itemOpen = true;
  }

  /** `tag`: the one at which the parser sees the item end, which may be of what the item is in. */
  #endItem(list: MarkedList, tagName: string, tag: EndTag): void {
    if (this.#open !== list) return;
    list.itemOpen = false;
    if (tag.name !== tagName) list.fault ??= "unclosed";
    else tag.after(this.#marks.text("item-end"), AS_HTML);
  }

  #onSource(list: MarkedList, source: ItemSource, element: Element): void {
    const item = list.items.at(-1);
    if (this.#open === list && item && (list.itemOpen || list.plan.endsAtNext)) read(source, element, item);
  }
}

/** Reads a value, unless the item has it already: the first element counts. */
function read({ field, attribute, pattern }: ItemSource, element: Element, item: Item): void {
  const isKnown = field === null ? item.id !== null : Object.hasOwn(item.record, field);
  const written = isKnown ? null : element.getAttribute(attribute);
  if (written === null) return;
  const text = attributeText(written);
  const value = pattern === null ? text : pattern.capture(text);
  if (value === null || (field === null && value === "")) return;
  if (field === null) item.id = value;
  else item.record[field] = value;
}

/** Whether the element has an end tag. */
function tryEndTag(element: Element, onEndTag: (tag: EndTag) => void): boolean {
  try {
    element.onEndTag(onEndTag);
    return true;
  } catch {
    return false;
  }
}
