import type { DuckDBDataChunk, DuckDBType } from "@duckdb/node-api";
import { FormatError, show } from "../../format/errors.ts";
import type { RawValue } from "../../format/record.ts";
import type { DataSettings } from "../../format/spec.ts";
import { cellSql, isJson, isRefused, toRawValue } from "./cell.ts";
import { identifier, literal, openDuckDb } from "./duckdb.ts";
import { findFiles } from "./files.ts";
import { findDamage } from "./lines.ts";
import { explain, firstLines, placeOf, type Reading } from "./problems.ts";
import { apart, joinedText } from "./row-text.ts";
import { type Column, scanLog, sparseColumn } from "./scan.ts";
import { inPart, isKept, type Part, timeBounds, timeSql } from "./split.ts";

/** Rows of a click log, some thousand at a time, by column. */
export interface LogChunk {
  rows: number;
  /** `columns[c][r]`: column c of row r, in the order in which the columns were asked for. */
  columns: RawValue[][];
  /** Names row r of this chunk in an error. */
  place(row: number): Promise<string>;
}

export interface ClickLog {
  /** As the user named it. */
  path: string;
  files: readonly string[];
  /** Names of the columns, of `select` too. */
  columns: readonly string[];
  options: LogOptions;
  /** The log's rows in their order, with only the columns asked for. */
  chunks(columns: readonly string[]): AsyncGenerator<LogChunk>;
  /** Aggregates over one numeric column, computed in SQL. `expressions` may use the column as x; its missing values are left out. */
  aggregate(column: string, expressions: readonly string[]): Promise<number[]>;
  /** Lets go of the database. Nothing can be read after it. */
  close(): void;
  /** Writes the log's rows, with these columns, into a Parquet file. */
  copy(columns: readonly string[], path: string): Promise<void>;
  /** How many rows the log has. */
  count(): Promise<number>;
  /** The different numbers of a column, ascending, with how many rows have each; grouped out of core. */
  histogram(column: string): AsyncGenerator<{ value: number; count: number }>;
}

export interface LogOptions {
  data: DataSettings;
  /** The log's column of labels, which down-sampling looks at. */
  label: string;
  /** The part of the log that `data.split` makes; the whole log where it is not given. */
  part?: Part;
  /** Whether the log is trained on, so that its negatives are down-sampled. */
  training?: boolean;
  /** Where DuckDB spills what memory does not hold. */
  temporary?: string;
}

/** A column of the relation that is read at last. */
interface TypedColumn extends Column {
  type: DuckDBType;
}

/** The number of a row in the log, from 1. No log has a column of this name. */
const ROW = identifier("\u0001row");
const EVERYTHING: DataSettings = { types: {}, hive: false, select: {}, shuffle: 1 };

