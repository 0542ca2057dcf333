import { existsSync } from "node:fs";
import { DuckDBInstance, DuckDBListValue, type DuckDBValue } from "@duckdb/node-api";
import { FormatError } from "../../format/errors.ts";
import type { RawValue } from "../../format/record.ts";

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
  const names = await inPlace(path, async () => {
    if (delimiter !== null) return headerOf(await firstLine(path), delimiter);
    return (await connection.run(`SELECT * FROM read_parquet(${literal(path)}) LIMIT 0`)).columnNames();
  });
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new FormatError(path, `got the column "${twice}" twice, expected names that differ`);
  const table = delimiter === null ? `read_parquet(${literal(path)})` : readCsv(path, delimiter, names);

  const requireColumn = (column: string): string => {
    if (names.includes(column)) return `"${column.replaceAll('"', '""')}"`;
    throw new FormatError(path, `no column "${column}"; got ${names.map((name) => `"${name}"`).join(", ")}`);
  };

  async function firstLine(file: string): Promise<string> {
    const whole = `columns = {'line': 'VARCHAR'}, delim = '\\x01', quote = '', escape = '', header = false, auto_detect = false`;
    const result = await connection.runAndReadAll(`SELECT line FROM read_csv(${literal(file)}, ${whole}) LIMIT 1`);
    const line = result.getRows()[0]?.[0];
    if (typeof line !== "string") throw new FormatError(file, "got an empty file, expected a header and rows");
    return line;
  }

  async function* chunks(columns: readonly string[]): AsyncGenerator<LogChunk> {
    const list = columns.map(requireColumn).join(", ");
    const result = await inPlace(path, () => connection.stream(`SELECT ${list} FROM ${table}`));
    let before = 0;
    while (true) {
      const chunk = await inPlace(path, () => result.fetchChunk());
      if (!chunk || chunk.rowCount === 0) return;
      const start = before;
      before += chunk.rowCount;
      yield {
        rows: chunk.rowCount,
        columns: columns.map((_, i) => chunk.getColumnValues(i).map(toRawValue)),
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

/** Every cell as text, nothing guessed: what a cell means is decided by the record encoding alone. */
function readCsv(path: string, delimiter: string, names: readonly string[]): string {
  const columns = names.map((name) => `${literal(name)}: 'VARCHAR'`).join(", ");
  return `read_csv(${literal(path)}, columns = {${columns}}, delim = ${literal(delimiter)}, header = true,
    quote = '"', escape = '"', auto_detect = false, strict_mode = true, null_padding = false)`;
}

function headerOf(line: string, delimiter: string): string[] {
  const cell = new RegExp(`("(?:[^"]|"")*"|[^${delimiter}]*)(?:${delimiter}|$)`, "y");
  const names: string[] = [];
  const text = line.replace(/^\uFEFF/, "").replace(/\r$/, "");
  while (cell.lastIndex < text.length) {
    const match = cell.exec(text);
    if (!match) break;
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

function toRawValue(value: DuckDBValue): RawValue {
  if (value === null || typeof value !== "object") return value;
  if (value instanceof DuckDBListValue) return value.items.map(toRawValue);
  return String(value);
}
