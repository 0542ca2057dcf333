import type { DuckDBType } from "@duckdb/node-api";
import { FormatError } from "../../format/errors.ts";
import { isRefused } from "./cell.ts";
import type { LogFiles } from "./files.ts";
import { type LogDatabase, ROW } from "./log-database.ts";
import { type LogColumn, sparseColumn } from "./scan.ts";
import { identifier } from "./sql.ts";

/** A column to read: one of the files, or one that `data.select` computes. */
export interface TypedColumn extends LogColumn {
  type: DuckDBType;
}

/** A log as one SQL relation, in which each row has its number in the column ROW. */
export interface LogRelation {
  /** The rows that `data.where` keeps. */
  sql: string;
  columns: readonly TypedColumn[];
  /** Columns of the files in whose place are others, that `data.select` computes. */
  replaced: readonly string[];
}

/** Makes the relation of a log, with the columns of `data.select` and the rows of `data.where`. */
export async function openRelation(database: LogDatabase): Promise<LogRelation> {
  const { data } = database;

  // 1. The columns of the files, each row with its number.
  const source = await fileRelation(database);
  let { sql, columns } = source;
  let replaced: string[] = [];

  // 2. The columns that are computed, in the place of those of the same name.
  const computed = Object.entries(data.select);
  if (computed.length > 0) {
    const names = new Set(computed.map(([name]) => name.toLowerCase()));
    const kept = columns.filter(({ name }) => !names.has(name.toLowerCase()));
    replaced = columns.filter((column) => !kept.includes(column)).map(({ name }) => name);
    const made = computed.map(([name, expression]) => `(${expression}) AS ${identifier(name)}`);
    sql = `(SELECT ${[ROW, ...kept.map((column) => column.sql), ...made].join(", ")} FROM ${source.sql})`;
    columns = [...kept, ...computed.map(([name]) => ({ name, sql: identifier(name) }))];
    for (const [name, expression] of computed) {
      await database.checkSql(`data.select.${name}`, `SELECT (${expression}) FROM ${source.sql}`);
      database.watch({ place: `column ${name}`, sql: expression, from: source.sql });
    }
  }
  const names = columns.map((column) => column.sql).join(", ");
  const types = (await database.run(`SELECT ${names} FROM ${sql} LIMIT 0`)).columnTypes();

  // 3. The rows that are wanted.
  if (data.where !== undefined) {
    await database.checkSql("data.where", `SELECT 1 FROM ${sql} WHERE (${data.where})`);
    database.watch({ place: "data.where", sql: data.where, from: sql });
    sql = `(SELECT * FROM ${sql} WHERE (${data.where}))`;
  }
  return { sql, columns: columns.map((column, i) => ({ ...column, type: types[i] })), replaced };
}

/**
 * The files' columns under their own names. One that SQL cannot tell from another, as user from User, is named by its
 * place.
 */
async function fileRelation(database: LogDatabase): Promise<{ sql: string; columns: LogColumn[] }> {
  const { log } = database;
  const scan = await database.scan();
  const names = scan.columns.map(({ name }) => name);
  const twice = names.find((name, i) => name !== "" && names.indexOf(name) !== i);
  if (twice !== undefined)
    throw new FormatError(log.name, `got the column "${twice}" twice, expected names that differ`);
  const lower = names.map((name) => name.toLowerCase());
  const isOwn = (name: string, i: number): boolean => name !== "" && lower.indexOf(name.toLowerCase()) === i;
  const columns = names.map((name, i) => ({ name, sql: identifier(isOwn(name, i) ? name : `\u0001${i}`) }));
  const list = scan.columns.map(({ sql }, i) => `${sql} AS ${columns[i].sql}`).join(", ");
  return { sql: `(SELECT row_number() OVER () AS ${ROW}, ${list} FROM ${scan.relation(log.files)})`, columns };
}

/** The column of a name. Throws FormatError where the log has none, or one of a type that records cannot have. */
export function requireColumn({ columns }: LogRelation, { log }: LogDatabase, name: string): TypedColumn {
  const column = columns.find((known) => known.name === name) ?? numberedColumn(columns, log, name);
  if (!column) {
    const names = columns.map((known) => `"${known.name}"`).join(", ");
    throw new FormatError(log.name, `no column "${name}"; got ${names}`);
  }
  if (isRefused(column.type))
    throw new FormatError(
      log.name,
      `column "${name}": got ${column.type}, expected text, numbers, booleans, times or lists`,
    );
  return column;
}

/** A column of libsvm or libffm that a number names; null where the log has none. */
function numberedColumn(columns: readonly TypedColumn[], { format }: LogFiles, name: string): TypedColumn | null {
  const sql = sparseColumn(format, name);
  const values = columns.find((column) => column.name === "values");
  return sql !== null && values ? { name, sql, type: values.type } : null;
}
