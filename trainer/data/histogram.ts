import type { LogDatabase } from "./log-database.ts";

/** A number that occurs in a column, and in how many rows. */
export interface ValueCount {
  value: number;
  count: number;
}

/**
 * The different finite values of `x`, SQL of a number, ascending. DuckDB groups them, on disk where memory is too
 * small.
 */
export async function* histogramOf(database: LogDatabase, x: string, from: string): AsyncGenerator<ValueCount> {
  const numbers = `SELECT ${x} AS x FROM ${from}`;
  const sql = `SELECT x, count(*) FROM (${numbers}) WHERE x IS NOT NULL AND isfinite(x) GROUP BY x ORDER BY x`;
  for await (const chunk of database.stream(sql)) {
    const counts = chunk.getColumnValues(1);
    for (const [i, value] of chunk.getColumnValues(0).entries())
      yield { value: Number(value), count: Number(counts[i]) };
  }
}
