import { counted } from "../../format/counted.ts";
import { decimalStep } from "../../format/data-settings.ts";
import { DEFAULT_MODEL } from "../../format/spec.ts";
import { l2For, settingsForLog } from "../../trainer/data/default-settings.ts";
import { literal } from "../../trainer/data/sql.ts";
import { labeledSql, labelSql } from "./label.ts";
import { separatorsText } from "./log-numbers.ts";
import { expectedSize, HELD_OUT } from "./log-size.ts";
import type { ColumnPlan, Plan } from "./plan.ts";
import { textSql } from "./text-sql.ts";
import { count, number, share } from "./words.ts";

// A plan as the text of a feature spec, with comments that say why.

/** Columns of a line of comment. */
const MAX_COLUMNS = 120;

/** Writes a plan. `name`: the model's. `head`: sentences of the first comment. */
export function specText(plan: Plan, name: string, head: readonly string[]): string {
  const lines = [
    ...head.flatMap((line) => comment(line, "")),
    "{",
    `  "name": ${json(name)},`,
    ...comment(sentences(labelText(plan)), "  "),
    `  "label": ${json(labelName(plan))},`,
    '  "fields": [',
    ...plan.columns.flatMap(columnLines),
    "  ],",
    '  "data": {',
    ...dataLines(plan),
    "  },",
    ...settingsLines(plan),
    "}",
  ];
  return `${withoutLastCommas(lines).join("\n")}\n`;
}

/** The column of 0 and 1: the log's own, or one that is computed. */
function labelName({ label, survey }: Plan): string {
  if (label.plain) return label.column.name;
  return freeName(
    "label",
    survey.columns.map(({ name }) => name),
  );
}

function freeName(name: string, taken: readonly string[]): string {
  let free = name;
  for (let i = 2; taken.some((other) => other.toLowerCase() === free.toLowerCase()); i++) free = `${name}_${i}`;
  return free;
}

function labelText({ label, survey }: Plan): string[] {
  const { column, reason, yes } = label;
  const clicks = column.counts[column.values.indexOf(yes)] ?? 0;
  const known = column.of.length - (label.no === "" ? 0 : column.absent);
  const rate = `${share(clicks / known)} of ${count(known)} records of ${survey.sample.records < survey.sample.total ? "a sample" : "the log"} are ${yes}`;
  return [`The label is ${column.name}: ${reason}`, rate];
}

function columnLines({ column, use, reasons, fields }: ColumnPlan): string[] {
  if (use === "label" || use === "weight") return [];
  const absent =
    column.absent > 0 && fields.length > 0 ? [`missing in ${share(column.absent / column.of.length)}`] : [];
  const [first = "", ...others] = [...reasons, ...absent];
  const text = use === "left out" ? `${column.name} is left out: ${first}` : `${column.name}: ${first}`;
  return [...comment(sentences([text, ...others]), "    "), ...fields.map((field) => `    ${json(field)},`)];
}

/** What the model and its training have by the numbers of the log. */
function settingsLines(plan: Plan): string[] {
  const size = expectedSize(plan);
  const { batchSize, denseL2, ...model } = settingsForLog(size);
  const why = [
    `Model and training by some ${count(size.records)} records to learn from, ${counted(size.clicks, "click")} and ` +
      `${counted(size.rows, "row")} of values`,
    "without these settings `train` takes them from the log, as it does what depends on the model, too: l2, which is " +
      `${number(l2For(DEFAULT_MODEL, size))} here, and the learning rate`,
  ];
  return [
    ...comment(sentences(why), "  "),
    `  "model": ${json({ type: DEFAULT_MODEL, ...model })},`,
    `  "training": ${json({ batchSize, denseL2: Number(number(denseL2)) })},`,
  ];
}

/** Settings of `data` that say how files are read. */
const READING = ["format", "columns", "delimiter", "quote", "encoding", "decimal", "thousands"] as const;

