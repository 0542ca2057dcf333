import { clipped, RequestError, show } from "../../format/errors.ts";
import { JSON_PART_BYTES, MAX_ELEMENT_BYTES } from "../limits.ts";
import { BodyError } from "./errors.ts";
import { parseJsonBytes, placeOf, plainText, skipSpace, startsWithMark } from "./json-bytes.ts";
import { JsonList } from "./json-list.ts";
import { JsonValue } from "./json-value.ts";

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** Bytes of a character of UTF-8 at most. */
const MAX_CHARACTER_BYTES = 4;

/** The members of a body's object, found but not yet parsed. */
export interface JsonOutline {
  /** Those of the named lists that are there. */
  lists: JsonList[];
  /** Bytes of the longest part of a list, which are parsed at a time. */
  longestPart: number;
  /** Bytes of all other members, which are parsed and stay. */
  others: number;
  /** The body, with the named lists as JsonLists, and `later` as JsonValues. Throws BodyError where it is not JSON. */
  parse(): unknown;
}

/**
 * Finds the members of a body's JSON, and the elements of those that `lists` names, by their brackets, commas and
 * quotes. Whether what is between them is JSON shows when it is parsed. Throws BodyError where there is no such order
 * or too long an element, and RequestError where a name stands twice. `later`: names of other members that are parsed
 * when their value is asked for.
 */
export function outlineJson(bytes: Uint8Array, lists: readonly string[], later: readonly string[] = []): JsonOutline {
  const start = skipSpace(bytes, startsWithMark(bytes) ? 3 : 0);
  if (bytes[start] !== OPEN_OBJECT) {
    refuseLong("a body that is no object", bytes.length);
    return { lists: [], longestPart: 0, others: bytes.length, parse: () => parseJsonBytes(bytes.subarray(start)) };
  }
  const members = new Map<string, JsonList | Uint8Array>();
  const found: JsonList[] = [];
  let others = 0;
  let longest = 0;
  let at = start;
  do {
    at = skipSpace(bytes, at + 1);
    if (bytes[at] === CLOSE_OBJECT && members.size === 0) break;
    if (bytes[at] !== QUOTE) throw notJson(bytes, at, "a key in quotes");
    const colon = skipSpace(bytes, endOfString(bytes, at));
    if (bytes[colon] !== COLON) throw notJson(bytes, colon, ":");
    refuseLong("a name in the body", colon - at);
    const name = plainText(bytes, at, colon) ?? (parseJsonBytes(bytes.subarray(at, colon)) as string);
    if (members.has(name)) throw new RequestError(`body: ${name}`, "got it more than once, expected it once");
    const value = skipSpace(bytes, colon + 1);
    if (lists.includes(name) && bytes[value] === OPEN_LIST) {
      const list = outlineList(bytes, value, name);
      members.set(name, list.list);
      found.push(list.list);
      longest = Math.max(longest, list.longest);
      at = skipSpace(bytes, list.end + 1);
    } else {
      const end = endOfValue(bytes, value);
      if (end === value) throw notJson(bytes, value, "a value");
      others += end - at;
      refuseLong(name, end - value);
      refuseLong("the body's members beside its lists", others);
      members.set(name, bytes.subarray(value, end));
      at = end;
    }
  } while (bytes[at] === COMMA);
  if (bytes[at] !== CLOSE_OBJECT) throw notJson(bytes, at, ", or }");
  const end = skipSpace(bytes, at + 1);
  if (end < bytes.length) throw notJson(bytes, end, "the end");
  return { lists: found, longestPart: longest, others, parse: () => parseMembers(members, later) };
}

/** A list from its opening bracket on; the end is its closing bracket. */
function outlineList(bytes: Uint8Array, start: number, name: string): { list: JsonList; end: number; longest: number } {
  const cuts = [start];
  let longest = 0;
  let length = 0;
  let cut = start;
  let from = start;
  for (;;) {
    const end = endOfValue(bytes, from + 1);
    const bytesOfElement = end - from - 1;
    // Not every element pays for a text that names it.
    if (bytesOfElement > MAX_ELEMENT_BYTES) refuseLong(`${name}[${length}]`, bytesOfElement);
    length++;
    const isLast = bytes[end] !== COMMA;
    if (isLast || end - cut >= JSON_PART_BYTES) {
      longest = Math.max(longest, end - cut);
      cuts.push(end);
      cut = end;
    }
    from = end;
    if (isLast) break;
  }
  if (bytes[from] !== CLOSE_LIST) throw notJson(bytes, from, ", or ]");
  if (length === 1 && skipSpace(bytes, start + 1) === from) length = 0;
  return { list: new JsonList(bytes, cuts, length), end: from, longest };
}

function parseMembers(members: ReadonlyMap<string, JsonList | Uint8Array>, later: readonly string[]): unknown {
  // Without a prototype, so that a member called __proto__ is one as any other.
  const body: Record<string, unknown> = Object.create(null);
  for (const [name, member] of members)
    if (member instanceof JsonList) body[name] = member;
    else if (later.includes(name)) body[name] = new JsonValue(member);
    else body[name] = plainText(member, 0, member.length) ?? parseJsonBytes(member);
  return body;
}

/** The position after the closing quote of the string that begins at `from`. */
export function endOfString(bytes: Uint8Array, from: number): number {
  for (let at = from + 1; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) return at + 1;
    if (byte === BACKSLASH) at++;
  }
  throw notJson(bytes, bytes.length, '"');
}

/** Where the value ends that begins at or after `from`: at the comma or bracket of what it is in. */
export function endOfValue(bytes: Uint8Array, from: number): number {
  const { length } = bytes;
  let depth = 0;
  for (let at = from; at < length; at++) {
    const byte = bytes[at] as number;
    if (byte === QUOTE) {
      // Without a call for each string the whole takes three quarters of the time.
      for (at++; at < length; at++) {
        const inner = bytes[at];
        if (inner === QUOTE) break;
        if (inner === BACKSLASH) at++;
      }
    } else if (byte === COMMA) {
      if (depth === 0) return at;
    } else if (byte === OPEN_OBJECT || byte === OPEN_LIST) depth++;
    else if ((byte === CLOSE_OBJECT || byte === CLOSE_LIST) && depth-- === 0) return at;
  }
  throw notJson(bytes, length, "more");
}

function refuseLong(what: string, length: number): void {
  if (length <= MAX_ELEMENT_BYTES) return;
  throw new BodyError("too-large", `${clipped(what, 200)}: got ${length} bytes, expected at most ${MAX_ELEMENT_BYTES}`);
}

function notJson(bytes: Uint8Array, at: number, expected: string): BodyError {
  const decoder = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });
  const [character] = decoder.decode(bytes.subarray(at, at + MAX_CHARACTER_BYTES));
  const got = character === undefined ? "the end of the text" : show(character);
  const { line, column } = placeOf(bytes, at);
  const place = `line ${line}, column ${column}`;
  return new BodyError("not-json", `the body is not JSON: got ${got} at ${place}, expected ${expected}`);
}
