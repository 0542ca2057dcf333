import { FormatError } from "../../format/errors.ts";
import { namesOf } from "../../format/json-pointer.ts";
import { Pattern } from "../../format/prepare/pattern.ts";
import {
  type AttributeSource,
  type ContextSource,
  type HtmlList,
  type JsonList,
  parseRerankRoutes,
  type RerankRoute,
} from "../../format/rerank-routes.ts";
import { DEFAULT_RERANK_BUDGET_MS } from "../limits.ts";

/** Where a value of an item is. */
export interface ItemSource {
  /** The field of the item's record; null: it is the id. */
  field: string | null;
  /** Selects the element within the item; null: it is the item's own. */
  selector: string | null;
  attribute: string;
  /** What the attribute's text is captured by; null: all of it is the value. */
  pattern: Pattern | null;
}

/** A list of HTML pages. */
export interface HtmlListPlan {
  name: string;
  list: string;
  items: string;
  /** Whether an item ends where the next begins, whatever end tags there are. */
  endsAtNext: boolean;
  sources: readonly ItemSource[];
}

/** A list of JSON documents. Pointers are lists of names. */
export interface JsonListPlan {
  name: string;
  list: readonly string[];
  id: readonly string[];
  fields: readonly (readonly [field: string, pointer: readonly string[]])[];
}

/** A route that is ready to be matched. */
export interface CompiledRoute {
  route: RerankRoute;
  pattern: URLPattern;
  html: readonly HtmlListPlan[];
  json: readonly JsonListPlan[];
  context: readonly (readonly [field: string, source: ContextSource])[];
  budgetMs: number;
  /** Matches the pages of the lists' items; null: what a click is shows in events alone. */
  itemPages: URLPattern | null;
}

/**
 * Reads RERANK_ROUTES: JSON as text, or values as a table of wrangler.toml makes them. Throws FormatError, which names
 * the place, also where a path is no pattern or a selector none that the parser of pages knows.
 */
export function compileRoutes(setting: unknown): CompiledRoute[] {
  const input = typeof setting === "string" ? parseText(setting) : setting;
  return parseRerankRoutes(input, SOURCE).map((route, i) => compile(route, `${SOURCE}[${i}]`));
}

const SOURCE = "RERANK_ROUTES";

function parseText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new FormatError(SOURCE, `got no JSON (${(error as Error).message}), expected a list of routes`);
  }
}

function compile(route: RerankRoute, place: string): CompiledRoute {
  const { lists, context = {}, budgetMs = DEFAULT_RERANK_BUDGET_MS } = route;
  const html: HtmlListPlan[] = [];
  const json: JsonListPlan[] = [];
  for (const [i, list] of lists.entries()) {
    if (list.type === "html") html.push(compileHtml(list, `${place}.lists[${i}]`));
    else json.push(compileJson(list));
  }
  const itemPages = route.itemPages === undefined ? null : itemPattern(route.itemPages, route, place);
  const pattern = patternOf(route.path, route, place);
  return { route, pattern, html, json, context: Object.entries(context), budgetMs, itemPages };
}

function itemPattern(path: string, route: RerankRoute, place: string): URLPattern {
  if (!/:item(?![a-zA-Z0-9_])/.test(path))
    throw new FormatError(`${place}.itemPages`, `got ${JSON.stringify(path)}, expected a path with the group :item`);
  return patternOf(path, route, `${place}.itemPages`);
}

function patternOf(path: string, { host }: RerankRoute, place: string): URLPattern {
  try {
    return new URLPattern({ pathname: path, ...(host !== undefined && { hostname: host }) });
  } catch (error) {
    throw new FormatError(place, `got no pattern of a URL (${(error as Error).message}), expected a path and a host`);
  }
}

function compileHtml({ name, list, items, itemEnds, id, fields = {} }: HtmlList, place: string): HtmlListPlan {
  checkSelector(list, `${place}.list`);
  checkSelector(items, `${place}.items`);
  const sources = [
    compileSource(null, id, `${place}.id`),
    ...Object.entries(fields).map(([field, source]) => compileSource(field, source, `${place}.fields.${field}`)),
  ];
  return { name, list, items, endsAtNext: itemEnds === "next-item", sources };
}

function compileSource(
  field: string | null,
  { attribute, selector, pattern }: AttributeSource,
  place: string,
): ItemSource {
  if (selector !== undefined) checkSelector(selector, `${place}.selector`);
  return {
    ...{ field, attribute, selector: selector ?? null },
    pattern: pattern === undefined ? null : new Pattern(pattern),
  };
}

function checkSelector(selector: string, place: string): void {
  try {
    new HTMLRewriter().on(selector, {});
  } catch (error) {
    throw new FormatError(place, `got ${JSON.stringify(selector)}, expected a selector (${(error as Error).message})`);
  }
}

function compileJson({ name, list, id, fields = {} }: JsonList): JsonListPlan {
  const entries = Object.entries(fields).map(([field, pointer]) => [field, namesOf(pointer)] as const);
  return { name, list: namesOf(list), id: namesOf(id), fields: entries };
}
