import { existsSync } from "node:fs";
import { DuckDBInstance, type DuckDBType, VARCHAR } from "@duckdb/node-api";
import { FormatError } from "../../format/errors.ts";
import type { RawValue } from "../../format/record.ts";
import { cellSql, isRefused, toRawValue } from "./cell.ts";

/** Rows of a click log, some thousand at a time, by column. */
export interface LogChunk {
  rows: number;
  /** `columns[c][r]`: column c of row r, in the order in which the columns were asked for. */
  columns: RawValue[][];
  /** Names row r of this chunk in an error. */
  place(row: number): string;
}

export interface ClickLog {
  path: string;
  /** The log's rows in their order, with only the columns asked for. */
  chunks(columns: readonly string[]): AsyncGenerator<LogChunk>;
  /** Aggregates over one numeric column, computed in SQL. `expressions` may use the column as x; its missing values are left out. */
  aggregate(column: string, expressions: readonly string[]): Promise<number[]>;
}

interface Column {
  name: string;
  type: DuckDBType;
  /** The expression that reads it. */
  sql: string;
}

const FORMATS = [
  { endings: [".parquet"], delimiter: null },
  { endings: [".csv", ".csv.gz", ".csv.zst"], delimiter: "," },
  { endings: [".tsv", ".tsv.gz", ".tsv.zst"], delimiter: "\t" },
];

/** Opens a CSV or TSV file with a header (plain, .gz, .zst) or a Parquet file. */
export async function openLog(path: string): Promise<ClickLog> {
  const format = FORMATS.find(({ endings }) => endings.some((ending) => path.endsWith(ending)));
  if (!format) {
    const known = FORMATS.flatMap(({ endings }) => endings).join(", ");
    throw new FormatError(path, `got a file of unknown format, expected a name that ends in ${known}`);
  }
  if (!existsSync(path)) throw new FormatError(path, "no such file");

  const instance = await DuckDBInstance.create(":memory:", {
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
  });
  const connection = await instance.connect();
  const { delimiter } = format;
  // Text is often not marked as such in Parquet; and a column comes from the file alone, not from its folder's name.
  const parquet = `read_parquet(${literal(path)}, binary_as_string = true, hive_partitioning = false)`;
  const columns = await inPlace(path, async (): Promise<Column[]> => {
    if (delimiter !== null) {
      return headerOf(await firstLine(path), delimiter).map((name, i) => ({ name, sql: csvColumn(i), type: VARCHAR }));
    }
    const empty = await connection.run(`SELECT * FROM ${parquet} LIMIT 0`);
    const types = empty.columnTypes();
    return empty.columnNames().map((name, i) => {
      const type = types[i] ?? VARCHAR;
      return { name, type, sql: cellSql(`"${name.replaceAll('"', '""')}"`, type) };
    });
  });
  const names = columns.map(({ name }) => name);
  // Two columns without a name may be there, as long as no field wants them.
  const twice = names.find((name, i) => name !== "" && names.indexOf(name) !== i);
  if (twice !== undefined) throw new FormatError(path, `got the column "${twice}" twice, expected names that differ`);
  const table = delimiter === null ? parquet : readCsv(path, delimiter, names.length);

  const requireColumn = (name: string): string => {
    const column = columns.find((known) => known.name === name);
    if (!column)
      throw new FormatError(path, `no column "${name}"; got ${names.map((known) => `"${known}"`).join(", ")}`);
    if (isRefused(column.type))
      throw new FormatError(
        path,
        `column "${name}": got ${column.type}, expected text, numbers, booleans, times or lists`,
      );
    return column.sql;
  };

  async function firstLine(file: string): Promise<string> {
    const whole = `columns = {'line': 'VARCHAR'}, delim = '\\x01', quote = '', escape = '', header = false, auto_detect = false`;
    const result = await connection.runAndReadAll(`SELECT line FROM read_csv(${literal(file)}, ${whole}) LIMIT 1`);
    const line = result.getRows()[0]?.[0];
    if (typeof line !== "string") throw new FormatError(file, "got an empty file, expected a header and rows");
    return line;
  }

  async function* chunks(wanted: readonly string[]): AsyncGenerator<LogChunk> {
    const list = wanted.map(requireColumn).join(", ");
    const result = await inPlace(path, () => connection.stream(`SELECT ${list} FROM ${table}`));
    let before = 0;
    while (true) {
      const chunk = await inPlace(path, () => result.fetchChunk());
      if (!chunk || chunk.rowCount === 0) return;
      const start = before;
      before += chunk.rowCount;
      yield {
        rows: chunk.rowCount,
        columns: wanted.map((_, i) => chunk.getColumnValues(i).map(toRawValue)),
        place: (row) => (delimiter === null ? `${path}, row ${start + row + 1}` : `${path}, line ${start + row + 2}`),
      };
    }
  }

  async function aggregate(column: string, expressions: readonly string[]): Promise<number[]> {
    const x = `TRY_CAST(${requireColumn(column)} AS DOUBLE)`;
    const sql = `SELECT ${expressions.join(", ")} FROM (SELECT ${x} AS x FROM ${table}) WHERE x IS NOT NULL AND isfinite(x)`;
    const result = await inPlace(path, () => connection.runAndReadAll(sql));
    return (result.getRows()[0] ?? []).map(Number);
  }

  return { path, chunks, aggregate };
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A CSV column's name in SQL. By its place: SQL takes User and user for one name, and none for none. */
function csvColumn(i: number): string {
  return `c${i}`;
}

/** Every cell as text, nothing guessed: what a cell means is decided by the record encoding alone. */
function readCsv(path: string, delimiter: string, count: number): string {
  const columns = Array.from({ length: count }, (_, i) => `${csvColumn(i)}: 'VARCHAR'`).join(", ");
  return `read_csv(${literal(path)}, columns = {${columns}}, delim = ${literal(delimiter)}, header = true,
    quote = '"', escape = '"', auto_detect = false, strict_mode = true, null_padding = false,
    hive_partitioning = false)`;
}

function headerOf(line: string, delimiter: string): string[] {
  const cell = new RegExp(`("(?:[^"]|"")*"|[^${delimiter}]*)(${delimiter}|$)`, "y");
  const names: string[] = [];
  const text = line.replace(/^\uFEFF/, "").replace(/\r$/, "");
  for (let more = true; more; ) {
    const match = cell.exec(text);
    if (!match) break;
    more = match[2] !== ""; // a delimiter at the end has one more column after it, without a name
    names.push((match[1] ?? "").replace(/^"(.*)"$/s, "$1").replaceAll('""', '"'));
  }
  return names;
}

/** DuckDB's errors name the line but spread over many; keep the lines that say what is wrong. */
async function inPlace<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof FormatError) throw error;
    const lines = String((error as Error).message).split("\n");
    const problem = lines.slice(0, 3).filter((line) => line.trim() !== "" && !/possible solution/i.test(line));
    throw new FormatError(path, problem.join("; "));
  }
}
