import { type LogDatabase, ROW } from "./log-database.ts";
import { identifier } from "./sql.ts";

/** A number that occurs in a column, and in how many rows. */
export interface ValueCount {
  value: number;
  count: number;
}

/**
 * The different numbers of a column, with how many rows have each. They are in a table of the log's database, on disk
 * where memory is too small, so that the log is read once for them.
 */
export class Histogram implements AsyncDisposable {
  static #tables = 0;
  /** The rows that have a number. */
  readonly total: number;
  /** The least and the largest number; NaN where there is none. */
  readonly least: number;
  readonly largest: number;
  /** The first row that has no number, as its ROW column says; null where all have one. */
  readonly without: number | null;
  readonly #database: LogDatabase;
  readonly #table: string;

  private constructor(database: LogDatabase, table: string, [total, least, largest, without]: unknown[]) {
    this.#database = database;
    this.#table = table;
    this.total = Number(total);
    this.least = Number(least ?? Number.NaN);
    this.largest = Number(largest ?? Number.NaN);
    this.without = without === null ? null : Number(without);
  }

  /** `x`: SQL of a number that is finite or NULL, over the relation `from`. */
  static async of(database: LogDatabase, x: string, from: string): Promise<Histogram> {
    const table = identifier(`\u0001histogram${Histogram.#tables++}`);
    await database.run(
      `CREATE TABLE ${table} AS SELECT ${x} AS x, count(*) AS n, min(${ROW}) AS first FROM ${from} GROUP BY 1`,
    );
    const facts = await database.fetchRow(
      `SELECT coalesce(sum(n) FILTER (x IS NOT NULL), 0), min(x), max(x), min(first) FILTER (x IS NULL) FROM ${table}`,
    );
    return new Histogram(database, table, facts);
  }

  /** Ascending. */
  values(): AsyncGenerator<ValueCount> {
    return this.#read("ORDER BY x");
  }

  /** The `most` numbers that most rows have, the most frequent first; fewer where there are fewer different ones. */
  async mostFrequent(most: number): Promise<ValueCount[]> {
    const found: ValueCount[] = [];
    for await (const value of this.#read(`ORDER BY n DESC, x LIMIT ${most}`)) found.push(value);
    return found;
  }

  async *#read(order: string): AsyncGenerator<ValueCount> {
    const sql = `SELECT x, n FROM ${this.#table} WHERE x IS NOT NULL ${order}`;
    for await (const chunk of this.#database.stream(sql)) {
      const counts = chunk.getColumnValues(1);
      for (const [i, value] of chunk.getColumnValues(0).entries())
        yield { value: Number(value), count: Number(counts[i]) };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#database.run(`DROP TABLE ${this.#table}`);
  }
}
