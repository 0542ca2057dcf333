import type { RawValue } from "../../format/raw-value.ts";
import type { ClickLog } from "./click-log.ts";

/** A log's record as a client would send it: the value of each column that fields come from, as JSON can hold it. */
export type RawRecord = Record<string, RawValue>;

/** The record of one row. `names`: those of the columns, whose cells are in `columns`. */
export function rawRecord(names: readonly string[], columns: readonly ArrayLike<RawValue>[], row: number): RawRecord {
  return Object.fromEntries(names.map((name, c) => [name, toJsonValue(columns[c]?.[row])]));
}

/** At most `count` records of some columns, spread over the first rows of a log. */
export async function someRecords(log: ClickLog, names: readonly string[], count: number): Promise<RawRecord[]> {
  for await (const { rows, columns } of log.chunks(names)) {
    const taken = Math.min(count, rows);
    return Array.from({ length: taken }, (_, i) => rawRecord(names, columns, Math.floor((i * rows) / taken)));
  }
  return [];
}

/**
 * JSON has no bigint; its text means the same to the encoder. Nor has it NaN, of which it would make null: a step may
 * take its text for missing, and otherwise it is refused like the number.
 */
function toJsonValue(value: RawValue): RawValue {
  if (typeof value === "bigint" || (typeof value === "number" && !Number.isFinite(value))) return String(value);
  return Array.isArray(value) ? value.map(toJsonValue) : value;
}
