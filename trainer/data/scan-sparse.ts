import type { LogFormat } from "./files.ts";
import type { LogColumn, Scan, ScanInput } from "./scan.ts";
import { literal } from "./sql.ts";
import { LINE, linesOf } from "./whole-lines.ts";

export type SparseFormat = "libsvm" | "libffm";

/** What may stand between tokens, and around them. */
const BLANKS = String.raw`[ \t\f\r]+`;
const NUMBER = String.raw`[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?`;

/** What a line of libsvm or libffm has after its label, any number of times. */
const SPARSE_TOKEN = {
  libsvm: { name: "index:value", pattern: String.raw`\d+:${NUMBER}` },
  libffm: { name: "field:index:value", pattern: String.raw`\d+:\d+:${NUMBER}` },
};

/** SQL of whether the text `line` is a line of that format. */
function isSparseLine(format: SparseFormat): string {
  return `regexp_full_match(line, ${literal(`[^: \\t\\f\\r]+(${BLANKS}${SPARSE_TOKEN[format].pattern})*`)})`;
}

/** What DuckDB's error says of a line that is not of its format. */
const BAD_LINE = "bad line";

/**
 * libsvm and libffm have the columns `label`, with −1 as 0, and the lists `features` and `values`; libffm has the list
 * `fields`, too. Further columns are named by numbers: see `sparseColumn`.
 */
export function scanSparse(input: ScanInput, format: SparseFormat): Scan {
  const part = (i: number, type: string): string =>
    `list_transform(tokens, lambda token: CAST(split_part(token, ':', ${i}) AS ${type}))`;
  const parts: LogColumn[] =
    format === "libsvm"
      ? [
          { name: "features", sql: part(1, "UBIGINT") },
          { name: "values", sql: part(2, "DOUBLE") },
        ]
      : [
          { name: "fields", sql: part(1, "UBIGINT") },
          { name: "features", sql: part(2, "UBIGINT") },
          { name: "values", sql: part(3, "DOUBLE") },
        ];
  const trimmed = `regexp_replace(${LINE}, ${literal(`^${BLANKS}|${BLANKS}$`)}, '', 'g')`;
  return {
    relation: (files) => `(SELECT *, cells[1] AS label, cells[2:] AS tokens
      FROM (SELECT * EXCLUDE (line), CASE WHEN ${isSparseLine(format)} THEN string_split_regex(line, ${literal(BLANKS)})
                                     ELSE error(${literal(BAD_LINE)}) END AS cells
      FROM (SELECT *, ${trimmed} AS line FROM ${linesOf(input, files)})))`,
    columns: [
      { name: "label", sql: String.raw`CASE WHEN regexp_full_match(label, '-1(\.0*)?') THEN '0' ELSE label END` },
      ...parts,
    ],
    hidden: [],
    partial: new Map(),
    text: { header: 0, delimiter: null, blanks: false },
    cells: () => [],
    warnings: [],
  };
}

const BETWEEN = new RegExp(BLANKS);
const AROUND = new RegExp(`^${BLANKS}|${BLANKS}$`, "g");

/** The largest index: one is often a hash of 64 bits. */
const MAX_INDEX = 2n ** 64n - 1n;

/** What is wrong with a line's text, and in which of its parts, from 1; null where nothing is. */
export function sparseProblem(format: SparseFormat, line: string): { column: number; problem: string } | null {
  const { name, pattern } = SPARSE_TOKEN[format];
  const [label = "", ...tokens] = line.replace(AROUND, "").split(BETWEEN);
  if (label.includes(":")) return { column: 1, problem: `got ${JSON.stringify(label)}, expected a label first` };
  const whole = new RegExp(`^${pattern}$`);
  for (const [i, token] of tokens.entries()) {
    const got = { column: i + 2, problem: `got ${JSON.stringify(token)}, expected ${name}` };
    if (!whole.test(token)) return got;
    const numbers = token.split(":");
    const value = Number(numbers.pop());
    if (!Number.isFinite(value)) return { ...got, problem: `${got.problem} with a finite value` };
    if (numbers.some((digits) => BigInt(digits) > MAX_INDEX))
      return { ...got, problem: `${got.problem} with whole numbers below 2^64` };
  }
  return null;
}

/**
 * SQL, over `fields`, `features` and `values`, of the column that a number n names: the value of index n in libsvm; the
 * features of field n in libffm, whose value is the column "n.value". Null where `name` is no such name.
 */
export function sparseColumn(format: LogFormat, name: string): string | null {
  const [, n, value] = /^(\d+)(\.value)?$/.exec(name) ?? [];
  if (n === undefined) return null;
  if (format === "libsvm" && !value) return `"values"[list_position(features, ${n})]`;
  if (format !== "libffm") return null;
  if (value) return `"values"[list_position("fields", ${n})]`;
  return `list_transform(list_filter(list_zip("fields", features), lambda pair: pair[1] = ${n}), lambda pair: pair[2])`;
}
