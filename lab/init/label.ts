import { counted } from "../../format/counted.ts";
import { show } from "../../format/errors.ts";
import type { LogFormat } from "../../trainer/data/files.ts";
import { literal } from "../../trainer/data/sql.ts";
import { UserError } from "../../trainer/errors.ts";
import type { Column } from "./column.ts";
import { labelRank } from "./names.ts";
import { textSql } from "./text-sql.ts";

/** A column that can be the label. */
export interface LabelChoice {
  column: Column;
  /** Why it is taken for the label. */
  reason: string;
  /** Its texts that mean a click, and those that mean none. */
  yes: string;
  no: string;
  /** Whether the trainer reads them as they are; otherwise SQL makes 0 and 1 of them. */
  plain: boolean;
  /** Whether they mean yes and no in any log, or it was said which does. */
  certain: boolean;
}

/** Texts that mean a click, and what then means none. */
const PAIRS: readonly (readonly [yes: string, no: string])[] = [
  ["1", "0"],
  ["1.0", "0.0"],
  ["1,0", "0,0"],
  ["true", "false"],
  ["yes", "no"],
  ["y", "n"],
  ["t", "f"],
  ["1", "-1"],
  ["ja", "nein"],
  ["clicked", "not clicked"],
  ["click", "no click"],
];

/** The columns of two values that a label can have, the likeliest first. */
export function labelCandidates(columns: readonly Column[]): LabelChoice[] {
  const found = columns.flatMap((column) => asLabel(column) ?? []);
  const rank = ({ column }: LabelChoice): number => {
    const place = labelRank(column.name);
    return place < 0 ? Number.POSITIVE_INFINITY : place;
  };
  // Texts that say yes and no are surer than two others under a name that says label.
  const sure = found.filter(({ certain }) => certain);
  const order = (some: LabelChoice[]): LabelChoice[] =>
    some.sort((a, b) => (rank(a) === rank(b) ? 0 : rank(a) - rank(b)));
  return [...order(sure), ...order(found.filter(({ certain }) => !certain))];
}

/** The column whose name and values say that it is the label; null where none does, or several do. */
export function guessLabel(columns: readonly Column[]): LabelChoice | null {
  const candidates = labelCandidates(columns);
  const [first] = candidates;
  if (!first) return null;
  const alone = candidates.filter(({ certain }) => certain === first.certain).length === 1;
  return alone || labelRank(first.column.name) >= 0 ? first : null;
}

/**
 * The label: the column that is asked for, or the one whose name and values say so. Throws UserError with the columns
 * that there are where none does.
 */
export function chooseLabel(columns: readonly Column[], log: string, asked?: string): LabelChoice {
  if (asked !== undefined) return askedLabel(columns, log, asked);
  const guess = guessLabel(columns);
  if (guess) return guess;
  const candidates = labelCandidates(columns);
  const clicks = columns.find(
    ({ name, values, absent }) => labelRank(name) >= 0 && values.length === 1 && absent === 0,
  );
  if (clicks && candidates.length === 0)
    throw new UserError(
      `${log}: got ${clicks.name} ${show(clicks.values[0])} in all records, expected records without a click, too, or ` +
        "--label with another column",
    );
  const list = (some: readonly Column[]): string => some.map(valuesText).join("\n");
  if (candidates.length > 0)
    throw new UserError(
      `${log}: got ${candidates.length} columns that can be the label, expected --label with one of them:\n` +
        list(candidates.map(({ column }) => column)),
    );
  throw new UserError(
    `${log}: got no column of two values such as 0 and 1, expected a label; --label names it, and data.select computes ` +
      `one. The columns:\n${list(columns)}`,
  );
}

/** `asked`: a column, or a column, "=" and the one of its two values that means a click. */
function askedLabel(columns: readonly Column[], log: string, asked: string): LabelChoice {
  const { column, yes } = askedColumn(columns, asked);
  if (!column)
    throw new UserError(`${log}: got --label ${asked}, expected one of ${columns.map(({ name }) => name).join(", ")}`);
  const label = asLabel(column, true);
  if (!label)
    throw new UserError(
      `${log}: got --label ${asked}, whose values are not two, expected 0 and 1 or two others:\n${valuesText(column)}`,
    );
  if (yes === null) return { ...label, reason: label.certain ? "you named it" : `you named it, ${rarerText(label)}` };
  const value = column.values.find((text) => text.trim() === yes.trim());
  if (value === undefined)
    throw new UserError(`${log}: got --label ${asked}, expected one of its values after "=":\n${valuesText(column)}`);
  if (value === label.yes) return { ...label, reason: "you named it and its value", certain: true };
  return { ...label, reason: "you named it and its value", yes: value, no: label.yes, plain: false, certain: true };
}

function askedColumn(columns: readonly Column[], asked: string): { column: Column | undefined; yes: string | null } {
  const column = columns.find(({ name }) => name === asked);
  if (column) return { column, yes: null };
  // A name may have a "=" itself: the longest that fits.
  const named = columns
    .filter(({ name }) => asked.startsWith(`${name}=`))
    .sort((a, b) => b.name.length - a.name.length)[0];
  return { column: named, yes: named ? asked.slice(named.name.length + 1) : null };
}

