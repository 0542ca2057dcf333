import { jsonProblem, type TextPlace } from "../../format/json-problem.ts";
import { BodyError } from "./errors.ts";

// A byte order mark is part of no JSON; the body's own, which may stand at its start, is not among what is parsed.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Parses bytes of a body's JSON, whose buffer is the body's, with `before` and `after` around them, letters of ASCII.
 * Throws BodyError, with the place in the body, where that is no JSON in UTF-8.
 */
export function parseJsonBytes(bytes: Uint8Array, before = "", after = ""): unknown {
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    throw new BodyError("not-json", "the body is not JSON: it is not UTF-8");
  }
  try {
    return JSON.parse(before + text + after);
  } catch (error) {
    const problem = jsonProblem(before + text + after, placeOf(bytes, -before.length));
    throw new BodyError("not-json", `the body is not JSON: ${problem ?? (error as Error).message}`);
  }
}

/** Where the byte `at` of these is in their body. It may be before them; one behind them counts as their end. */
export function placeOf({ buffer, byteOffset, length }: Uint8Array, at: number): TextPlace {
  const body = new Uint8Array(buffer, 0, byteOffset + Math.min(at, length));
  const place = { line: 1, column: 1 };
  for (const byte of startsWithMark(body) ? body.subarray(3) : body) {
    if (byte === LINE_END) {
      place.line++;
      place.column = 1;
    } else if (byte < 0x80 || byte >= 0xc0) place.column += byte < 0xf0 ? 1 : 2; // in UTF-16
  }
  return place;
}

/** Whether a byte order mark is there, which RFC 8259 lets a reader pass over. */
export function startsWithMark(bytes: Uint8Array): boolean {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
}

const LINE_END = 0x0a;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Bytes of a plain text at most: names of members, of models and of lists are shorter. */
const MAX_PLAIN_TEXT = 64;

/**
 * The text of a JSON string whose quotes are at `from` and `end` - 1; null where it is no short one of printable ASCII
 * without escapes. A parser takes several times as long.
 */
export function plainText(bytes: Uint8Array, from: number, end: number): string | null {
  if (bytes[from] !== QUOTE || bytes[end - 1] !== QUOTE || end - from < 2 || end - from > MAX_PLAIN_TEXT) return null;
  const codes: number[] = [];
  for (let at = from + 1; at < end - 1; at++) {
    const byte = bytes[at] as number;
    if (byte < 0x20 || byte > 0x7e || byte === QUOTE || byte === BACKSLASH) return null;
    codes.push(byte);
  }
  // At once: a text that is added to, letter by letter, is a rope, which V8 writes as JSON on its slow path.
  return String.fromCharCode(...codes);
}

/** The position of the first byte from `from` on that is no white space of JSON. */
export function skipSpace(bytes: Uint8Array, from: number): number {
  let at = from;
  for (;;) {
    const byte = bytes[at];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return at;
    at++;
  }
}
