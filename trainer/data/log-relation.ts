import { type DuckDBType, DuckDBVarCharType } from "@duckdb/node-api";
import { FormatError, show } from "../../format/errors.ts";
import { isJson, isRefused } from "./cell.ts";
import type { LogFiles } from "./files.ts";
import { type LogDatabase, ROW } from "./log-database.ts";
import type { LogColumn, Scan } from "./scan.ts";
import { jsonKeySql } from "./scan-json-lines.ts";
import { sparseColumn } from "./scan-sparse.ts";
import { identifier } from "./sql.ts";

/** The column of all that the log itself holds of a row, before `data.select`, as text. */
export const SOURCE = identifier("\u0001source");
const JSON_TYPE = new DuckDBVarCharType("JSON");

/** A column to read: one of the files, or one that `data.select` computes. */
export interface TypedColumn extends Pick<LogColumn, "name" | "sql" | "key" | "made"> {
  type: DuckDBType;
}

/** A log as one SQL relation, in which each row has its number in the column ROW. */
export interface LogRelation {
  /** The rows that `data.where` keeps. */
  sql: string;
  columns: readonly TypedColumn[];
  /** Names of the columns that `data.select` computes, and of those of the files in whose place they are. */
  computed: readonly string[];
  replaced: readonly string[];
  /** The error of whoever asks for a column that only some files have. */
  partial: ReadonlyMap<string, FormatError>;
  /** What an error about a column that is not there adds. */
  hint: string;
  /** What the user should know about the log. */
  warnings: readonly string[];
}

/** Makes the relation of a log, with the columns of `data.select` and the rows of `data.where`. */
export async function openRelation(database: LogDatabase): Promise<LogRelation> {
  const { data } = database;

  // 1. The columns of the files, each row with its number.
  const source = await fileRelation(database);
  const { hidden, partial, hint = "", warnings } = source.scan;
  let { sql, columns } = source;
  let replaced: string[] = [];

  // 2. The columns that are computed, in the place of those of the same name.
  const computed = Object.entries(data.select);
  if (computed.length > 0) {
    const names = new Set(computed.map(([name]) => name.toLowerCase()));
    const kept = columns.filter(({ name }) => !names.has(name.toLowerCase()));
    replaced = columns.filter((column) => !kept.includes(column)).map(({ name }) => name);
    const made = computed.map(([name, expression]) => `(${expression}\n) AS ${identifier(name)}`);
    const list = [ROW, SOURCE, ...hidden, ...kept.map((column) => column.sql), ...made];
    sql = `(SELECT ${list.join(", ")} FROM ${source.sql})`;
    columns = [...kept, ...computed.map(([name]) => ({ name, sql: identifier(name) }))];
    for (const [name, expression] of computed) {
      await database.checkSql(`data.select.${name}`, `SELECT ${ROW}, (${expression}\n) FROM ${source.sql}`);
      database.watch({ place: `column ${name}`, sql: expression, from: source.sql });
    }
  }
  const names = [ROW, ...columns.map((column) => column.sql)].join(", ");
  const [, ...types] = (await database.run(`SELECT ${names} FROM ${sql} LIMIT 0`)).columnTypes();

  // 3. The rows that are wanted.
  if (data.where !== undefined) {
    await database.checkSql("data.where", `SELECT 1 FROM ${sql} WHERE (${data.where}\n)`);
    database.watch({ place: "data.where", sql: data.where, from: sql });
    sql = `(SELECT * FROM ${sql} WHERE (${data.where}\n))`;
  }
  return {
    sql,
    columns: columns.map((column, i) => typed(column, types[i])),
    computed: computed.map(([name]) => name),
    replaced,
    partial,
    hint,
    warnings,
  };
}

/** A column with its type. A list of JSON, which json_extract may give, is one JSON value. */
function typed(column: Omit<TypedColumn, "type">, type: DuckDBType): TypedColumn {
  if (!("valueType" in type) || !isJson(type.valueType)) return { ...column, type };
  return { ...column, sql: `to_json(${column.sql})`, type: JSON_TYPE };
}

/**
 * The files' columns under their own names. One that SQL cannot tell from another, as user from User, is named by its
 * place.
 */
async function fileRelation(
  database: LogDatabase,
): Promise<{ sql: string; columns: Omit<TypedColumn, "type">[]; scan: Scan }> {
  const { log } = database;
  const scan = await database.scan();
  const names = scan.columns.map(({ name }) => name);
  const twice = names.find((name, i) => name !== "" && names.indexOf(name) !== i);
  if (twice !== undefined)
    throw new FormatError(log.name, `got the column "${twice}" twice, expected names that differ`);
  const lower = names.map((name) => name.toLowerCase());
  const isOwn = (name: string, i: number): boolean => name !== "" && lower.indexOf(name.toLowerCase()) === i;
  const columns = scan.columns.map(({ name, key, made }, i) => {
    const sql = identifier(isOwn(name, i) ? name : `\u0001${i}`);
    return { name, sql, ...(key && { key }), ...(made !== undefined && { made }) };
  });
  const list = scan.columns.map(({ sql }, i) => `${sql} AS ${columns[i].sql}`);
  const number = `row_number() OVER () AS ${ROW}`;
  const files = scan.relation(log.files);
  for (const { name, sql, cast } of scan.columns)
    if (cast) database.watch({ place: `column ${name}`, sql, from: `(SELECT ${number}, * FROM ${files})`, cast });
  return {
    sql: `(SELECT ${[number, sourceSql(scan), ...scan.hidden, ...list].join(", ")} FROM ${files})`,
    columns,
    scan,
  };
}

/** SQL of what a row holds before anything is computed, under the name SOURCE. */
function sourceSql({ columns, hidden }: Scan): string {
  const texts = [...columns.map(({ sql }) => sql), ...hidden].map((sql) => `CAST(${sql} AS VARCHAR)`);
  return `concat_ws(chr(31), ${texts.join(", ") || "''"}) AS ${SOURCE}`;
}

/** The column of a name. Throws FormatError where the log has none, or one of a type that records cannot have. */
export function requireColumn(
  { columns, partial, hint }: LogRelation,
  { log }: LogDatabase,
  name: string,
): TypedColumn {
  const column = columns.find((known) => known.name === name) ?? namedColumn(columns, log, name);
  if (!column) {
    const names = columns.map((known) => show(known.name)).join(", ");
    throw partial.get(name) ?? new FormatError(log.name, `no column ${show(name)}; got ${names}${hint}`);
  }
  if (isRefused(column.type))
    throw new FormatError(
      log.name,
      `column ${show(name)}: got ${column.type}, expected text, numbers, booleans, times or lists`,
    );
  return column;
}

/** A column that the name alone gives; null where the log has none of this name. */
function namedColumn(columns: readonly TypedColumn[], { format }: LogFiles, name: string): TypedColumn | null {
  if (format === "jsonl") return { name, sql: jsonKeySql(name), type: JSON_TYPE, key: true };
  const sql = sparseColumn(format, name);
  const values = columns.find((column) => column.name === "values");
  return sql !== null && values ? { name, sql, type: values.type } : null;
}
