import * as v from "valibot";
import { ReferenceSchema } from "./model-reference.ts";
import { parsePattern } from "./prepare/pattern-syntax.ts";
import { parseSettings } from "./unknown-key.ts";

// Which pages of a site are re-ranked in front of its origin, and how their lists, items and ids are found. It is the
// variable RERANK_ROUTES of a Worker, so that it is deployed, and rolled back, with the code that reads it.

/** Routes of a Worker. A request is compared with one after another. */
const MAX_RERANK_ROUTES = 100;
/** Lists of a route. Each may take two selectors, or is one more pointer that is looked for. */
const MAX_RERANK_LISTS = 8;
/** Milliseconds that a list may wait for its order: nobody waits longer for a page. */
const MAX_RERANK_BUDGET_MS = 10_000;

const about = v.description;
const MAX_TEXT = 256;
const text = v.pipe(v.string(), v.nonEmpty("expected a text that is not empty"), v.maxLength(MAX_TEXT));
const name = v.pipe(
  v.string(),
  v.regex(
    /^[a-z0-9][a-z0-9._-]{0,63}$/,
    "expected lower-case letters, digits, '.', '_' and '-', at most 64, a letter or digit first",
  ),
  about("What the list is called in logs, within its route."),
);
const pattern = v.exactOptional(
  v.pipe(
    v.string(),
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed) return;
      const { problem } = parsePattern(dataset.value);
      if (problem !== null) addIssue({ message: problem });
    }),
    about('A regular expression as in FORMAT.md, "Patterns"; its one group is the value. Default: all of the text.'),
  ),
);

const AttributeSchema = v.strictObject({
  attribute: v.pipe(text, about("The attribute's name.")),
  selector: v.exactOptional(
    v.pipe(text, about("Selects the element within the item, of which the first counts. Default: the item itself.")),
  ),
  pattern,
});

/** Where an element's value is: in an attribute. */
export type AttributeSource = v.InferOutput<typeof AttributeSchema>;

const pointer = v.pipe(
  v.string(),
  v.regex(/^(\/([^~/]|~[01])*)*$/, 'expected a JSON pointer (RFC 6901) such as "/data/items", or "" for the whole'),
  v.maxLength(MAX_TEXT),
);

const HtmlListSchema = v.strictObject({
  type: v.literal("html"),
  name,
  list: v.pipe(text, about("Selects the list's element. The first one of a page counts.")),
  items: v.pipe(text, about("Selects the items' elements. Those outside of the list do not count.")),
  itemEnds: v.exactOptional(
    v.pipe(
      v.picklist(["end-tag", "next-item"]),
      about("Where an item ends: at its end tag, or, where pages leave those out, where the next begins."),
    ),
  ),
  id: AttributeSchema,
  fields: v.exactOptional(v.pipe(v.record(text, AttributeSchema), about("Fields of an item's record, by name."))),
});

const JsonListSchema = v.strictObject({
  type: v.literal("json"),
  name,
  list: v.pipe(pointer, about("Where the list is in the document.")),
  id: v.pipe(pointer, about("Where the id is in an item.")),
  fields: v.exactOptional(v.pipe(v.record(text, pointer), about("Fields of an item's record, by name."))),
});

const ListSchema = v.variant("type", [HtmlListSchema, JsonListSchema]);

const ContextSchema = v.union([
  v.strictObject({ query: v.pipe(text, about("A parameter of the URL's query.")) }),
  v.strictObject({ path: v.pipe(text, about("A named group of the route's path.")) }),
  v.strictObject({ header: v.pipe(text, about("A header of the request.")) }),
  v.strictObject({ cookie: v.pipe(text, about("A cookie of the request.")) }),
  v.strictObject({ cf: v.pipe(text, about("What Cloudflare says of the request, such as country.")) }),
  v.strictObject({
    value: v.pipe(v.union([v.string(), v.number(), v.boolean()]), about("The same for all requests.")),
  }),
]);

// A URL's path begins with a slash: no other pattern of one would ever match.
const pathPattern = v.pipe(text, v.regex(/^[/*({\\]/, 'expected a path that begins with "/"'));

/** Where a value of the context is. */
export type ContextSource = v.InferOutput<typeof ContextSchema>;

const RouteSchema = v.strictObject({
  path: v.pipe(pathPattern, about("The pattern of the URL's path, as URLPattern reads it: /shop/:category.")),
  host: v.exactOptional(v.pipe(text, about("The pattern of the URL's host. Default: any."))),
  lists: v.pipe(
    v.array(ListSchema),
    v.minLength(1),
    v.maxLength(MAX_RERANK_LISTS),
    v.check(
      (lists) => new Set(lists.map((list) => list.name)).size === lists.length,
      "expected a name of its own for each list",
    ),
  ),
  context: v.exactOptional(
    v.pipe(v.record(text, ContextSchema), about("Fields of the context, by name, for all lists of the route.")),
  ),
  model: v.exactOptional(
    v.pipe(
      ReferenceSchema,
      about(
        "The model that orders the lists of all whom no experiment gives an order. Default: none, and they get the " +
          "origin's.",
      ),
    ),
  ),
  itemPages: v.exactOptional(
    v.pipe(
      pathPattern,
      about(
        "The pattern of the paths of the items' pages, with the item's id as its group: /item/:item. A visitor's next " +
          "navigation to one of them is logged as a click.",
      ),
    ),
  ),
  budgetMs: v.exactOptional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(0),
      v.maxValue(MAX_RERANK_BUDGET_MS),
      about("Milliseconds that a list waits for its order, once all of it is there."),
    ),
  ),
});

export const RerankRoutesSchema = v.pipe(v.array(RouteSchema), v.maxLength(MAX_RERANK_ROUTES));

export type RerankRoute = v.InferOutput<typeof RouteSchema>;
export type HtmlList = v.InferOutput<typeof HtmlListSchema>;
export type JsonList = v.InferOutput<typeof JsonListSchema>;

/** Checks routes. Throws FormatError that names the place within `source`, what was got and what was expected. */
export function parseRerankRoutes(input: unknown, source = "RERANK_ROUTES"): RerankRoute[] {
  return parseSettings(RerankRoutesSchema, input, source);
}
