import type { DuckDBDataChunk } from "@duckdb/node-api";
import { FormatError } from "../../format/errors.ts";
import { parseJson } from "../../format/parse.ts";
import type { RawValue } from "../../format/raw-value.ts";
import type { DataSettings } from "../../format/spec.ts";
import { cellSql, isJson, toRawValue } from "./cell.ts";
import { findFiles } from "./files.ts";
import { Histogram } from "./histogram.ts";
import { findDamage } from "./lines.ts";
import { LogDatabase, ROW } from "./log-database.ts";
import { type LogRelation, openRelation, requireColumn, type TypedColumn } from "./log-relation.ts";
import { meaningSql } from "./meaning.ts";
import { apart, joinedText } from "./row-text.ts";
import { identifier, literal } from "./sql.ts";
import { type RowChoice, refusedValue, wantedRows } from "./wanted-rows.ts";

/** Rows of a click log, some thousand at a time, by column. */
export interface LogChunk {
  rows: number;
  /** `columns[c][r]`: column c of row r, in the order in which the columns were asked for. */
  columns: RawValue[][];
  /** The place of row r of this chunk, as errors name it. */
  place(row: number): Promise<string>;
}

export interface ClickLogOptions extends RowChoice {
  data: DataSettings;
  /** The folder in which DuckDB makes one to spill what memory does not hold. */
  temporary?: string;
}

const EVERYTHING: DataSettings = { types: {}, hive: false, select: {}, shuffle: 1 };

/**
 * A click log that is open to be read. It holds a database, with its threads and memory, until it is closed: whoever
 * opens one closes it, `await using log = await ClickLog.open(…)`.
 */
export class ClickLog implements AsyncDisposable {
  readonly options: ClickLogOptions;
  readonly #database: LogDatabase;
  readonly #relation: LogRelation;
  /** SQL of the rows to read. Null until they are first read, as finding them out may take a pass over the log. */
  #wanted: Promise<string> | null = null;

  private constructor(options: ClickLogOptions, database: LogDatabase, relation: LogRelation) {
    this.options = options;
    this.#database = database;
    this.#relation = relation;
  }

  /**
   * Opens a log: a file, a glob, a folder, or a list of them. `data` says what is read of it. Throws FormatError where
   * there is no such log, or one that is not as `data` says.
   */
  static async open(
    paths: string | readonly string[],
    { data = EVERYTHING, label = "label", ...options }: Partial<ClickLogOptions> = {},
  ): Promise<ClickLog> {
    const files = findFiles(typeof paths === "string" ? [paths] : paths, data.format);
    await using opened = new AsyncDisposableStack();
    const database = opened.use(await LogDatabase.open(files, data, options.temporary));
    const log = new ClickLog({ data, label, ...options }, database, await openRelation(database));
    opened.move(); // the log closes it from here on
    return log;
  }

  /** The log's name: its paths as the user gave them. */
  get path(): string {
    return this.#database.log.name;
  }

  get files(): readonly string[] {
    return this.#database.log.files;
  }

  /** Names of the columns, with those that `data.select` computes. */
  get columns(): readonly string[] {
    return this.#relation.columns.map(({ name }) => name);
  }

