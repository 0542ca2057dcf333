import type { RawValue } from "../../format/record.ts";
import type { ClickLog } from "./click-log.ts";

/** A column of a log as it is written there, each value once: what records are grouped by. */
export interface IndexedColumn {
  name: string;
  /** The distinct values, in the order in which they first appear; a missing one is "". */
  values: string[];
  /** Record i has the values `of[offsets[i] … offsets[i + 1])`, [N + 1]. */
  offsets: Uint32Array;
  of: Uint32Array;
}

/** What to read: a column, and the text that separates its values where a record can have several. */
export interface ColumnRequest {
  name: string;
  separator: string | null;
}

/** Reads columns of a log, in the order of its rows. The memory is that of the distinct values and 4 bytes a value. */
export async function readColumns(log: ClickLog, requests: readonly ColumnRequest[]): Promise<IndexedColumn[]> {
  const columns = requests.map(({ name }) => ({
    name,
    index: new Map<string, number>(),
    of: [] as number[],
    ends: [0],
  }));
  if (columns.length === 0) return [];
  for await (const chunk of log.chunks(requests.map(({ name }) => name))) {
    for (const [c, column] of columns.entries()) {
      const separator = requests[c]?.separator ?? null;
      for (let row = 0; row < chunk.rows; row++) {
        for (const value of valuesOf(chunk.columns[c]?.[row], separator)) {
          const known = column.index.get(value);
          column.of.push(known ?? column.index.size);
          if (known === undefined) column.index.set(value, column.index.size);
        }
        column.ends.push(column.of.length);
      }
    }
  }
  return columns.map(({ name, index, of, ends }) => ({
    name,
    values: [...index.keys()],
    offsets: Uint32Array.from(ends),
    of: Uint32Array.from(of),
  }));
}

function valuesOf(raw: RawValue, separator: string | null): string[] {
  if (separator === null) return [text(raw)];
  const list = Array.isArray(raw) ? raw.map(text) : text(raw).split(separator);
  return [...new Set(list)];
}

function text(raw: RawValue): string {
  if (raw === null || raw === undefined) return "";
  return Array.isArray(raw) ? raw.map(text).join("|") : String(raw);
}
