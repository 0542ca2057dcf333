import type { HtmlListPlan, ItemSource } from "./compiled-routes.ts";
import { MarkedList, type Role } from "./marked-list.ts";
import { FILLER, type Marks } from "./marks.ts";

/**
 * Elements that items may be in, and whose end tags no page leaves out. An item without an end tag ends at the latest
 * with the one that it is in, and what is in one that has begun in an item is within that item.
 */
const CONTAINERS =
  "address,article,aside,blockquote,center,datalist,details,div,dl,fieldset,figure,footer,form,header,main,menu,nav," +
  "ol,section,select,table,template,ul";
/** Elements whose end tags may be left out, which end what is in the one before them: none is within an item. */
const SECTIONS = "optgroup,tbody,tfoot,thead";

/**
 * Has the parser put marks around lists and what is in them, and reads the items' values. One list is open at a time:
 * what begins within another is not looked at. Each call of a handler costs more than all that it does, so that there
 * is one for an element and none for its end: the parser puts the marks there by itself.
 */
export class ListMarker {
  /** In the order of the route. */
  readonly lists: readonly MarkedList[];
  readonly #marks: Marks;
  #open: MarkedList | null = null;
  /** In the order in which the page has them. */
  readonly begun: MarkedList[] = [];

  constructor(plans: readonly HtmlListPlan[], marks: Marks) {
    this.lists = plans.map((plan) => new MarkedList(plan));
    this.#marks = marks;
  }

  /** The list that the parser is in. */
  get open(): MarkedList | null {
    return this.#open;
  }

  /** Adds what marks the lists to a parser. Of an element that several select, the first of these hears first. */
  addTo(rewriter: HTMLRewriter): HTMLRewriter {
    for (const list of this.lists) {
      const { plan } = list;
      const on = (selector: string, role: Role, sources: readonly ItemSource[] = []): void => {
        rewriter.on(selector, { element: (element) => this.#onElement(list, element, role, sources) });
      };
      if (plan.endsAtNext) on(within(plan.list, SECTIONS), "section");
      const own = plan.sources.filter(({ selector }) => selector === null);
      on(plan.items, "item", own);
      for (const source of plan.sources) if (source.selector !== null) on(source.selector, "value", [source]);
      if (plan.endsAtNext) on(within(plan.list, CONTAINERS), "container");
      // At last, since the list's own element is none of what is in it.
      rewriter.on(plan.list, { element: (element) => this.#onList(list, element) });
    }
    return rewriter;
  }

  #onList(list: MarkedList, element: Element): void {
    if (this.begun.includes(list) || this.#open !== null) return;
    try {
      element.onEndTag((tag) => this.#endList(tag));
    } catch {
      // The element is void, or one of SVG that ends in itself: there is no list in it.
      return;
    }
    element.before(this.#marks.listStart);
    this.#open = list;
    this.begun.push(list);
  }

  #endList(tag: EndTag): void {
    tag.before(this.#marks.listEnd).before(FILLER);
    this.#open = null;
  }

  #onElement(list: MarkedList, element: Element, role: Role, sources: readonly ItemSource[]): void {
    if (this.#open !== list || list.fault) return;
    const values: [ItemSource, string][] = [];
    for (const source of sources) {
      const written = element.getAttribute(source.attribute);
      if (written !== null) values.push([source, written]);
    }
    if (role === "value" && values.length === 0) return;
    const { start, endTag, end } = this.#marks.around(list.add({ role, values }));
    element.before(start);
    if (role === "value") return;
    element.append(endTag);
    element.after(end);
  }
}

/** Selects elements in those that `list` selects; all where it is several selectors. */
function within(list: string, elements: string): string {
  return list.includes(",") ? elements : elements.replace(/\w+/g, (element) => `${list} ${element}`);
}