/** Values of a column that a message shows. */
const SHOWN = 4;

function valuesText({ name, values, counts, absent }: Column): string {
  const order = values.map((_, i) => i).sort((a, b) => counts[b] - counts[a]);
  const shown = order.slice(0, SHOWN).map((i) => `${show(values[i])} ${counted(counts[i], "time")}`);
  const others = values.length - SHOWN;
  const more = others > 0 ? [counted(others, "other value")] : [];
  const missing = absent > 0 ? [`missing ${counted(absent, "time")}`] : [];
  return `  ${name}: ${[...shown, ...more, ...missing].join(", ")}`;
}

/** `named`: a person says that it is the label; then any two values are those of one. */
function asLabel(column: Column, named = false): LabelChoice | null {
  const { values, name } = column;
  const [only = ""] = values;
  // A name that says so, and a value that means a click: nothing else is there for none.
  if (values.length === 1 && column.absent > 0 && labelRank(name) >= 0 && isYes(only))
    return {
      column,
      reason: `its name, and its value ${show(only)}, which other records lack`,
      yes: only,
      no: "",
      plain: false,
      certain: true,
    };
  if (values.length !== 2) return null;
  const spelled = values.map((value) => value.trim().toLowerCase());
  for (const [yes, no] of PAIRS) {
    const [y, n] = [spelled.indexOf(yes), spelled.indexOf(no)];
    if (y < 0 || n < 0) continue;
    const plain = (yes.startsWith("1") && no.startsWith("0")) || column.reading.kind === "boolean";
    const texts = `${show(values[y])} and ${show(values[n])}`;
    const reason = labelRank(name) < 0 ? `it is the one column of ${texts}` : `its name, and its values ${texts}`;
    return { column, reason, yes: values[y], no: values[n], plain, certain: true };
  }
  const words = wordLabel(column);
  if (named || labelRank(name) >= 0) return words;
  // Of any other column, opposites alone can be a label, where nothing else can.
  return words.certain
    ? { ...words, reason: `it is the one column of ${show(words.yes)} and ${show(words.no)}`, certain: false }
    : null;
}

/** The label of two texts that are no usual ones: their sense, or else their numbers, say which means a click. */
function wordLabel(column: Column): LabelChoice {
  const [a = "", b = ""] = column.values;
  const [yes, no] = isAgainst(b, a) ? [a, b] : isAgainst(a, b) ? [b, a] : [];
  const texts = `${show(a)} and ${show(b)}`;
  if (yes !== undefined && no !== undefined)
    return { column, reason: `its name, and its values ${texts}`, yes, no, plain: false, certain: true };
  const [first = 0, second = 0] = column.counts;
  const [rarer, other] = first <= second ? [a, b] : [b, a];
  const label = { column, reason: "", yes: rarer, no: other, plain: false, certain: false };
  return { ...label, reason: `its name, ${rarerText(label)}` };
}

function rarerText({ column, yes, no }: Pick<LabelChoice, "column" | "yes" | "no">): string {
  return (
    `and ${show(yes)} is the rarer of its two values, so that it stands for a click; ` +
    `--label '${column.name}=${no}' takes the other`
  );
}

/** Whether a text says the opposite of another: "not sold" of "sold", "<=50K" of ">50K". */
function isAgainst(text: string, other: string): boolean {
  const [no, yes] = [text, other].map((word) => word.trim().toLowerCase().replace(/\.$/, ""));
  if (no === undefined || yes === undefined) return false;
  if (/^>=?/.test(yes)) return /^<=?/.test(no);
  return ["not", "no", "non", "un", "in"].some(
    (word) =>
      [word, `${word} `, `${word}-`, `${word}_`].includes(no.slice(0, -yes.length)) &&
      no.endsWith(yes) &&
      yes.length > 2,
  );
}

function isYes(value: string): boolean {
  return PAIRS.some(([yes]) => yes === value.trim().toLowerCase());
}

/** SQL that makes 0 and 1 of a label's texts, in a log of a format. */
export function labelSql({ column, yes, no }: LabelChoice, format: LogFormat): string {
  const text = plainSql(column, format);
  if (no === "") return `CASE ${text} WHEN ${plainText(yes)} THEN 1 ELSE 0 END`;
  return `CASE ${text} WHEN ${plainText(yes)} THEN 1 WHEN ${plainText(no)} THEN 0 END`;
}

/** SQL of whether a record has a label, where some have none: nothing, or a text that means a missing value. */
export function labeledSql({ column }: LabelChoice, format: LogFormat): string {
  return `${plainSql(column, format)} NOT IN (${["", ...column.missing].map(plainText).join(", ")})`;
}

function plainSql({ name }: Column, format: LogFormat): string {
  return `lower(trim(${textSql(name, format)}))`;
}

function plainText(value: string): string {
  return literal(value.trim().toLowerCase());
}

/** The label of each record: 0 or 1, and 255 where it is missing. */
export function labelsOf({ column, yes, no }: LabelChoice): Uint8Array {
  const missing = no === "" ? 0 : 255;
  return Uint8Array.from(column.of, (i) => (i < 0 ? missing : column.values[i] === yes ? 1 : 0));
}