/** Opens a log: a file, a glob, a folder, or a list of them. `data` says what is read of it. */
export async function openLog(
  paths: string | readonly string[],
  { data = EVERYTHING, label = "label", ...options }: Partial<LogOptions> = {},
): Promise<ClickLog> {
  const log = findFiles(typeof paths === "string" ? [paths] : paths, data.format);
  const database = await openDuckDb(options.temporary);
  const connection = await database.connect();
  const reading: Reading = { log, data, connection, scan: null };
  /** The user's SQL, with what it is over. */
  const expressions: { place: string; sql: string; from: string }[] = [];
  const scan = await guarded(() => scanLog(log, data, connection));
  reading.scan = scan;
  const twice = firstRepeated(scan.columns.map(({ name }) => name).filter((name) => name !== ""));
  if (twice !== null) throw new FormatError(log.name, `got the column "${twice}" twice, expected names that differ`);

  // 1. The log's columns by name, each row with its number. SQL does not tell User from user: then columns go by place.
  const lower = scan.columns.map(({ name }) => name.toLowerCase());
  const sqlName = (name: string, i: number): string =>
    name === "" || lower.indexOf(name.toLowerCase()) !== i ? `\u0001${i}` : name;
  const named = scan.columns.map((column, i) => ({ ...column, as: identifier(sqlName(column.name, i)) }));
  const list = named.map(({ sql, as }) => `${sql} AS ${as}`).join(", ");
  let relation = `(SELECT row_number() OVER () AS ${ROW}, ${list} FROM ${scan.relation(log.files)})`;
  let columns: Column[] = named.map(({ name, as }) => ({ name, sql: as }));
  const source = relation;

  // 2. Those that are computed.
  const computed = Object.entries(data.select);
  if (computed.length > 0) {
    const replaced = new Set(computed.map(([name]) => name.toLowerCase()));
    columns = columns.filter(({ name }) => !replaced.has(name.toLowerCase()));
    const kept = columns.map(({ sql }) => `${sql}, `).join("");
    const made = computed.map(([name, sql]) => `(${sql}) AS ${identifier(name)}`).join(", ");
    relation = `(SELECT ${ROW}, ${kept}${made} FROM ${source})`;
    columns = [...columns, ...computed.map(([name]) => ({ name, sql: identifier(name) }))];
    for (const [name, sql] of computed) {
      await prepare(`data.select.${name}`, `SELECT (${sql}) FROM ${source}`);
      expressions.push({ place: `column ${name}`, sql, from: source });
    }
  }
  const typed = await typesOf();

  // 3. The rows that are wanted.
  if (data.where !== undefined) {
    await prepare("data.where", `SELECT 1 FROM ${relation} WHERE (${data.where})`);
    expressions.push({ place: "data.where", sql: data.where, from: relation });
    relation = `(SELECT * FROM ${relation} WHERE (${data.where}))`;
  }
  let chosen: Promise<string> | null = null;

  /** SQL of the rows that are wanted. Only when they are read: a split by time looks at the whole log. */
  function wantedRows(): Promise<string> {
    chosen ??= chooseRows();
    return chosen;
  }

  async function chooseRows(): Promise<string> {
    const conditions: string[] = [];
    if (options.part) conditions.push(await partSql(options.part));
    if (options.training && data.negatives) conditions.push(isKept(data.negatives, ROW, requireColumn(label).sql));
    return conditions.length > 0 ? `(SELECT * FROM ${relation} WHERE ${conditions.join(" AND ")})` : relation;
  }

  async function typesOf(): Promise<TypedColumn[]> {
    const sql = columns.map((column) => column.sql).join(", ");
    const empty = await guarded(() => connection.run(`SELECT ${sql} FROM ${relation} LIMIT 0`));
    const types = empty.columnTypes();
    return columns.map((column, i) => ({ ...column, type: types[i] }));
  }

  /** Has DuckDB understand a user's SQL, so that what it does not is named by its place in the spec. */
  async function prepare(place: string, sql: string): Promise<void> {
    try {
      await connection.prepare(sql);
    } catch (error) {
      throw new FormatError(place, firstLines((error as Error).message));
    }
  }

  async function partSql(part: Part): Promise<string> {
    const { split } = data;
    if (!split) throw new FormatError("data.split", "missing, expected how one log becomes three");
    if (split.kind === "random") return inPart(split, part, ROW, "", null);
    const { sql, type } = requireColumn(split.by);
    if (split.kind === "hash") return inPart(split, part, ROW, sql, null);
    const time = timeSql(sql, typeName(type));
    const bad = await guarded(() =>
      connection.runAndReadAll(`SELECT ${ROW}, CAST(${sql} AS VARCHAR) FROM ${relation} WHERE ${time} IS NULL LIMIT 1`),
    );
    const [row, value] = bad.getRows()[0] ?? [];
    if (row !== undefined)
      throw new FormatError(
        `${await placeOf(reading, Number(row) - 1)}: column ${split.by}`,
        `got ${show(value)}, expected a number or a time`,
      );
    const counted = await guarded(() => connection.runAndReadAll(`SELECT count(*) FROM ${relation}`));
    const bounds = await timeBounds(split, Number(counted.getRows()[0]?.[0]), histogramOf(time, relation));
    return inPart(split, part, ROW, time, bounds);
  }

  function requireColumn(name: string): TypedColumn {
    const column = typed.find((known) => known.name === name) ?? sparse(name);
    if (!column) {
      const names = typed.map((known) => `"${known.name}"`).join(", ");
      throw new FormatError(log.name, `no column "${name}"; got ${names}`);
    }
    if (isRefused(column.type))
      throw new FormatError(
        log.name,
        `column "${name}": got ${column.type}, expected text, numbers, booleans, times or lists`,
      );
    return column;
  }

  function sparse(name: string): TypedColumn | null {
    const sql = sparseColumn(log.format, name);
    const any = typed.find((known) => known.name === "values");
    return sql !== null && any ? { name, sql, type: any.type } : null;
  }

  async function guarded<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      throw (await badExpression()) ?? (await explain(reading, error));
    }
  }

  /** The first row for which one of `select`, or `where`, cannot be computed. */
  async function badExpression(): Promise<FormatError | null> {
    for (const { place, sql, from } of expressions) {
      try {
        const bad = await connection.runAndReadAll(
          `SELECT ${ROW} FROM ${from} WHERE TRY([(${sql})]) IS NULL ORDER BY ${ROW} LIMIT 1`,
        );
        const row = bad.getRows()[0]?.[0];
        if (row === undefined) continue;
        const line = await placeOf(reading, Number(row) - 1);
        return await connection.run(`SELECT (${sql}) FROM ${from} WHERE ${ROW} = ${row}`).then(
          () => null,
          (error) => new FormatError(`${line}: ${place}`, firstLines((error as Error).message)),
        );
      } catch {
        // The log itself cannot be read, and that is what the error is about.
      }
    }
    return null;
  }

  /** On a connection of its own: another query on it would end it. */
  async function stream(sql: string): Promise<() => Promise<DuckDBDataChunk | null>> {
    const result = await guarded(async () => (await database.connect()).stream(sql));
    return () => guarded(() => result.fetchChunk());
  }

  async function* chunks(wanted: readonly string[]): AsyncGenerator<LogChunk> {
    const read = wanted.map(requireColumn);
    const joined = joinedText(read);
    const list = joined ?? read.map(({ sql, type }) => cellSql(sql, type));
    const next = await stream(`SELECT ${[...list, ROW].join(", ")} FROM ${await wantedRows()}`);
    // Beside the reading, on threads of its own.
    const damage = Promise.all(log.files.map(findDamage));
    while (true) {
      const chunk = await next();
      if (!chunk || chunk.rowCount === 0) break;
      const place = (row: number): Promise<string> =>
        placeOf(reading, Number(chunk.getColumnVector(list.length).getItem(row)) - 1);
      yield { rows: chunk.rowCount, columns: joined ? apart(chunk, read.length) : read.map(cells), place };

      function cells({ type }: TypedColumn, i: number): RawValue[] {
        const values = (chunk as DuckDBDataChunk).getColumnValues(i);
        if (isJson(type)) return values.map((text) => (text === null ? null : JSON.parse(String(text))));
        return log.format === "libffm" ? values.map(toRawValue).map(alone) : values.map(toRawValue);
      }
    }
    for (const [i, problem] of (await damage).entries())
      if (problem !== null) throw new FormatError(log.files[i], `got a damaged file: ${problem}`);
  }

  function numberSql(name: string): string {
    const { sql, type } = requireColumn(name);
    return `TRY_CAST(${isJson(type) ? `(${sql} ->> '$')` : sql} AS DOUBLE)`;
  }

  async function aggregate(column: string, expressions: readonly string[]): Promise<number[]> {
    const sql = `SELECT ${expressions.join(", ")} FROM (SELECT ${numberSql(column)} AS x FROM ${await wantedRows()}) WHERE x IS NOT NULL AND isfinite(x)`;
    const result = await guarded(() => connection.runAndReadAll(sql));
    return (result.getRows()[0] ?? []).map(Number);
  }

  async function* histogramOf(x: string, from: string): AsyncGenerator<{ value: number; count: number }> {
    const sql = `SELECT x, count(*) FROM (SELECT ${x} AS x FROM ${from}) WHERE x IS NOT NULL AND isfinite(x) GROUP BY x ORDER BY x`;
    const next = await stream(sql);
    while (true) {
      const chunk = await next();
      if (!chunk || chunk.rowCount === 0) return;
      const counts = chunk.getColumnValues(1);
      for (const [i, value] of chunk.getColumnValues(0).entries())
        yield { value: Number(value), count: Number(counts[i]) };
    }
  }

  async function* histogram(column: string): AsyncGenerator<{ value: number; count: number }> {
    yield* histogramOf(numberSql(column), await wantedRows());
  }

  function close(): void {
    connection.closeSync();
    database.closeSync();
  }

  async function copy(wanted: readonly string[], path: string): Promise<void> {
    const list = wanted.map(requireColumn).map(({ name, sql }) => `${sql} AS ${identifier(name)}`);
    const from = await wantedRows();
    const to = `${literal(path)} (FORMAT parquet, COMPRESSION zstd)`;
    await guarded(() => connection.run(`COPY (SELECT ${list.join(", ")} FROM ${from}) TO ${to}`));
  }

  async function count(): Promise<number> {
    const from = await wantedRows();
    const result = await guarded(() => connection.runAndReadAll(`SELECT count(*) FROM ${from}`));
    return Number(result.getRows()[0]?.[0]);
  }

  return {
    path: log.name,
    files: log.files,
    columns: typed.map(({ name }) => name),
    options: { data, label, ...options },
    chunks,
    close,
    copy,
    count,
    aggregate,
    histogram,
  };
}

/** A libffm field's only feature is its value; several are a list. */
function alone(value: RawValue): RawValue {
  return Array.isArray(value) && value.length < 2 ? (value[0] ?? null) : value;
}

function typeName(type: DuckDBType): string {
  return isJson(type) ? "JSON" : String(type);
}

function firstRepeated(names: readonly string[]): string | null {
  return names.find((name, i) => names.indexOf(name) !== i) ?? null;
}
