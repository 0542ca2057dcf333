import { RequestError, show } from "../../format/errors.ts";
import { JSON_PART_CHARACTERS, MAX_ELEMENT_CHARACTERS } from "../limits.ts";
import { BodyError } from "./errors.ts";
import { JsonList } from "./json-list.ts";
import { parseBodyJson } from "./parse-body-json.ts";

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** The members of a body's object, found but not yet parsed. */
export interface JsonOutline {
  /** Those of the named lists that are there. */
  lists: JsonList[];
  /** Characters of the longest part of a list, which are parsed at a time. */
  longestPart: number;
  /** Characters of all other members, which are parsed and stay. */
  others: number;
  /** The body, with the named lists as JsonLists. Throws BodyError where it is not JSON. */
  parse(): unknown;
}

/**
 * Finds the members of a body's JSON, and the elements of those that `lists` names, by their brackets, commas and
 * quotes. Whether what is between them is JSON shows when it is parsed. Throws BodyError where there is no such order
 * or too long an element, and RequestError where a name stands twice.
 */
export function outlineJson(text: string, lists: readonly string[]): JsonOutline {
  const start = skipSpace(text, 0);
  if (text.charCodeAt(start) !== OPEN_OBJECT) {
    refuseLong("the body", text.length, "characters that are no object");
    return { lists: [], longestPart: 0, others: text.length, parse: () => parseBodyJson(text) };
  }
  const members = new Map<string, JsonList | string>();
  let others = 0;
  let longest = 0;
  let at = start;
  do {
    at = skipSpace(text, at + 1);
    if (text.charCodeAt(at) === CLOSE_OBJECT && members.size === 0) break;
    const colon = skipSpace(text, endOfString(text, at));
    if (text.charCodeAt(at) !== QUOTE || text.charCodeAt(colon) !== COLON) throw notJson(text, at);
    refuseLong("a name in the body", colon - at, "characters");
    const name = parseBodyJson(text.slice(at, colon)) as string;
    if (members.has(name)) throw new RequestError(`body: ${name}`, "got it more than once, expected it once");
    const value = skipSpace(text, colon + 1);
    if (lists.includes(name) && text.charCodeAt(value) === OPEN_LIST) {
      const list = outlineList(text, value, name);
      members.set(name, list.list);
      longest = Math.max(longest, list.longest);
      at = skipSpace(text, list.end + 1);
    } else {
      const end = endOfValue(text, value);
      others += end - at;
      refuseLong(name, others, "characters");
      members.set(name, text.slice(value, end));
      at = end;
    }
  } while (text.charCodeAt(at) === COMMA);
  if (text.charCodeAt(at) !== CLOSE_OBJECT || skipSpace(text, at + 1) < text.length) throw notJson(text, at);
  const found = Array.from(members.values()).filter((member) => member instanceof JsonList);
  return { lists: found, longestPart: longest, others, parse: () => parseMembers(members) };
}

/** A list from its opening bracket on; the end is its closing bracket. */
function outlineList(text: string, start: number, name: string): { list: JsonList; end: number; longest: number } {
  const cuts = [start];
  let longest = 0;
  let length = 0;
  let cut = start;
  let from = start;
  for (;;) {
    const end = endOfValue(text, from + 1);
    refuseLong(`${name}[${length}]`, end - from, "characters");
    length++;
    const isLast = text.charCodeAt(end) !== COMMA;
    if (isLast || end - cut >= JSON_PART_CHARACTERS) {
      longest = Math.max(longest, end - cut);
      cuts.push(end);
      cut = end;
    }
    from = end;
    if (isLast) break;
  }
  if (text.charCodeAt(from) !== CLOSE_LIST) throw notJson(text, from);
  if (length === 1 && skipSpace(text, start + 1) === from) length = 0;
  return { list: new JsonList(text, cuts, length), end: from, longest };
}

function parseMembers(members: ReadonlyMap<string, JsonList | string>): unknown {
  // Without a prototype, so that a member called __proto__ is one as any other.
  const body: Record<string, unknown> = Object.create(null);
  for (const [name, member] of members) body[name] = typeof member === "string" ? parseBodyJson(member) : member;
  return body;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return at;
    at++;
  }
}

/** The position after the closing quote of the string that begins at `from`. */
function endOfString(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at + 1;
    if (code === BACKSLASH) at++;
  }
  throw notJson(text, text.length);
}

/** Where the value ends that begins at or after `from`: at the comma or bracket of what it is in. */
function endOfValue(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at) - 1;
    else if (code === COMMA && depth === 0) return at;
    else if (code === OPEN_LIST || code === OPEN_OBJECT) depth++;
    else if ((code === CLOSE_LIST || code === CLOSE_OBJECT) && depth-- === 0) return at;
  }
  throw notJson(text, text.length);
}

function refuseLong(what: string, length: number, unit: string): void {
  if (length <= MAX_ELEMENT_CHARACTERS) return;
  throw new BodyError("too-large", `${what}: got ${length} ${unit}, expected at most ${MAX_ELEMENT_CHARACTERS}`);
}

function notJson(text: string, at: number): BodyError {
  const got = at < text.length ? show(text[at]) : "its end";
  return new BodyError("not-json", `the body is not JSON: got ${got} at position ${Math.min(at, text.length)}`);
}
