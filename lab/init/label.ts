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
  return found.sort((a, b) => (rank(a) === rank(b) ? 0 : rank(a) - rank(b)));
}

/** The column whose name and values say that it is the label; null where none does, or several do. */
export function guessLabel(columns: readonly Column[]): LabelChoice | null {
  const candidates = labelCandidates(columns);
  const [first] = candidates;
  if (!first) return null;
  return candidates.length === 1 || labelRank(first.column.name) >= 0 ? first : null;
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

function askedLabel(columns: readonly Column[], log: string, asked: string): LabelChoice {
  const column = columns.find(({ name }) => name === asked);
  if (!column)
    throw new UserError(`${log}: got --label ${asked}, expected one of ${columns.map(({ name }) => name).join(", ")}`);
  const label = asLabel(column);
  if (label) return { ...label, reason: "you named it" };
  throw new UserError(`${log}: got --label ${asked} with other values than 0 and 1:\n${valuesText(column)}`);
}

/** Values of a column that a message shows. */
const SHOWN = 4;

function valuesText({ name, values, counts, absent }: Column): string {
  const order = values.map((_, i) => i).sort((a, b) => counts[b] - counts[a]);
  const shown = order.slice(0, SHOWN).map((i) => `${show(values[i])} ${counts[i].toLocaleString("en")} times`);
  const others = values.length - SHOWN;
  const more = others > 0 ? [`${others.toLocaleString("en")} other value${others > 1 ? "s" : ""}`] : [];
  const missing = absent > 0 ? [`missing ${absent.toLocaleString("en")} times`] : [];
  return `  ${name}: ${[...shown, ...more, ...missing].join(", ")}`;
}

function asLabel(column: Column): LabelChoice | null {
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
    };
  if (values.length !== 2) return null;
  const spelled = values.map((value) => value.trim().toLowerCase());
  for (const [yes, no] of PAIRS) {
    const [y, n] = [spelled.indexOf(yes), spelled.indexOf(no)];
    if (y < 0 || n < 0) continue;
    const plain = (yes.startsWith("1") && no.startsWith("0")) || column.reading.kind === "boolean";
    const texts = `${show(values[y])} and ${show(values[n])}`;
    const reason = labelRank(name) < 0 ? `it is the one column of ${texts}` : `its name, and its values ${texts}`;
    return { column, reason, yes: values[y], no: values[n], plain };
  }
  return null;
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
export function labelledSql({ column }: LabelChoice, format: LogFormat): string {
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
