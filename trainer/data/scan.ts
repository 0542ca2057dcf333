import type { DuckDBConnection } from "@duckdb/node-api";
import { FormatError, show } from "../../format/errors.ts";
import type { DataSettings } from "../../format/spec.ts";
import type { LogFiles } from "./files.ts";
import { findRecord } from "./lines.ts";
import { identifier, literal } from "./sql.ts";

// How DuckDB reads each format: an SQL relation over the files, and the names that its columns have in the log.

/** A column of the log: its name there, and its SQL over the relation. */
export interface LogColumn {
  name: string;
  sql: string;
}

export interface Scan {
  /** SQL that reads these files, in their order. */
  relation(files: readonly string[]): string;
  columns: LogColumn[];
  /**
   * How to find a record in a text file: lines of its header, whether line breaks may be quoted, whether a blank line
   * is a record, and what separates cells. Null where the file is not text.
   */
  text: { header: number; quoted: boolean; blanks: boolean; delimiter: string | null } | null;
}

/** JSON lines whose keys are taken for the columns. */
const JSON_SAMPLE = 10_000;

export function scanLog(log: LogFiles, data: DataSettings, connection: DuckDBConnection): Promise<Scan> {
  if (data.columns && log.format !== "csv" && log.format !== "tsv")
    throw new FormatError("data.columns", `got names for ${log.format}, expected them for CSV or TSV only`);
  switch (log.format) {
    case "csv":
      return scanText(log, data, ",");
    case "tsv":
      return scanText(log, data, "\t");
    case "jsonl":
      return scanJson(log, data, connection);
    case "parquet":
      return scanParquet(log, data, connection);
    case "libsvm":
    case "libffm":
      return Promise.resolve(scanSparse(log.format));
  }
}

const listOf = (files: readonly string[]): string => `[${files.map(literal).join(", ")}]`;
const hiveOf = ({ hive }: DataSettings): string => `hive_partitioning = ${hive}, hive_types_autocast = false`;

/** The columns that the names of folders give: key=value. */
function hiveColumns({ files }: LogFiles, { hive }: DataSettings): LogColumn[] {
  const parts = hive ? (files[0] ?? "").split(/[/\\]/).slice(0, -1) : [];
  return parts.flatMap((part) => {
    const name = /^([^=]+)=/.exec(part)?.[1];
    return name === undefined ? [] : [{ name, sql: identifier(name) }];
  });
}

/**
 * Columns are named by their place, as SQL takes User and user for one name. A cell is text unless `types` says
 * otherwise.
 */
async function scanText(log: LogFiles, data: DataSettings, delimiter: string): Promise<Scan> {
  const names = data.columns ?? (await headerOf(log.files, delimiter));
  const columns = names.map((name, i) => ({ name, sql: `c${i}` }));
  const types = columns.map(({ name, sql }) => `${sql}: ${literal(data.types[name] ?? "VARCHAR")}`).join(", ");
  return {
    relation: (files) => `read_csv(${listOf(files)}, columns = {${types}}, delim = ${literal(delimiter)},
      header = ${!data.columns}, quote = '"', escape = '"', auto_detect = false, strict_mode = true,
      null_padding = false, ${hiveOf(data)})`,
    columns: [...columns, ...hiveColumns(log, data)],
    text: { header: data.columns ? 0 : 1, quoted: true, blanks: names.length === 1, delimiter },
  };
}

/** The names in the header. Throws FormatError where the files' headers differ. */
async function headerOf(files: readonly string[], delimiter: string): Promise<string[]> {
  let first: string[] | null = null;
  for (const file of files) {
    const names = await readHeader(file, delimiter);
    first ??= names;
    if (names.length !== first.length || names.some((name, i) => name !== first?.[i]))
      throw new FormatError(
        `${file}, line 1`,
        `got the header ${names.map(show).join(", ")}, expected that of ${files[0]}: ${first.map(show).join(", ")}`,
      );
  }
  return first ?? [];
}

async function readHeader(file: string, delimiter: string): Promise<string[]> {
  let found: Awaited<ReturnType<typeof findRecord>>;
  try {
    found = await findRecord(file, 0, true, false);
  } catch (error) {
    throw new FormatError(file, `got a damaged file: ${(error as Error).message}`);
  }
  if (!found) throw new FormatError(file, "got an empty file, expected a header and rows");
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(found.bytes); // which drops a byte order mark
  } catch {
    throw new FormatError(`${file}, line ${found.line}`, "got a header that is not UTF-8");
  }
  return cellsOf(text.replace(/\r$/, ""), delimiter);
}

/** The cells of one record's text. */
export function cellsOf(text: string, delimiter: string): string[] {
  const cell = new RegExp(`("(?:[^"]|"")*"|[^${delimiter}]*)(${delimiter}|$)`, "y");
  const cells: string[] = [];
  for (let more = true; more; ) {
    const match = cell.exec(text);
    if (!match) break;
    more = match[2] !== ""; // a delimiter at the end has one more column after it, without a name
    cells.push((match[1] ?? "").replace(/^"(.*)"$/s, "$1").replaceAll('""', '"'));
  }
  return cells;
}

