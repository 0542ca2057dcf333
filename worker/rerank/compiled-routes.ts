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
  const { path, host: hostname = "*", lists, budgetMs = DEFAULT_RERANK_BUDGET_MS } = route;
  const html: HtmlListPlan[] = [];
  const json: JsonListPlan[] = [];
  for (const [i, list] of lists.entries()) {
    if (list.type === "html") html.push(compileHtml(list, `${place}.lists[${i}]`));
    else json.push(compileJson(list));
  }
  // By itself, so that what is said of the others is said of their paths.
  patternOf({ hostname }, hostname, `${place}.host`);
  const pattern = patternOf({ pathname: path, hostname }, path, `${place}.path`);
  const itemPages = route.itemPages === undefined ? null : itemPattern(route.itemPages, hostname, `${place}.itemPages`);
  return { route, pattern, html, json, context: compileContext(route, place), budgetMs, itemPages };
}

function itemPattern(pathname: string, hostname: string, place: string): URLPattern {
  if (!hasGroup(pathname, "item"))
    throw new FormatError(place, `got ${JSON.stringify(pathname)}, expected a path with the group :item`);
  return patternOf({ pathname, hostname }, pathname, place);
}

/** Whether the pattern of a path has a group of that name. Those without one are called by numbers. */
function hasGroup(path: string, name: string): boolean {
  const names: readonly string[] = path.match(/(?<=:)[\p{ID_Start}$_][\p{ID_Continue}$]*/gu) ?? [];
  return names.includes(name) || /^\d+$/.test(name);
}

function patternOf(init: URLPatternInit, got: string, place: string): URLPattern {
  try {
    return new URLPattern(init);
  } catch {
    throw new FormatError(place, `got ${JSON.stringify(got)}, expected a pattern as URLPattern reads it`);
  }
}

/** Throws where a source can be in no request, which else would only show in the scores. */
function compileContext({ path, context = {} }: RerankRoute, place: string): CompiledRoute["context"] {
  const sources = Object.entries(context);
  for (const [field, source] of sources) {
    const refuse = (kind: string, got: string, expected: string): never => {
      throw new FormatError(`${place}.context.${field}.${kind}`, `got ${JSON.stringify(got)}, expected ${expected}`);
    };
    if ("path" in source && !hasGroup(path, source.path))
      refuse("path", source.path, `a group of the path ${JSON.stringify(path)}`);
    if ("header" in source && !HEADER_NAME.test(source.header)) refuse("header", source.header, "a header's name");
  }
  return sources;
}

/** A token of HTTP (RFC 9110, 5.6.2): to ask a request for any other header throws. */
const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]+$/;

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
