import { FormatError, show } from "../../format/errors.ts";
import type { RawValue } from "../../format/raw-value.ts";
import type { ClickLog } from "./click-log.ts";

/** A log's record as a client would send it: the value of each column that fields come from, as JSON can hold it. */
export type RawRecord = Record<string, RawValue>;

/**
 * The record of one row. `names`: those of the columns, whose cells are in `columns`. Throws FormatError that names the
 * column where JSON cannot hold a value: it would make null of NaN, which the encoder refuses.
 */
export function rawRecord(
  names: readonly string[],
  columns: readonly ArrayLike<RawValue>[],
  row: number,
): RawRecord {
  return Object.fromEntries(names.map((name, c) => [name, toJsonValue(columns[c]?.[row], name)]));
}

/** At most `count` records of some columns, spread over the first rows of a log. */
export async function someRecords(log: ClickLog, names: readonly string[], count: number): Promise<RawRecord[]> {
  for await (const { rows, columns } of log.chunks(names)) {
    const taken = Math.min(count, rows);
    return Array.from({ length: taken }, (_, i) => rawRecord(names, columns, Math.floor((i * rows) / taken)));
  }
  return [];
}

/** JSON has no bigint; its text means the same to the encoder. */
function toJsonValue(value: RawValue, name: string): RawValue {
  if (typeof value === "bigint") return String(value);
  if (typeof value === "number" && !Number.isFinite(value))
    throw new FormatError(`column ${name}`, `got ${show(value)}, expected a number that JSON can hold`);
  return Array.isArray(value) ? value.map((element) => toJsonValue(element, name)) : value;
}
