import { FormatError, show } from "./errors.ts";
import { placeIn } from "./json-problem.ts";
import { parseJson } from "./parse.ts";

/**
 * Parses JSON that a person wrote. Throws FormatError as `parseJson` does, and where an object has a key twice: the
 * first of its values would be lost without a word.
 */
export function parseWrittenJson(text: string, source: string): unknown {
  const value = parseJson(text, source);
  const repeated = repeatedKey(text);
  if (repeated)
    throw new FormatError(
      source,
      `got the key ${show(repeated.key)} twice, again at ${placeIn(text, repeated.at)}, expected it once`,
    );
  return value;
}

/** The first key that an object of a JSON text has for a second time, and where. Null where there is none. */
function repeatedKey(text: string): { key: string; at: number } | null {
  /** The keys of each object that is open, the innermost last; null for a list. */
  const open: (Set<string> | null)[] = [];
  let keyIsNext = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '"') {
      const end = endOfString(text, at);
      const keys = keyIsNext ? open.at(-1) : null;
      if (keys) {
        const key = JSON.parse(text.slice(at, end)) as string;
        if (keys.size === keys.add(key).size) return { key, at };
      }
      keyIsNext = false;
      at = end - 1;
    } else if (character === "{" || character === "[") {
      open.push(character === "{" ? new Set() : null);
      keyIsNext = true;
    } else if (character === "}" || character === "]") {
      open.pop();
      keyIsNext = false;
    } else if (character === ",") keyIsNext = true;
  }
  return null;
}

/** Where a string ends that begins at `start`: behind its quote. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}
