import { FormatError, show } from "../../format/errors.ts";
import type { RawValue } from "../../format/raw-value.ts";
import type { ClickLog } from "./click-log.ts";

/** A log's record as a client would send it: the value of each field, as JSON can hold it. */
export type RawRecord = Record<string, RawValue>;

/**
 * The record of one row. `columns`: the fields' columns, in the order of the fields. Throws FormatError that names the
 * column where JSON cannot hold a value: it would make null of NaN, which the encoder refuses.
 */
export function rawRecord(
  fields: readonly { name: string }[],
  columns: readonly ArrayLike<RawValue>[],
  row: number,
): RawRecord {
  return Object.fromEntries(fields.map(({ name }, f) => [name, toJsonValue(columns[f]?.[row], name)]));
}

/** At most `count` records, spread over the first rows of a log. */
export async function someRecords(
  log: ClickLog,
  fields: readonly { name: string }[],
  count: number,
): Promise<RawRecord[]> {
  for await (const { rows, columns } of log.chunks(fields.map(({ name }) => name))) {
    const taken = Math.min(count, rows);
    return Array.from({ length: taken }, (_, i) => rawRecord(fields, columns, Math.floor((i * rows) / taken)));
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
