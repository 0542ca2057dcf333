import { show } from "./errors.ts";

// Says where a text stops being JSON (RFC 8259), which engines say in words of their own, often without the place.

/** What has to come next, as errors say it. */
type Next =
  | "a value"
  | "a value or ]"
  | "a key in quotes"
  | "a key in quotes or }"
  | ":"
  | ", or ]"
  | ", or }"
  | "the end";

const SPACE = /[ \t\n\r]*/y;
const SCALAR = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-])/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const WORD = /[\w.+-]{1,40}|./suy;

/** A place in a text, counted from 1. */
export interface TextPlace {
  line: number;
  column: number;
}

const START: TextPlace = { line: 1, column: 1 };

/**
 * What is wrong with a text that is not JSON, with the place. Null where the text is JSON. `from`: where it begins in
 * the text that it is a part of.
 */
export function jsonProblem(text: string, from = START): string | null {
  const open: ("{" | "[")[] = [];
  let next: Next = "a value";
  let at = 0;
  const fault = (place: number, expected: string): string =>
    `got ${wordAt(text, place)} at ${placeIn(text, place, from)}, expected ${expected}`;
  while (true) {
    at = endOf(SPACE, text, at) ?? at;
    const character = text[at];
    if (next === "the end") return at === text.length ? null : fault(at, next);
    if ((character === "]" && /]$/.test(next)) || (character === "}" && /}$/.test(next))) {
      open.pop();
      at++;
      next = afterValue(open);
    } else if (next === ":" || next === ", or ]" || next === ", or }") {
      if (character !== next[0]) return fault(at, next);
      at++;
      next = next === ", or }" ? "a key in quotes" : "a value";
    } else if (character === '"') {
      const end = endOfString(text, at, from);
      if (!end.whole) return fault(end.at, end.expected);
      at = end.at;
      next = next.startsWith("a key") ? ":" : afterValue(open);
    } else if (next.startsWith("a key")) {
      return fault(at, next);
    } else if (character === "{" || character === "[") {
      open.push(character);
      at++;
      next = character === "{" ? "a key in quotes or }" : "a value or ]";
    } else {
      const end = endOf(SCALAR, text, at);
      if (end === null) return fault(at, next);
      at = end;
      next = afterValue(open);
    }
  }
}

function afterValue(open: readonly ("{" | "[")[]): Next {
  const inside = open.at(-1);
  if (inside === undefined) return "the end";
  return inside === "{" ? ", or }" : ", or ]";
}

function endOfString(text: string, start: number, from: TextPlace): { whole: boolean; at: number; expected: string } {
  let at = start + 1;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === 0x22) return { whole: true, at: at + 1, expected: "" };
    if (code < 0x20) return { whole: false, at, expected: 'the " that ends the text before it, or an escape' };
    if (code !== 0x5c) at++;
    else {
      const end = endOf(ESCAPE, text, at);
      if (end === null) return { whole: false, at, expected: 'an escape such as \\n, \\" or \\u00e9' };
      at = end;
    }
  }
  return { whole: false, at, expected: `the " that ends the text from ${placeIn(text, start, from)}` };
}

/** Where a match that begins at `at` ends; null where there is none. */
function endOf(pattern: RegExp, text: string, at: number): number | null {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : null;
}

function wordAt(text: string, at: number): string {
  const end = endOf(WORD, text, at);
  return end === null ? "the end of the text" : show(text.slice(at, end));
}

/** A place in a text, which begins at `from`: its line and column. */
export function placeIn(text: string, at: number, from = START): string {
  let { line } = from;
  let start = 1 - from.column;
  for (let end = text.indexOf("\n"); end >= 0 && end < at; end = text.indexOf("\n", start)) {
    line++;
    start = end + 1;
  }
  return `line ${line}, column ${at - start + 1}`;
}