/**
 * Cells are JSON, so that a record means what it would mean in a request. The columns are the keys of the first
 * records.
 */
async function scanJson(log: LogFiles, data: DataSettings, connection: DuckDBConnection): Promise<Scan> {
  const objects = `read_json_objects(${listOf(log.files)}, format = 'newline_delimited')`;
  const keys = await connection.runAndReadAll(
    `SELECT DISTINCT unnest(json_keys(json)) AS key
     FROM (SELECT json FROM ${objects} LIMIT ${JSON_SAMPLE}) ORDER BY key`,
  );
  const names = [...new Set([...keys.getRows().map(([key]) => String(key)), ...Object.keys(data.types)])];
  if (names.length === 0) throw new FormatError(log.name, "got no key in any line, expected JSON objects");
  const types = names.map((name) => `${literal(name)}: ${literal(data.types[name] ?? "JSON")}`).join(", ");
  return {
    relation: (files) =>
      `read_json(${listOf(files)}, format = 'newline_delimited', columns = {${types}}, ${hiveOf(data)})`,
    columns: [...names.map((name) => ({ name, sql: identifier(name) })), ...hiveColumns(log, data)],
    text: { header: 0, quoted: false, blanks: false, delimiter: null },
  };
}

async function scanParquet(log: LogFiles, data: DataSettings, connection: DuckDBConnection): Promise<Scan> {
  // Text is often not marked as such in Parquet.
  const relation = (files: readonly string[]): string =>
    `read_parquet(${listOf(files)}, binary_as_string = true, ${hiveOf(data)})`;
  const empty = await connection.run(`SELECT * FROM ${relation(log.files)} LIMIT 0`);
  return { relation, columns: empty.columnNames().map((name) => ({ name, sql: identifier(name) })), text: null };
}

/** SQL that reads whole lines, under the name `line`. */
export function wholeLines(files: readonly string[]): string {
  return `read_csv(${listOf(files)}, columns = {'line': 'VARCHAR'}, delim = '\\x01', quote = '', escape = '',
    header = false, auto_detect = false, hive_partitioning = false)`;
}

const NUMBER = String.raw`[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?`;

/** What a line of libsvm or libffm has after its label, any number of times. */
export const SPARSE_TOKEN = {
  libsvm: { name: "index:value", pattern: String.raw`\d+:${NUMBER}` },
  libffm: { name: "field:index:value", pattern: String.raw`\d+:\d+:${NUMBER}` },
};

/** SQL of whether `line` is a line of that format. */
export function isSparseLine(format: keyof typeof SPARSE_TOKEN): string {
  return `regexp_full_match(line, ${literal(String.raw`\s*[^\s:]+(\s+${SPARSE_TOKEN[format].pattern})*\s*`)})`;
}

/**
 * libsvm and libffm have the columns `label`, with −1 as 0, and the lists `features` and `values`; libffm has the list
 * `fields`, too. Further columns are named by numbers: see `sparseColumn`.
 */
function scanSparse(format: "libsvm" | "libffm"): Scan {
  const part = (i: number, type: string): string =>
    `list_transform(tokens, lambda token: CAST(split_part(token, ':', ${i}) AS ${type}))`;
  const parts: LogColumn[] =
    format === "libsvm"
      ? [
          { name: "features", sql: part(1, "BIGINT") },
          { name: "values", sql: part(2, "DOUBLE") },
        ]
      : [
          { name: "fields", sql: part(1, "BIGINT") },
          { name: "features", sql: part(2, "BIGINT") },
          { name: "values", sql: part(3, "DOUBLE") },
        ];
  return {
    relation: (files) => `(SELECT cells[1] AS label, cells[2:] AS tokens
      FROM (SELECT CASE WHEN ${isSparseLine(format)} THEN string_split_regex(trim(line), '\\s+')
                        ELSE error('bad line') END AS cells
      FROM ${wholeLines(files)} WHERE line IS NOT NULL))`,
    columns: [{ name: "label", sql: "CASE label WHEN '-1' THEN '0' WHEN '+1' THEN '1' ELSE label END" }, ...parts],
    text: { header: 0, quoted: false, blanks: false, delimiter: null },
  };
}

/**
 * SQL, over `fields`, `features` and `values`, of the column that a number n names: the value of index n in libsvm; the
 * features of field n in libffm, whose value is the column "n.value". Null where `name` is no such name.
 */
export function sparseColumn(format: LogFiles["format"], name: string): string | null {
  const [, n, value] = /^(\d+)(\.value)?$/.exec(name) ?? [];
  if (n === undefined) return null;
  if (format === "libsvm" && !value) return `"values"[list_position(features, ${n})]`;
  if (format !== "libffm") return null;
  if (value) return `"values"[list_position("fields", ${n})]`;
  return `list_transform(list_filter(list_zip("fields", features), lambda pair: pair[1] = ${n}), lambda pair: pair[2])`;
}
