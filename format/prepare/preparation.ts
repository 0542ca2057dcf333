import { FormatError, show } from "../errors.ts";
import { isRounded, numberOf, type RawValue, textOf } from "../raw-value.ts";
import { numberReader, styleText } from "./decimal.ts";
import { ListProblem, type ListSyntax, listElements } from "./list-text.ts";
import { Pattern } from "./pattern.ts";
import { type Step, stepName } from "./steps.ts";
import { expectedTime, timePart } from "./time-part.ts";

// What the steps of a field make of a raw value. FORMAT.md, "Preparation", defines each.

/** What a field's values go through before they are encoded. */
export interface Preparation {
  /** A value of a field with one value, or a list's element. Throws FormatError at `prepare[i]`. */
  value(raw: RawValue): RawValue;
  /** The elements of a cell that is one text; null where the steps have no list. Throws FormatError as `value` does. */
  elements: ((raw: RawValue) => Iterable<RawValue>) | null;
  /** The most UTF-16 units that a text of one can become. */
  growth: number;
}

/** A step at work. It gets no missing value: that stays missing. */
type Work = (raw: RawValue) => RawValue;

/** Makes the preparation of a field's steps. `type`: the field's, as a numeric field's numbers have no limit. */
export function preparation(steps: readonly Step[], type: string): Preparation {
  const textOfValue = type === "numeric" ? numericText : textOf;
  const works = steps.map((step, i) => work(step, `prepare[${i}]`, textOfValue));
  const at = steps.findIndex((step) => stepName(step) === "list");
  const growth = growthOf(steps);
  if (at < 0) return { value: inTurn(works), elements: null, growth };
  const { list } = steps[at] as { list: ListSyntax };
  const cell = inTurn(works.slice(0, at));
  return {
    value: inTurn(works.slice(at + 1)),
    elements: (raw) => elementsOf(cell(raw), list, `prepare[${at}]`),
    growth,
  };
}

function inTurn(works: readonly Work[]): Work {
  return (raw) => {
    let value = raw;
    for (const one of works) {
      if (value === "" || value === null || value === undefined) return null;
      value = one(value);
    }
    return value;
  };
}

/** The longest that Unicode's mappings make of one UTF-16 unit: of ΐ in upper case, and of U+FDFA under NFKC. */
const CASE_GROWTH = 3;
const NFC_GROWTH = 3;
const NFKC_GROWTH = 18;

function growthOf(steps: readonly Step[]): number {
  const has = (name: Step): boolean => steps.includes(name);
  const normal = has("nfkc") ? NFKC_GROWTH : has("nfc") ? NFC_GROWTH : 1;
  return normal * (has("upper") || has("lower") ? CASE_GROWTH : 1);
}

function work(step: Step, place: string, textOfValue: TextOf): Work {
  const ofText = (change: (text: string) => string | null): Work => {
    return (raw) => change(textOfValue(raw) ?? refuseText(place, raw));
  };
  switch (step) {
    case "trim":
      return ofText((text) => text.trim());
    case "spaces":
      return ofText((text) => text.replace(/\s+/g, " "));
    case "lower":
      return ofText((text) => text.toLowerCase());
    case "upper":
      return ofText((text) => text.toUpperCase());
    case "nfc":
      return ofText((text) => normalized(text, "NFC", place));
    case "nfkc":
      return ofText((text) => normalized(text, "NFKC", place));
    case "log":
      // As float32, so that the last bit of an implementation's logarithm does not decide about an interval.
      return (raw) => {
        const x = numberFor(raw, place);
        return Math.fround(Math.sign(x) * Math.log1p(Math.abs(x)));
      };
  }
  if ("missing" in step) {
    const missing = new Set(step.missing);
    return (raw) => (typeof raw !== "object" && missing.has(String(raw)) ? null : raw);
  }
  if ("decimal" in step) {
    const read = numberReader(step);
    return (raw) => {
      const x = read(raw) ?? Number.NaN;
      return Number.isFinite(x) ? x : refuse(place, raw, `a number ${styleText(step)}`);
    };
  }
  if ("time" in step) {
    const part = timePart(step);
    return (raw) => part(raw) ?? refuse(place, raw, expectedTime(step));
  }
  if ("clip" in step) {
    const [low, high] = step.clip;
    return (raw) => Math.min(high, Math.max(low, numberFor(raw, place)));
  }
  if ("prefix" in step) return ofText((text) => prefixOf(text, step.prefix));
  if ("capture" in step) {
    const pattern = new Pattern(step.capture);
    return ofText((text) => pattern.capture(text));
  }
  return (raw) => raw; // a list, which `preparation` takes apart
}

/** The text of a value for a step that takes texts; null where it has none. */
type TextOf = (raw: RawValue) => string | null;

/**
 * The text of a numeric field's value: true is 1, and a number may be beyond 2^53, as no row is chosen by its digits.
 */
function numericText(raw: RawValue): string | null {
  if (typeof raw === "boolean") return raw ? "1" : "0";
  return typeof raw === "number" && Number.isFinite(raw) ? String(raw) : textOf(raw);
}

function refuseText(place: string, raw: RawValue): never {
  refuse(place, raw, isRounded(raw) ? "integers beyond 2^53 as text" : "a text, a number, true or false");
}

function numberFor(raw: RawValue, place: string): number {
  const x = numberOf(raw);
  return x === null || Number.isNaN(x) ? refuse(place, raw, "a number") : x;
}

/** Combining marks, and what becomes one under NFKC without being one. */
const MARKS = /[\p{M}\uff9e\uff9f]+/gu;
/**
 * UTF-16 units of the longest run of marks that is normalized. Sorting a run takes time that is squared in it: of
 * 65,536 marks half a minute. Words have a few in a row, and Unicode's stream-safe texts 30.
 */
const MAX_MARKS = 256;

function normalized(text: string, form: "NFC" | "NFKC", place: string): string {
  if (text.length > MAX_MARKS)
    for (const [run] of text.matchAll(MARKS))
      if (run.length > MAX_MARKS) refuse(place, text, `at most ${MAX_MARKS} combining marks in a row`);
  return text.normalize(form);
}

/** The first `length` characters, which are code points. */
function prefixOf(text: string, length: number): string {
  let end = 0;
  for (let i = 0; i < length && end < text.length; i++) end += (text.codePointAt(end) ?? 0) > 0xffff ? 2 : 1;
  return text.slice(0, end);
}

function* elementsOf(raw: RawValue, syntax: ListSyntax, place: string): Generator<RawValue> {
  if (raw === null || raw === undefined || raw === "") return;
  const text = textOf(raw) ?? refuseText(place, raw);
  try {
    yield* listElements(text, syntax);
  } catch (error) {
    if (!(error instanceof ListProblem)) throw error;
    const name = syntax === "json" ? "JSON" : "Python";
    const where =
      error.at === 0 ? "" : ` with ${show(text.slice(error.at, error.at + 20))} at character ${error.at + 1}`;
    throw new FormatError(place, `got ${show(text)}${where}, expected ${error.message} in a list of ${name}`);
  }
}

function refuse(place: string, raw: RawValue, expected: string): never {
  throw new FormatError(place, `got ${show(raw)}, expected ${expected}`);
}
