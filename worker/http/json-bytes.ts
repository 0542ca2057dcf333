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

/** The position of the first byte from `from` on that is no white space of JSON. */
export function skipSpace(bytes: Uint8Array, from: number): number {
  let at = from;
  for (;;) {
    const byte = bytes[at];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return at;
    at++;
  }
}