  /** The log's rows in their order, with only the columns asked for. Throws FormatError where a file is damaged. */
  async *chunks(names: readonly string[]): AsyncGenerator<LogChunk> {
    const columns = names.map((name) => this.#column(name));
    const joined = joinedText(columns);
    const list = joined ?? columns.map(({ sql, type }) => cellSql(sql, type));
    const sql = `SELECT ${[...list, ROW].join(", ")} FROM ${await this.#rows()}`;
    // A damaged file is found beside the reading, on other threads.
    const ended = new AbortController();
    const damage = Promise.all(this.files.map((file) => findDamage(file, ended.signal)));
    try {
      for await (const chunk of this.#database.stream(sql)) {
        const place = (row: number): Promise<string> =>
          this.#database.place(chunk.getColumnVector(list.length).getItem(row));
        const cells = joined
          ? apart(chunk, columns.length)
          : await Promise.all(columns.map((column, c) => this.#cells(chunk, c, column, place)));
        yield { rows: chunk.rowCount, columns: cells, place };
      }
      for (const [i, problem] of (await damage).entries())
        if (problem !== null) throw new FormatError(this.files[i], `got a damaged file: ${problem}`);
    } finally {
      ended.abort();
      await damage;
    }
  }

  /**
   * Aggregates over the numbers of one column, computed in SQL; NaN where it has no number. The expressions call the
   * number x. Other values are left out.
   */
  async aggregate(column: string, expressions: readonly string[]): Promise<number[]> {
    const numbers = `SELECT ${this.#number(column)} AS x FROM ${await this.#rows()}`;
    const row = await this.#database.fetchRow(`SELECT ${expressions.join(", ")} FROM (${numbers}) WHERE x IS NOT NULL`);
    return row.map((value) => Number(value ?? Number.NaN));
  }

  /** The different numbers of a column. */
  async histogram(column: string): Promise<Histogram> {
    return await Histogram.of(this.#database, this.#number(column), await this.#rows());
  }

  /** Throws FormatError where a value of a column is neither missing nor a number. */
  async requireNumbers(name: string): Promise<void> {
    const column = this.#column(name);
    const bad = `${this.#number(name)} IS NULL AND ${meaningSql("text", column)} <> ''`;
    const row = await this.#database.fetchRow(`SELECT ${ROW} FROM ${await this.#rows()} WHERE ${bad} LIMIT 1`);
    if (row.length > 0) throw await refusedValue(this.#database, this.#relation, column, row[0], "a number");
  }

  /** How many rows the log has. */
  async count(): Promise<number> {
    const [count] = await this.#database.fetchRow(`SELECT count(*) FROM ${await this.#rows()}`);
    return Number(count);
  }

  /** Writes the log's rows, with these columns, into a Parquet file. */
  async copy(columns: readonly string[], path: string): Promise<void> {
    const list = columns.map((name) => this.#column(name)).map(({ name, sql }) => `${sql} AS ${identifier(name)}`);
    const rows = `SELECT ${list.join(", ")} FROM ${await this.#rows()}`;
    await this.#database.run(`COPY (${rows}) TO ${literal(path)} (FORMAT parquet, COMPRESSION zstd)`);
  }

  /** Closes the database. Nothing can be read after it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#database[Symbol.asyncDispose]();
  }

  #rows(): Promise<string> {
    this.#wanted ??= wantedRows(this.#database, this.#relation, this.options);
    return this.#wanted;
  }

  #column(name: string): TypedColumn {
    return requireColumn(this.#relation, this.#database, name);
  }

  /** SQL of a column as a number; NULL where it holds none. */
  #number(name: string): string {
    return meaningSql("number", this.#column(name));
  }

  async #cells(
    chunk: DuckDBDataChunk,
    c: number,
    { name, type }: TypedColumn,
    place: LogChunk["place"],
  ): Promise<RawValue[]> {
    const values = chunk.getColumnValues(c);
    if (isJson(type)) return parseCells(values, async (row) => `${await place(row)}: column ${name}`);
    const cells = values.map(toRawValue);
    return this.#database.log.format === "libffm" ? cells.map(alone) : cells;
  }
}

/** The values of JSON texts, null of null. */
async function parseCells(texts: readonly unknown[], place: (row: number) => Promise<string>): Promise<RawValue[]> {
  const values: RawValue[] = [];
  try {
    for (const text of texts) values.push(text === null ? null : (parseJson(String(text), "") as RawValue));
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new FormatError(await place(values.length), error.problem);
  }
  return values;
}

/** A libffm field with one feature is that feature; only one with several is a list. */
function alone(value: RawValue): RawValue {
  return Array.isArray(value) && value.length < 2 ? (value[0] ?? null) : value;
}