function dataLines(plan: Plan): string[] {
  const { survey, label, columns } = plan;
  const style = decimalStep(survey.data);
  const lines = READING.flatMap((key) => {
    const value = survey.data[key];
    const line = `    ${json(key)}: ${json(value)},`;
    if (value === undefined) return [];
    return key === "decimal" && style
      ? [...comment(`The log's numbers have ${separatorsText(style)}.`, "    "), line]
      : [line];
  });
  const select: Record<string, string> = {};
  if (!label.plain) {
    const no = label.no === "" ? "nothing" : label.no;
    lines.push(...comment(`${label.column.name} says ${label.yes} or ${no}, and the label 1 or 0.`, "    "));
    select[labelName(plan)] = labelSql(label, survey.sample.format);
  }
  const { split, sql, reason } = splitOf(plan);
  if (sql !== null) {
    lines.push(
      ...comment(
        `${split.by} is ${plan.split.split.kind === "time" ? plan.split.split.by : ""} as a time, to split by.`,
        "    ",
      ),
    );
    select[String(split.by)] = sql;
  }
  if (Object.keys(select).length > 0) lines.push(`    "select": ${json(select)},`);
  if (label.column.absent > 0 && label.no !== "") {
    lines.push(
      ...comment(
        `${counted(label.column.absent, "record")} without ${label.column.name} ${label.column.absent === 1 ? "is" : "are"} left out.`,
        "    ",
      ),
    );
    lines.push(`    "where": ${json(labeledSql(label, survey.sample.format))},`);
  }
  for (const { column, use } of columns) {
    if (use !== "weight") continue;
    lines.push(...comment(`By its name, ${column.name} says how much each record counts.`, "    "));
    lines.push(`    "weight": ${json(column.name)},`);
  }
  return [...lines, ...comment(sentences([`The split: ${reason}`]), "    "), `    "split": ${json(split)},`];
}

/** The split, and SQL of what it goes by where that is no time as the trainer reads one. */
function splitOf({ survey, split: { split, reason } }: Plan): {
  split: Record<string, unknown>;
  sql: string | null;
  reason: string;
} {
  const column = split.kind === "time" ? survey.columns.find(({ name }) => name === split.by) : undefined;
  const format = column?.reading.kind === "time" ? column.reading.style.format : undefined;
  if (!column || format === undefined) return { split: { ...split, ...HELD_OUT }, sql: null, reason };
  const by = freeName(
    `${column.name}_time`,
    survey.columns.map(({ name }) => name),
  );
  const text = textSql(column.name, survey.sample.format);
  return { split: { kind: "time", by, ...HELD_OUT }, sql: `strptime(trim(${text}), ${literal(format)})`, reason };
}

/** JSON on one line, with blanks as people put them. */
function json(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(json).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{ ${members.map(([key, member]) => `${JSON.stringify(key)}: ${json(member)}`).join(", ")} }`;
}

/** Phrases as sentences. */
function sentences(phrases: readonly string[]): string {
  const [first = "", ...others] = phrases;
  return `${[first, ...others.map((phrase) => phrase.charAt(0).toUpperCase() + phrase.slice(1))].join(". ")}.`;
}

/** A comment, in as many lines as it needs. A name of a column may hold anything, but no comment a line end. */
function comment(text: string, indent: string): string[] {
  const lines: string[] = [];
  let line = "";
  // A number stays with its unit.
  const words = text.replace(/[\p{Cc}\u2028\u2029]/gu, " ").split(/ (?!%)/);
  for (const word of words) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (line !== "" && indent.length + 3 + longer.length > MAX_COLUMNS) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return [...lines, line].map((one) => `${indent}// ${one}`);
}

/** Takes the comma away after each last element and member, as some readers want no comma there. */
function withoutLastCommas(lines: readonly string[]): string[] {
  return lines.map((line, i) => {
    if (!line.endsWith(",") || /^\s*\/\//.test(line)) return line;
    const next = lines.slice(i + 1).find((other) => !/^\s*\/\//.test(other));
    return next !== undefined && /^\s*[}\]]/.test(next) ? line.slice(0, -1) : line;
  });
}
