import { FormatError } from "../../format/errors.ts";
import { parseJson } from "../../format/parse.ts";
import { BodyError } from "./errors.ts";

// A byte order mark is part of no JSON; the body's own, which may stand at its start, is not among what is parsed.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Parses bytes of JSON, with `before` and `after` around them. Throws BodyError where that is no JSON in UTF-8. */
export function parseJsonBytes(bytes: Uint8Array, before = "", after = ""): unknown {
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    throw new BodyError("not-json", "the body is not JSON: it is not UTF-8");
  }
  try {
    return parseJson(before + text + after, "body");
  } catch (error) {
    if (error instanceof FormatError) throw new BodyError("not-json", `the body is ${error.problem}`);
    throw error;
  }
}

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
