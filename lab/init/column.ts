import { type RawValue, textOf } from "../../format/raw-value.ts";
import { type ColumnSample, jsonOf } from "../../trainer/profile/column-sample.ts";
import { type Spelling, spelled, spellingOf } from "../../trainer/profile/spelling.ts";
import { areLists, type ListStyle, listStyleOf } from "./lists.ts";
import { markOf, unmarked } from "./marks.ts";
import { missingTexts } from "./missing.ts";
import { type NumberFacts, type NumberStyle, numberFacts, styleOf } from "./numbers.ts";
import { type TimeStyle, timeStyleOf } from "./times.ts";

/** What the values of a column are. */
export type Reading =
  | { kind: "empty" | "nested" | "boolean" }
  /**
   * `mark`: what stands beside each number, as $ does. `padded`: some have zeros before their digits. `pointZero`: all
   * are whole and written as 3.0.
   */
  | {
      kind: "number";
      style: NumberStyle | null;
      mark: string | null;
      facts: NumberFacts;
      padded: boolean;
      pointZero: boolean;
    }
  | { kind: "time"; style: TimeStyle; least: number; most: number }
  | {
      kind: "list";
      style: ListStyle | null;
      elements: ReadonlyMap<string, number>;
      spelling: Spelling | null;
      longest: number;
    }
  | { kind: "text"; spelling: Spelling | null };

/** A column of a sample of records, and what it was found to be. */
export interface Column {
  name: string;
  reading: Reading;
  /** Texts that mean a missing value, in any number of spellings. */
  missing: readonly string[];
  /** Texts that are no such value as all others are: "free" among prices. */
  strangers: readonly string[];
  /** For each record, the number of its value as a model would see it; -1 where it is missing. */
  of: Int32Array;
  /** Those values' texts, how many records have each, and numbers or seconds where they are such. */
  values: readonly string[];
  counts: readonly number[];
  numbers: readonly number[] | null;
  /** Records without a value. */
  absent: number;
}

/** Different texts by which lists, times and numbers are told; more would tell no more. */
const LOOKED_AT = 5000;
/** A few words may stand among numbers, and are then taken for missing values. */
const MOST_STRANGERS = 3;
const STRANGE_RECORDS = 0.05;

/** `european`: whether commas are likely before fractions. */
export function columnOf(sample: ColumnSample, european: boolean): Column {
  const { values, counts } = sample;
  const present = values.map((raw, i) => ({ raw, count: counts[i] })).filter(({ raw }) => !isMissing(raw));
  const kinds = new Set(present.map(({ raw }) => kindOf(raw)));
  if (present.length === 0) return settled(sample, { kind: "empty" }, [], [], () => null);
  if (kinds.has("nested"))
    return settled(sample, { kind: "nested" }, [], [], (raw) => (isMissing(raw) ? null : jsonOf(raw)));
  if (kinds.has("list")) return listColumn(sample, null, []);
  if (kinds.size === 1 && kinds.has("boolean")) return settled(sample, { kind: "boolean" }, [], [], textOrNull);

  const texts = present.map(({ raw }) => textOf(raw) ?? String(raw));
  const missing = missingTexts(texts);
  const words = new Set(missing);
  const known = present.filter(({ raw }) => !words.has(String(raw)));
  const knownTexts = known.map(({ raw }) => textOf(raw) ?? String(raw));
  if (known.length === 0) return settled(sample, { kind: "empty" }, missing, [], () => null);

  const looked = knownTexts.slice(0, LOOKED_AT);
  const time = timeStyleOf(sample.name, looked);
  if (time && (looked === knownTexts || knownTexts.every((text) => time.read(text) !== null)))
    return timeColumn(sample, time, missing);
  const number = numberColumn(
    sample,
    knownTexts,
    known.map(({ count }) => count),
    missing,
    european,
  );
  if (number) return number;
  const list = listStyleOf(looked);
  if (list && !list.words && isWhole(list, knownTexts)) return listColumn(sample, list, missing);
  return textColumn(sample, knownTexts, missing);
}

/** A column whose values no record can have, and of which nothing is known. */
export function nestedColumn(name: string, records: number): Column {
  const unknown = { missing: [], strangers: [], values: [], counts: [], numbers: null, absent: 0 };
  return { name, reading: { kind: "nested" }, of: new Int32Array(records).fill(-1), ...unknown };
}

/** Whether a list's syntax holds beyond the texts that were looked at. */
function isWhole({ syntax }: ListStyle, texts: readonly string[]): boolean {
  return syntax === undefined || areLists(texts, syntax);
}

type Kind = "text" | "number" | "boolean" | "list" | "nested";

function kindOf(raw: RawValue): Kind {
  if (typeof raw === "object" && raw !== null)
    return Array.isArray(raw) && raw.every((item) => typeof item !== "object" || item === null) ? "list" : "nested";
  if (typeof raw === "boolean") return "boolean";
  return typeof raw === "string" ? "text" : "number";
}

