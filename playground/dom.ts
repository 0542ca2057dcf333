// The few things that the page does with elements. Texts are set as texts: nothing here parses markup.

type Child = Node | string | null;

/** An element with attributes and children; those that are false or undefined, and null, are left out. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Record<string, string | boolean | undefined> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    if (value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** The element of page.html with this id. Throws Error where there is none of its kind: page and script differ. */
export function byId<Kind extends HTMLElement>(id: string, kind: abstract new () => Kind): Kind {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  throw new Error(`#${id}: got ${found?.tagName ?? "no element"}, expected ${kind.name}`);
}

/** Marks an input as wrong, or as right again, and says in `message` why. */
export function markWrong(input: HTMLElement, message: HTMLElement, problem: string | undefined): void {
  message.textContent = problem ?? "";
  message.hidden = problem === undefined;
  if (problem === undefined) input.removeAttribute("aria-invalid");
  else input.setAttribute("aria-invalid", "true");
}

/** Makes an element that scrolls a region with this name, which the keyboard reaches, and so can scroll. */
export function makeRegion(scrolls: HTMLElement, name: string): HTMLElement {
  scrolls.setAttribute("role", "region");
  scrolls.setAttribute("aria-label", name);
  scrolls.tabIndex = 0;
  return scrolls;
}

/**
 * A table in a region that scrolls by itself where it is too wide, by hand and from the keyboard, and then says so.
 * `name` is what the region is called.
 */
export function scrolling(name: string, table: HTMLTableElement): HTMLElement {
  const region = makeRegion(element("div", { class: "scroll" }, table), name);
  const hint = element(
    "p",
    { class: "hint", hidden: true },
    "The table is wider than the screen: it scrolls sideways.",
  );
  const observer = new ResizeObserver(() => {
    hint.hidden = region.scrollWidth <= region.clientWidth;
  });
  observer.observe(region);
  observer.observe(table);
  return element("div", {}, region, hint);
}
