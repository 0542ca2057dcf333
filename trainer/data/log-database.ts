import type { DuckDBDataChunk, DuckDBMaterializedResult, DuckDBType, DuckDBValue } from "@duckdb/node-api";
import { decimalStep } from "../../format/data-settings.ts";
import { FormatError } from "../../format/errors.ts";
import type { Prepare } from "../../format/prepare/prepared-values.ts";
import type { DataSettings } from "../../format/spec.ts";
import { DuckDb } from "./duckdb.ts";
import { FileLinks } from "./file-links.ts";
import type { LogFiles } from "./files.ts";
import { type Meaning, Meanings } from "./meaning.ts";
import { explain, explainCast, explainSql, type LogReading, placeOfRecord } from "./problems.ts";
import type { Scan } from "./scan.ts";
import { checkSettings, scanLog } from "./scan-log.ts";
import { identifier, wholeText } from "./sql.ts";
import { changingFunction, columnReferences } from "./sql-references.ts";

/** The column that numbers a log's rows, from 1. No log has a column of this name. */
export const ROW = identifier("\u0001row");

/** SQL that can fail for a row: the user's own, or what gives a column the type that the user asks for. */
interface WatchedExpression {
  /** The setting or column that it belongs to, as errors name it. */
  place: string;
  sql: string;
  /** The relation that it is computed over. */
  from: string;
  /** Where it is a cast: SQL of the value, and the type that it should have. */
  cast?: { from: string; type: string };
}

export interface DatabaseOptions {
  /** The folder to spill to. */
  temporary?: string;
  /** The file that a query may write. */
  output?: string;
}

/** The database that reads one log. Errors of DuckDB become FormatErrors that name the log's file, line and column. */
export class LogDatabase implements AsyncDisposable {
  readonly #duckdb: DuckDb;
  readonly #links: FileLinks;
  readonly #reading: LogReading;
  readonly #meanings: Meanings;
  readonly #expressions: WatchedExpression[] = [];

  private constructor(duckdb: DuckDb, links: FileLinks, reading: LogReading) {
    this.#duckdb = duckdb;
    this.#links = links;
    this.#reading = reading;
    this.#meanings = new Meanings(duckdb.connection, decimalStep(reading.data));
  }

  static async open(
    log: LogFiles,
    data: DataSettings,
    { temporary, output }: DatabaseOptions = {},
  ): Promise<LogDatabase> {
    await using opened = new AsyncDisposableStack();
    checkSettings(log, data);
    const links = opened.use(await FileLinks.open(log.files, data.encoding, temporary));
    const files = [...links.paths, ...(output === undefined ? [] : [output])];
    const duckdb = opened.use(await DuckDb.open(temporary, files));
    opened.move(); // the database closes them from here on
    return new LogDatabase(duckdb, links, { log, data, links, connection: duckdb.connection, scan: null });
  }

  get log(): LogFiles {
    return this.#reading.log;
  }

  get data(): DataSettings {
    return this.#reading.data;
  }

  /** What is read of a file of the log: the file, or a copy of it in UTF-8. */
  readOf(file: string): string {
    return this.data.encoding === undefined || this.data.encoding === "utf-8" ? file : this.#links.of(file);
  }

  /** Finds out how the files are to be read. Comes before every other query. */
  async scan(): Promise<Scan> {
    const { log, data, links, connection } = this.#reading;
    for (const [name, type] of Object.entries(data.types))
      await this.checkSql(`data.types.${name}`, `SELECT CAST(NULL AS ${type})`);
    for (const [name, expression] of Object.entries(data.select))
      await this.#refuseChanging(`data.select.${name}`, expression);
    if (data.where !== undefined) await this.#refuseChanging("data.where", data.where);
    const computed = new Set(Object.keys(data.select).map((name) => name.toLowerCase()));
    const references = await columnReferences(connection, Object.values(data.select));
    const chosen = await columnReferences(connection, data.where === undefined ? [] : [data.where]);
    const all = references && chosen && new Set([...references, ...[...chosen].filter((name) => !computed.has(name))]);
    const scan = await this.#explained(() => scanLog({ log, data, links, connection, references: all }));
    this.#reading.scan = scan;
    for (const name of all ?? []) {
      const problem =
        scan.partial.get(name) ?? scan.columns.find((column) => column.name.toLowerCase() === name)?.problem;
      if (problem) throw problem;
    }
    return scan;
  }

