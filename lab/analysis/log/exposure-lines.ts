import { FormatError } from "../../../format/errors.ts";
import { type Exposure, parseExposure } from "../../../format/exposure.ts";
import type { LineDatabase } from "./line-database.ts";

/**
 * Whole lines of exposures, which the tables have only a part of. `rows`: SQL of their numbers. A line that the schema
 * refuses is null.
 */
export async function* exposuresOf(lines: LineDatabase, rows: string): AsyncGenerator<Exposure | null> {
  for await (const chunk of lines.duckdb.stream(`SELECT line FROM ${lines.lines} WHERE row IN (${rows})`))
    for (const line of chunk.getColumnValues(0)) yield readExposure(String(line));
}

function readExposure(line: string): Exposure | null {
  try {
    return parseExposure(line);
  } catch (error) {
    if (error instanceof FormatError) return null;
    throw error;
  }
}
