import type { RawValue } from "../raw-value.ts";

// Lists as one text, as JSON and Python write them. A text is gone through once.

export type ListSyntax = "json" | "python";

/** What is wrong with a text, and the place in it, in UTF-16 units from 0. */
export class ListProblem extends Error {
  readonly at: number;

  constructor(at: number, expected: string) {
    super(expected);
    this.at = at;
  }
}

const BLANKS: Record<ListSyntax, RegExp> = { json: /[ \t\n\r]*/y, python: /[ \t\n\r\f]*/y };
const JSON_STRING = /"[^"\\]*(?:\\.[^"\\]*)*"/sy;
const JSON_NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?(?![\w.])/y;
/** A Python string without a prefix, or with the u of Python 2. A line end in it is written as an escape. */
const PYTHON_STRING = /u?(?:'[^'\\\n\r]*(?:\\.[^'\\\n\r]*)*'|"[^"\\\n\r]*(?:\\.[^"\\\n\r]*)*")/sy;
/** A decimal number. An integer does not begin with 0. */
const PYTHON_NUMBER = /[+-]?(?:(?:0|[1-9]\d*)(?![\d.eE])|(?:\d+\.\d*|\.\d+|\d+(?=[eE]))(?:[eE][+-]?\d+)?)(?![\w.])/y;
const WORD = /[A-Za-z]+(?!\w)/y;
const WORDS: Record<ListSyntax, ReadonlyMap<string, RawValue>> = {
  json: new Map<string, RawValue>([
    ["null", null],
    ["true", true],
    ["false", false],
  ]),
  // nan is what pandas leaves of a missing value.
  python: new Map<string, RawValue>([
    ["None", null],
    ["nan", null],
    ["True", true],
    ["False", false],
  ]),
};

/**
 * The elements of a list's text: texts, numbers, true, false, and null where one is missing. An integer comes as the
 * text of its digits, so that none is lost. Throws ListProblem where the text is no such list, or one in another.
 */
export function* listElements(text: string, syntax: ListSyntax): Generator<RawValue> {
  const blanks = BLANKS[syntax];
  let at = endOf(blanks, text, 0);
  if (text[at] !== "[") throw new ListProblem(at, "[ that begins a list");
  at = endOf(blanks, text, at + 1);
  let first = true;
  while (text[at] !== "]") {
    if (!first) {
      if (text[at] !== ",") throw new ListProblem(at, ", or ]");
      at = endOf(blanks, text, at + 1);
      if (text[at] === "]" && syntax === "python") break;
    }
    first = false;
    const element = elementAt(text, at, syntax);
    yield element.value;
    at = endOf(blanks, text, element.end);
  }
  at = endOf(blanks, text, at + 1);
  if (at < text.length) throw new ListProblem(at, "the end of the text");
}

function elementAt(text: string, at: number, syntax: ListSyntax): { value: RawValue; end: number } {
  const string = found(syntax === "json" ? JSON_STRING : PYTHON_STRING, text, at);
  if (string !== null)
    return {
      value: syntax === "json" ? jsonString(string, at) : pythonString(string, at),
      end: at + string.length,
    };
  const number = found(syntax === "json" ? JSON_NUMBER : PYTHON_NUMBER, text, at);
  if (number !== null) {
    const value = /[.eE]/.test(number) ? Number(number) : integerText(number);
    if (typeof value === "number" && !Number.isFinite(value)) throw new ListProblem(at, "a number that float64 holds");
    return { value, end: at + number.length };
  }
  const word = found(WORD, text, at);
  const known = word === null ? undefined : WORDS[syntax].get(word);
  if (word !== null && known !== undefined) return { value: known, end: at + word.length };
  throw new ListProblem(at, "a text in quotes, a number or another single value");
}

/** The digits of an integer as they are canonical: without a plus sign, and 0 without a sign. */
function integerText(number: string): string {
  const digits = number.replace(/^\+/, "");
  return digits === "-0" ? "0" : digits;
}

const ESCAPE = /\\(?:\r\n|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{1,3})|(.))/gs;
const CONTROLS = new Map(Object.entries({ a: "\x07", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" }));

/** The text of a string of JSON, which begins at `at`. */
function jsonString(literal: string, at: number): string {
  try {
    return JSON.parse(literal) as string;
  } catch {
    throw new ListProblem(at, "a text with the escapes of JSON");
  }
}

/** The text of a string literal of Python, which begins at `at`. */
function pythonString(literal: string, at: number): string {
  const begin = literal.startsWith("u") ? 2 : 1;
  const inner = literal.slice(begin, -1);
  if (!inner.includes("\\")) return inner;
  return inner.replace(ESCAPE, (whole: string, x, u, long, octal, character, index: number) => {
    const hex: string | undefined = x ?? u ?? long;
    const code = hex === undefined ? Number.parseInt(octal ?? "", 8) : Number.parseInt(hex, 16);
    if (Number.isNaN(code)) {
      if (character === undefined || character === "\n") return ""; // a line that goes on
      if (character === "N" || character === "x" || character === "u" || character === "U")
        throw new ListProblem(at + begin + index, "an escape such as \\n, \\' or \\u00e9");
      // Python leaves an escape that it does not know as it is.
      return "'\"\\".includes(character) ? character : (CONTROLS.get(character) ?? whole);
    }
    if (code > 0x10ffff) throw new ListProblem(at + begin + index, "an escape of at most \\U0010ffff");
    return String.fromCodePoint(code);
  });
}

function found(pattern: RegExp, text: string, at: number): string | null {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? null;
}

function endOf(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  pattern.test(text);
  return pattern.lastIndex;
}