  /** A log is read several times, and each time it must be the same. */
  async #refuseChanging(place: string, expression: string): Promise<void> {
    const name = await changingFunction(this.#reading.connection, expression);
    if (name === null) return;
    const hint = "hash(…) % 10 = 0 of a column keeps a tenth of its values";
    throw new FormatError(place, `got ${name}(), expected SQL that is the same each time the log is read; ${hint}`);
  }

  /** SQL of what a column's values mean: `Meanings.sql`. */
  meaning(meaning: Meaning, column: { sql: string; type: DuckDBType }): string {
    return this.#meanings.sql(meaning, column);
  }

  /** SQL of a column's values as numbers once they are prepared: `Meanings.preparedNumber`. */
  preparedNumber(prepare: Prepare, column: { sql: string; type: DuckDBType }): string {
    return this.#meanings.preparedNumber(prepare, column);
  }

  /** Checks a query with a user's SQL in it. Throws FormatError at `place` where DuckDB does not accept it. */
  async checkSql(place: string, query: string): Promise<void> {
    try {
      await this.#duckdb.connection.prepare(query);
    } catch (error) {
      throw explainSql(this.#reading, place, error);
    }
  }

  /** When a later query fails, the first row for which this expression cannot be computed is named. */
  watch(expression: WatchedExpression): void {
    this.#expressions.push(expression);
  }

  run(sql: string): Promise<DuckDBMaterializedResult> {
    return this.#explained(() => this.#duckdb.connection.run(sql));
  }

  /** The first row of a query's result; empty where it has none. */
  fetchRow(sql: string): Promise<DuckDBValue[]> {
    return this.#explained(async () => (await this.#duckdb.connection.runAndReadAll(sql)).getRows()[0] ?? []);
  }

  /** A query's rows in chunks, while other queries may run. */
  async *stream(sql: string): AsyncGenerator<DuckDBDataChunk> {
    try {
      yield* this.#duckdb.stream(sql);
    } catch (error) {
      throw await this.#explain(error);
    }
  }

  /** The place of a row, as errors name it. `row`: the value of its ROW column. */
  place(row: unknown): Promise<string> {
    return placeOfRecord(this.#reading, Number(row) - 1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#duckdb[Symbol.asyncDispose]();
    this.#links[Symbol.dispose]();
  }

  async #explained<T>(query: () => Promise<T>): Promise<T> {
    try {
      return await query();
    } catch (error) {
      throw await this.#explain(error);
    }
  }

  async #explain(error: unknown): Promise<Error> {
    if (error instanceof FormatError) return error;
    return this.#duckdb.diskFault(error) ?? (await this.#badExpression()) ?? (await explain(this.#reading, error));
  }

  /** The error of the first row for which one of the watched expressions cannot be computed. */
  async #badExpression(): Promise<FormatError | null> {
    const { connection } = this.#duckdb;
    for (const { place, sql, from, cast } of this.#expressions) {
      try {
        const bad = await connection.runAndReadAll(
          `SELECT ${ROW}, ${cast ? wholeText(`CAST(${cast.from} AS VARCHAR)`) : "NULL"} FROM ${from}
           WHERE TRY([(${sql}\n)]) IS NULL ORDER BY ${ROW} LIMIT 1`,
        );
        const [row, value] = bad.getRows()[0] ?? [];
        if (row === undefined) continue;
        const line = await this.place(row);
        if (cast) return explainCast(this.#reading, `${line}: ${place}`, value, cast.type);
        return await connection.run(`SELECT (${sql}\n) FROM ${from} WHERE ${ROW} = ${row}`).then(
          () => null,
          (error) => explainSql(this.#reading, `${line}: ${place}`, error),
        );
      } catch {
        // The log itself cannot be read, which is what the error to be explained is about.
      }
    }
    return null;
  }
}
