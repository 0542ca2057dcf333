import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parseRerankRoutes } from "../../format/rerank-routes.ts";

// What a Worker refuses beside: test/worker/rerank/in-front.test.ts.

const DOCUMENT = readFileSync(new URL("../../docs/reranking.md", import.meta.url), "utf8");

test("the routes of the document are routes", () => {
  const [, example] = /```json\n(.*?)```/s.exec(DOCUMENT) ?? [];
  const routes = parseRerankRoutes(JSON.parse(example ?? "null"));
  expect(routes).toEqual(JSON.parse(example ?? "null"));
  expect(routes[0]?.lists.map(({ type }) => type)).toEqual(["html", "json"]);
});

const HTML = { type: "html", name: "a", list: "#a", items: "#a > b", id: { attribute: "id" } };
const JSON_LIST = { type: "json", name: "a", list: "/a", id: "/id" };
const with_ = (change: object, list: object = HTML) => [{ path: "/", lists: [{ ...list, ...change }] }];

test.each<[unknown, string]>([
  ["text", 'RERANK_ROUTES: got "text", expected Array'],
  [[{ lists: [HTML] }], 'RERANK_ROUTES[0].path: missing, expected "path"'],
  [[{ path: "a/*", lists: [HTML] }], 'RERANK_ROUTES[0].path: got "a/*", expected a path that begins with "/"'],
  [[{ path: "/", itemPages: ":item", lists: [HTML] }], 'RERANK_ROUTES[0].itemPages: got ":item", expected a path that'],
  [with_({ selector: "#a" }), 'RERANK_ROUTES[0].lists[0].selector: unknown key, expected one of "type", "name", '],
  [with_({ type: "xml" }), 'RERANK_ROUTES[0].lists[0].type: got "xml", expected ("html" | "json")'],
  [with_({ name: "A" }), 'RERANK_ROUTES[0].lists[0].name: got "A", expected lower-case letters'],
  [with_({ itemEnds: "never" }), 'RERANK_ROUTES[0].lists[0].itemEnds: got "never", expected ("end-tag" | "next-item")'],
  [
    with_({ id: { attribute: "" } }),
    'RERANK_ROUTES[0].lists[0].id.attribute: got "", expected a text that is not empty',
  ],
  [with_({ id: "a~2" }, JSON_LIST), 'RERANK_ROUTES[0].lists[0].id: got "a~2", expected a JSON pointer'],
  [[{ path: "/", lists: Array(9).fill(HTML) }], "RERANK_ROUTES[0].lists: got length 9, expected <=8"],
])("%j is refused with its place", (input, message) => {
  expect(() => parseRerankRoutes(input)).toThrow(message);
});

test.each(["__proto__", "constructor", "prototype"])(
  "a field with the name %s is not left out without a word",
  (field) => {
    const named = (value: unknown): object => JSON.parse(`{"${field}": ${JSON.stringify(value)}}`);
    const problem = "got a name that JavaScript keeps for itself, expected another";
    for (const [routes, place] of [
      [[{ path: "/", lists: [HTML], context: named({ query: "q" }) }], `context.${field}`],
      [with_({ fields: named({ attribute: "title" }) }), `lists[0].fields.${field}`],
      [with_({ fields: named("/title") }, JSON_LIST), `lists[0].fields.${field}`],
    ] as const)
      expect(() => parseRerankRoutes(routes)).toThrow(`RERANK_ROUTES[0].${place}: ${problem}`);
  },
);