function isMissing(raw: RawValue): boolean {
  return raw === null || raw === undefined || raw === "";
}

function textOrNull(raw: RawValue): string | null {
  return isMissing(raw) ? null : (textOf(raw) ?? String(raw));
}

function timeColumn(sample: ColumnSample, style: TimeStyle, missing: readonly string[]): Column {
  const column = settled(sample, { kind: "empty" }, missing, [], textOrNull, (text) => style.read(text) ?? Number.NaN);
  const seconds = (column.numbers ?? []).filter(Number.isFinite);
  const [least, most] = [seconds.reduce((a, b) => Math.min(a, b)), seconds.reduce((a, b) => Math.max(a, b))];
  return { ...column, reading: { kind: "time", style, least, most } };
}

function numberColumn(
  sample: ColumnSample,
  texts: readonly string[],
  counts: readonly number[],
  missing: readonly string[],
  european: boolean,
): Column | null {
  const mark = markOf(texts);
  const bare = mark === null ? (text: string): string => text : unmarked;
  const { style, read: readBare } = styleOf(texts.map(bare), european);
  const read = (text: string): number | null => readBare(bare(text));
  const numbers = texts.map(read);
  const strange = texts.filter((_, i) => numbers[i] === null);
  const strangeRecords = counts.filter((_, i) => numbers[i] === null).reduce((a, b) => a + b, 0);
  const total = counts.reduce((a, b) => a + b, 0);
  if (strange.length > 0) {
    const few = strange.length <= MOST_STRANGERS && texts.length >= 4 * strange.length;
    if (!few || strangeRecords > STRANGE_RECORDS * total || strange.some((text) => /\d/.test(text))) return null;
  }
  const facts = numberFacts(numbers.flatMap((x, i) => (x === null ? [] : [[x, counts[i]] as const])));
  const padded = texts.some((text) => /^\s*0\d/.test(text));
  const pointZero = facts.whole && texts.some((text) => /\.0+\s*$/.test(text));
  const strangers = new Set(strange);
  const known = (raw: RawValue): string | null => {
    const text = textOrNull(raw);
    return text === null || strangers.has(text) ? null : text;
  };
  const reading: Reading = { kind: "number", style, mark, facts, padded, pointZero };
  return settled(sample, reading, missing, strange, known, (text) => read(text) ?? Number.NaN);
}

function listColumn(sample: ColumnSample, style: ListStyle | null, missing: readonly string[]): Column {
  const split = (raw: RawValue): readonly string[] => {
    if (Array.isArray(raw)) return raw.filter((item) => !isMissing(item)).map((item) => textOf(item) ?? String(item));
    const text = textOrNull(raw);
    return text === null ? [] : (style ?? { split: (one: string) => one.split("|") }).split(text);
  };
  const words = new Set(missing);
  const elements = new Map<string, number>();
  let longest = 0;
  for (const [i, raw] of sample.values.entries()) {
    if (words.has(String(raw))) continue;
    const list = split(raw);
    longest = Math.max(longest, list.length);
    for (const element of new Set(list)) elements.set(element, (elements.get(element) ?? 0) + sample.counts[i]);
  }
  const reading: Reading = { kind: "list", style, elements, spelling: spellingOf([...elements.keys()]), longest };
  return settled(sample, reading, missing, [], (raw) => {
    const list = split(raw);
    return list.length === 0 ? null : list.join("|");
  });
}

function textColumn(sample: ColumnSample, texts: readonly string[], missing: readonly string[]): Column {
  const spelling = spellingOf(texts);
  return settled(sample, { kind: "text", spelling }, missing, [], (raw) => {
    const text = textOrNull(raw);
    return text === null || spelling === null ? text : spelled(text, spelling.steps);
  });
}

/** A column whose raw values become the texts that a model would see; null is a missing one. */
function settled(
  { name, values: raws, counts: rawCounts, of: rawOf }: ColumnSample,
  reading: Reading,
  missing: readonly string[],
  strangers: readonly string[],
  textFor: (raw: RawValue) => string | null,
  numberFor?: (text: string) => number,
): Column {
  const words = new Set(missing);
  const index = new Map<string, number>();
  const counts: number[] = [];
  const numberOfRaw = raws.map((raw, i) => {
    const text = words.has(String(raw)) ? null : textFor(raw);
    if (text === null || text === "") return -1;
    const known = index.get(text) ?? index.size;
    index.set(text, known);
    counts[known] = (counts[known] ?? 0) + rawCounts[i];
    return known;
  });
  const of = Int32Array.from(rawOf, (i) => numberOfRaw[i]);
  const values = [...index.keys()];
  const absent = of.reduce((sum, i) => sum + (i < 0 ? 1 : 0), 0);
  return {
    name,
    reading,
    missing,
    strangers,
    of,
    values,
    counts,
    numbers: numberFor ? values.map(numberFor) : null,
    absent,
  };
}
