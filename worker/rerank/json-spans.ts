import { isRounded, type RawValue } from "../../format/raw-value.ts";
import { parseJsonBytes, plainText, skipSpace } from "../http/json-bytes.ts";
import { endOfString, endOfValue } from "../http/json-outline.ts";

// Values in the bytes of a JSON document, found by their brackets, commas and quotes, so that they can be moved as they
// are written. Functions throw BodyError where what they pass is no JSON.

/** Where a value is: its first byte, and the one after its last. */
export interface Span {
  start: number;
  end: number;
}

const decoder = new TextDecoder();
const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const SPACES = [0x20, 0x0a, 0x0d, 0x09];

/** The value that a pointer leads to, from the value that begins at `from` on; null where it leads nowhere. */
export function valueAt(bytes: Uint8Array, from: number, pointer: readonly string[]): Span | null {
  let start = skipSpace(bytes, from);
  for (const name of pointer) {
    const inner = memberAt(bytes, start, name);
    if (inner === null) return null;
    start = inner;
  }
  return { start, end: endAt(bytes, start) };
}

/** The elements of the list that begins at `start`; null where that is none. */
export function elementsAt(bytes: Uint8Array, start: number): Span[] | null {
  if (bytes[start] !== OPEN_LIST) return null;
  const spans: Span[] = [];
  for (let at = start; ; ) {
    const from = skipSpace(bytes, at + 1);
    const next = endOfValue(bytes, from);
    // Nothing is between the brackets of an empty list, nor between two commas, which is no JSON.
    if (next > from) spans.push({ start: from, end: trimmed(bytes, next) });
    if (bytes[next] !== COMMA) return spans;
    at = next;
  }
}

/**
 * The id that a text or a number is, as a page's script has it; null where it is none. A number that JSON.parse rounds,
 * to an integer, 0 or Infinity, is another id: it is what is written.
 */
export function idAt(bytes: Uint8Array, { start, end }: Span): string | null {
  const value = parseJsonBytes(bytes.subarray(start, end));
  if (typeof value !== "number") return typeof value === "string" && value !== "" ? value : null;
  const [text, written] = [String(value), decoder.decode(bytes.subarray(start, end))];
  return digitsOf(text) === digitsOf(written) ? text : written;
}

/** Those of a number that are not 0 at its ends. Of one that is rounded they are others. */
function digitsOf(number: string): string {
  return number
    .replace(/e.*/i, "")
    .replace(/\D/g, "")
    .replace(/^0+|(?<!0)0+$/g, "");
}

/** The value as encoders take it; undefined where it is no text, number, boolean or list of such. */
export function rawValueAt(bytes: Uint8Array, { start, end }: Span): RawValue {
  const value = parseJsonBytes(bytes.subarray(start, end));
  // An integer that JSON.parse rounds, also to Infinity, is another id. As text it is what it was.
  if (isOtherNumber(value)) return decoder.decode(bytes.subarray(start, end));
  if (!Array.isArray(value)) return isScalar(value) ? value : undefined;
  if (!value.every(isScalar)) return undefined;
  return value.some(isOtherNumber) ? elementsAt(bytes, start)?.map((span) => rawValueAt(bytes, span)) : value;
}

function isOtherNumber(value: unknown): boolean {
  return typeof value === "number" && (isRounded(value) || !Number.isFinite(value));
}

function isScalar(value: unknown): value is string | number | boolean | null {
  return value === null || ["string", "number", "boolean"].includes(typeof value);
}

/**
 * Where the member or element of that name begins; null where there is none. Of members alike the last one counts.
 */
function memberAt(bytes: Uint8Array, start: number, name: string): number | null {
  if (bytes[start] === OPEN_LIST) return elementAt(bytes, start, name);
  if (bytes[start] !== OPEN_OBJECT) return null;
  // As readers of JSON have it, whose visitors see what it says (RFC 8259, 4).
  let found: number | null = null;
  for (let at = start; ; ) {
    const key = skipSpace(bytes, at + 1);
    if (bytes[key] !== QUOTE) return null;
    const afterKey = endOfString(bytes, key);
    const colon = skipSpace(bytes, afterKey);
    if (bytes[colon] !== COLON) return null;
    const value = skipSpace(bytes, colon + 1);
    if ((plainText(bytes, key, afterKey) ?? parseJsonBytes(bytes.subarray(key, afterKey))) === name) found = value;
    at = endOfValue(bytes, value);
    if (bytes[at] !== COMMA) return found;
  }
}

function elementAt(bytes: Uint8Array, start: number, name: string): number | null {
  if (!/^(0|[1-9]\d*)$/.test(name)) return null;
  let at = start;
  for (let i = 0; i < Number(name); i++) {
    at = endOfValue(bytes, at + 1);
    if (bytes[at] !== COMMA) return null;
  }
  const element = skipSpace(bytes, at + 1);
  return bytes[element] === CLOSE_LIST ? null : element;
}

/** Where a value ends that may be the whole document, which no comma or bracket follows. */
function endAt(bytes: Uint8Array, start: number): number {
  const first = bytes[start];
  if (first === QUOTE) return endOfString(bytes, start);
  if (first === OPEN_LIST || first === OPEN_OBJECT) {
    let at = start;
    do at = endOfValue(bytes, at + 1);
    while (bytes[at] === COMMA);
    return at + 1;
  }
  let at = start;
  while (at < bytes.length && !isDelimiter(bytes[at] as number)) at++;
  return at;
}

function isDelimiter(byte: number): boolean {
  return byte === COMMA || byte === CLOSE_LIST || byte === 0x7d || SPACES.includes(byte);
}

/** The position before which there is no white space. */
function trimmed(bytes: Uint8Array, end: number): number {
  let at = end;
  while (SPACES.includes(bytes[at - 1] as number)) at--;
  return at;
}
