import { expect, test } from "vitest";
import { seeded } from "../../../testing/format/random.ts";
import { handMadePages } from "../../../testing/rerank/hand-made-pages.ts";
import { bytesOf, randomPage } from "../../../testing/rerank/random-page.ts";
import { areInOrder } from "../../../worker/rerank/item-list.ts";
import { faultOf, faultsOfFailing, faultsOfGenerated, faultsOfHandMade, splice } from "./splice.ts";

// More pages, and a failure at each token of all of them: `npm run bench -- rerank`.

test("items of generated pages move, and every other byte stays", async () => {
  const { faults, arranged } = await faultsOfGenerated(30);
  expect(faults).toEqual([]);
  expect(arranged).toBeGreaterThan(30);
});

test("items of pages that are hard to parse move, or the page stays as it is", async () => {
  expect(await faultsOfHandMade(handMadePages(true), [1, 7, 777])).toEqual([]);
});

test("where the parser fails, at whichever token, the page arrives whole", async () => {
  const handMade = handMadePages(false).filter(({ name }) => name === "two lists");
  for (const page of [randomPage(seeded(1), "seed 1"), ...handMade]) {
    const { faults, failures } = await faultsOfFailing(page);
    expect(faults).toEqual([]);
    expect(failures).toBeGreaterThan(15);
  }
});

test.each<[string, string, HTMLRewriterElementContentHandlers]>([
  ["more of them", "bytes that are no UTF-8", { text() {} }],
  ["as many", "plain", { element: (element) => void element.setAttribute("class", "Item") }],
])("where the parser gives out other bytes, %s, the page arrives as it came", async (_, name, { text, element }) => {
  const [page] = handMadePages(false).filter((one) => one.name === name);
  // Whoever listens to text has bytes replaced that are none of the charset.
  const rewriter = new HTMLRewriter().onDocument(text ? { text } : {}).on("p", element ? { element } : {});
  const spliced = await splice(page, { random: seeded(1), chunk: () => 20, rewriter });
  expect(faultOf(page, spliced)).toBeNull();
  expect([...spliced.sent]).toEqual([["main", "parser"]]);
});

/** Calls for a list: at its beginning and at its end. */
const LIST = 2;

test.each([
  ["plain", 3 + LIST],
  ["no end tags, ends at the next", 2 + LIST],
  // Three items, and two lists within this one: what is before it is none of its own.
  ["no end tags, and two parts of a list", 3 + 2 + LIST],
])("handlers are called for elements, and for the end of none but the list: %s", async (name, calls) => {
  const [page] = handMadePages(false).filter((one) => one.name === name);
  const rewriter = new CountingRewriter();
  page.segments.unshift({ bytes: bytesOf(["<div><ul><li>x</li></ul></div>"]), list: null, id: null });
  const spliced = await splice(page, { random: seeded(1), chunk: () => 777, rewriter });
  expect(faultOf(page, spliced)).toBeNull();
  expect(spliced.sent.get("main")).toBeNull();
  expect(rewriter.calls).toBe(calls);
});

/** Counts the calls of handlers. */
class CountingRewriter extends HTMLRewriter {
  calls = 0;

  override on(selector: string, { element: onElement }: HTMLRewriterElementContentHandlers): this {
    return super.on(selector, {
      element: (element) => {
        this.calls++;
        const onEndTag = element.onEndTag.bind(element);
        element.onEndTag = (onTag) =>
          onEndTag((tag) => {
            this.calls++;
            return onTag(tag);
          });
        return onElement?.(element);
      },
    }) as this;
  }
}

test("spans that overlap are not moved", () => {
  const spans = (...ends: [number, number][]) => ends.map(([start, end]) => ({ start, end, id: "", record: {} }));
  expect(areInOrder(spans([5, 6], [6, 6], [8, 9]), 5, 9)).toBe(true);
  for (const wrong of [spans([4, 6]), spans([5, 7], [6, 8]), spans([7, 6]), spans([8, 10]), spans([5, 6], [7, 0])])
    expect(areInOrder(wrong, 5, 9)).toBe(false);
});
