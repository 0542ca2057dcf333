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
  /** How many containers are open in the list, of those in an item the outermost, and how many were when it began. */
  depth = 0;
  itemDepth = 0;
  /** Set where the list has to stay as it is. */
  fault: Why | null = null;
  begun = false;

  constructor(plan: HtmlListPlan) {
    this.plan = plan;
  }

  /** Whether the parser is in a container within an item. */
  get isDeep(): boolean {
    return this.itemOpen && this.depth > this.itemDepth;
  }
}

/** Elements that have no end tag (HTML, 13.1.2). For others the parser says it. */
const VOID = new Set("area base br col embed hr img input link meta source track wbr".split(" "));
/**
 * Elements that items may be in, and whose end tags no page leaves out. An item without an end tag ends at the latest
 * with the one that it is in, and what is in one that has begun in an item is within that item.
 */
const CONTAINERS =
  "address,article,aside,blockquote,center,datalist,details,div,dl,fieldset,figure,footer,form,header,main,menu,nav," +
  "ol,section,select,table,template,ul";
/** Elements whose end tags may be left out, which end what is in the one before them: none is within an item. */
const SECTIONS = "optgroup,tbody,tfoot,thead";
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

  /** Adds what marks the lists to a parser. Of an element that several select, the first of these hears first. */
  addTo(rewriter: HTMLRewriter): HTMLRewriter {
    for (const list of this.lists) {
      const { plan } = list;
      if (plan.endsAtNext) rewriter.on(SECTIONS, { element: (element) => this.#onSection(list, element) });
      rewriter.on(plan.items, { element: (element) => this.#onItem(list, element) });
      for (const source of plan.sources)
        if (source.selector !== null)
          rewriter.on(source.selector, { element: (element) => this.#onSource(list, source, element) });
      if (plan.endsAtNext) rewriter.on(CONTAINERS, { element: (element) => this.#onContainer(list, element) });
      // At last, since the list's own element is none of what is in it.
      rewriter.on(plan.list, { element: (element) => this.#onList(list, element) });
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
    if (list.itemOpen && !list.plan.endsAtNext) list.fault ??= "unclosed";
    if (list.items.length === 0) list.fault ??= "no-match";
    this.#onEnded(list);
  }

  #onItem(list: MarkedList, element: Element): void {
    const { plan, items } = list;
    if (this.#open !== list) return;
    if (plan.endsAtNext ? list.isDeep : list.itemOpen) return;
    if (items.length === MAX_RERANK_ITEMS) list.fault ??= "too-long";
    if (list.fault) return;
    element.before(this.#marks.text("item-start"), AS_HTML);
    const item: Item = { start: 0, end: 0, id: null, record: {} };
    items.push(item);
    for (const source of plan.sources) if (source.selector === null) read(source, element, item);
    // An element cannot be asked for anything once its handler has ended.
    const { tagName } = element;
    const isEnded = VOID.has(tagName) || !tryEndTag(element, (tag) => this.#endItem(list, item, tagName, tag));
    list.itemOpen = plan.endsAtNext || !isEnded;
    list.itemDepth = list.depth;
    if (!list.itemOpen) element.after(this.#marks.text("item-end"), AS_HTML);
  }

  /** `tag`: the one at which the parser sees the item end, which may be of what the item is in. */
  #endItem(list: MarkedList, item: Item, tagName: string, tag: EndTag): void {
    if (this.#open !== list) return;
    const isOwn = tag.name === tagName;
    if (list.plan.endsAtNext) {
      if (!isOwn && item === list.items.at(-1)) this.#endWith(list, tag);
      return;
    }
    list.itemOpen = false;
    if (isOwn) tag.after(this.#marks.text("item-end"), AS_HTML);
    else list.fault ??= "unclosed";
  }

  #onSection(list: MarkedList, element: Element): void {
    if (this.#open !== list || list.isDeep) return;
    this.#endWith(list, element);
    tryEndTag(element, (tag) => {
      if (this.#open === list && list.depth <= list.itemDepth) this.#endWith(list, tag);
    });
  }

  #onContainer(list: MarkedList, element: Element): void {
    if (this.#open !== list || list.isDeep) return;
    if (tryEndTag(element, (tag) => this.#endContainer(list, tag))) list.depth++;
  }

  #endContainer(list: MarkedList, tag: EndTag): void {
    if (this.#open === list && --list.depth < list.itemDepth) this.#endWith(list, tag);
  }

  /** Has the last item, which would go on to the next one, end before a tag that ends what it is in. */
  #endWith(list: MarkedList, tag: Element | EndTag): void {
    if (list.itemOpen) tag.before(this.#marks.text("item-end"), AS_HTML);
    list.itemOpen = false;
  }

  #onSource(list: MarkedList, source: ItemSource, element: Element): void {
    const item = list.items.at(-1);
    if (this.#open === list && item && list.itemOpen) read(source, element, item);
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
