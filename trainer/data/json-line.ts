import { FormatError, show } from "../../format/errors.ts";
import { ownValue } from "../../format/own-value.ts";
import type { RawValue } from "../../format/raw-value.ts";

/** What is wrong with a line that begins with a byte order mark, as one behind that of a file put before it does. */
export const GOT_MARK = "got a byte order mark, expected one before the first line alone";

/** The keys and values of a line of JSON, as a request's record would have them. Throws FormatError at `place`. */
export function parseLine(line: string, place: string): object {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw lineProblem(line, place);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new FormatError(place, `got ${show(line)}, expected a JSON object`);
  return value;
}

/** The value of a key; null where the line lacks it. */
export function keyValue(line: object, key: string): RawValue {
  return (ownValue(line, key) ?? null) as RawValue;
}

/** The key that a line's object has twice; undefined where there is none. */
export function repeatedKey(line: string): string | undefined {
  const seen = new Set<string>();
  return outerKeys(line).find(({ key }) => seen.size === seen.add(key).size)?.key;
}

/** A number that JSON has no text for, as other programs write it. */
const NOT_A_NUMBER = /^[-+]?(?:NaN|nan|Infinity|inf)(?=\s*[,}\]])/;

/** The error for a line that is no JSON, with the column where its value is a number that JSON cannot hold. */
function lineProblem(line: string, place: string): FormatError {
  if (line.startsWith("\uFEFF")) return new FormatError(place, GOT_MARK);
  for (const { key, value } of outerKeys(line)) {
    const got = NOT_A_NUMBER.exec(value.replace(/^[\s[]+/, ""))?.[0];
    if (got !== undefined) return new FormatError(`${place}: column ${key}`, `got ${got}, expected a number`);
  }
  return new FormatError(place, `got ${show(line)}, expected a JSON object`);
}

/** The keys of the outermost object of a JSON text, with the text from each value on. */
function outerKeys(line: string): { key: string; value: string }[] {
  const keys: { key: string; value: string }[] = [];
  let depth = 0;
  for (const { 0: token, index } of line.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?|[{}[\]]/g)) {
    if (token === "{" || token === "[") depth++;
    else if (token === "}" || token === "]") depth--;
    else if (depth === 1 && token.endsWith(":")) {
      const key = token.slice(0, token.lastIndexOf('"') + 1);
      keys.push({ key: unquoted(key), value: line.slice(index + token.length) });
    }
  }
  return keys;
}

function unquoted(text: string): string {
  try {
    return String(JSON.parse(text));
  } catch {
    return text;
  }
}
