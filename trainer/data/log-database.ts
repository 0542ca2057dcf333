import type { DuckDBDataChunk, DuckDBMaterializedResult, DuckDBValue } from "@duckdb/node-api";
import { FormatError } from "../../format/errors.ts";
import type { DataSettings } from "../../format/spec.ts";
import { DuckDb } from "./duckdb.ts";
import type { LogFiles } from "./files.ts";
import { registerMeanings } from "./meaning.ts";
import { explain, firstLines, type LogReading, placeOfRecord } from "./problems.ts";
import { type Scan, scanLog } from "./scan.ts";
import { identifier } from "./sql.ts";

/** The column that numbers a log's rows, from 1. No log has a column of this name. */
export const ROW = identifier("\u0001row");

/** SQL that the user wrote. */
interface UserExpression {
  /** The setting or column that it belongs to, as errors name it. */
  place: string;
  sql: string;
  /** The relation that it is computed over. */
  from: string;
}

/** The database that reads one log. Errors of DuckDB become FormatErrors that name the log's file, line and column. */
export class LogDatabase implements AsyncDisposable {
  readonly #duckdb: DuckDb;
  readonly #reading: LogReading;
  readonly #expressions: UserExpression[] = [];

  private constructor(duckdb: DuckDb, reading: LogReading) {
    this.#duckdb = duckdb;
    this.#reading = reading;
  }

  /** `temporary`: the folder in which DuckDB makes one to spill to. */
  static async open(log: LogFiles, data: DataSettings, temporary?: string): Promise<LogDatabase> {
    const duckdb = await DuckDb.open(temporary);
    registerMeanings(duckdb.connection);
    return new LogDatabase(duckdb, { log, data, connection: duckdb.connection, scan: null });
  }

  get log(): LogFiles {
    return this.#reading.log;
  }

  get data(): DataSettings {
    return this.#reading.data;
  }

  /** Finds out how the files are to be read. Comes before every other query. */
  async scan(): Promise<Scan> {
    const { log, data, connection } = this.#reading;
    const scan = await this.#explained(() => scanLog(log, data, connection));
    this.#reading.scan = scan;
    return scan;
  }

  /** Checks a query with a user's SQL in it. Throws FormatError at `place` where DuckDB does not accept it. */
  async checkSql(place: string, query: string): Promise<void> {
    try {
      await this.#duckdb.connection.prepare(query);
    } catch (error) {
      throw new FormatError(place, firstLines((error as Error).message));
    }
  }

  /** When a later query fails, the first row for which this expression cannot be computed is named. */
  watch(expression: UserExpression): void {
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
  }

  async #explained<T>(query: () => Promise<T>): Promise<T> {
    try {
      return await query();
    } catch (error) {
      throw await this.#explain(error);
    }
  }

  async #explain(error: unknown): Promise<Error> {
    return this.#duckdb.diskFault(error) ?? (await this.#badExpression()) ?? (await explain(this.#reading, error));
  }

  /** The error of the first row for which one of the user's expressions cannot be computed. */
  async #badExpression(): Promise<FormatError | null> {
    const { connection } = this.#duckdb;
    for (const { place, sql, from } of this.#expressions) {
      try {
        const bad = await connection.runAndReadAll(
          `SELECT ${ROW} FROM ${from} WHERE TRY([(${sql})]) IS NULL ORDER BY ${ROW} LIMIT 1`,
        );
        const row = bad.getRows()[0]?.[0];
        if (row === undefined) continue;
        const line = await this.place(row);
        return await connection.run(`SELECT (${sql}) FROM ${from} WHERE ${ROW} = ${row}`).then(
          () => null,
          (error) => new FormatError(`${line}: ${place}`, firstLines((error as Error).message)),
        );
      } catch {
        // The log itself cannot be read, which is what the error to be explained is about.
      }
    }
    return null;
  }
}
