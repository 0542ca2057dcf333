import { columnsOf, partsOf } from "../../format/columns.ts";
import { EncodedRecords } from "../../format/encoded-records.ts";
import { FormatError, show } from "../../format/errors.ts";
import type { FittedSpec } from "../../format/fitted-spec.ts";
import { RecordEncoder } from "../../format/record.ts";
import type { ClickLog } from "./click-log.ts";

// Two values of one field that share a row key share a row, as FORMAT.md says. Two fields must not: a row has one OOV
// row to fall back on, and a value of one field would be scored with what another field's taught.

/** Two fields' values have one row key. */
export class SharedKeyError extends Error {
  readonly lo: number;
  readonly hi: number;

  constructor(lo: number, hi: number) {
    super(`two fields share the row key ${keyText(lo, hi)}`);
    this.lo = lo;
    this.hi = hi;
  }
}

/** A row key as 16 hex digits. */
export function keyText(lo: number, hi: number): string {
  return [hi, lo].map((word) => word.toString(16).padStart(8, "0")).join("");
}

/** Reads a log again for the two values that share a key. Returns the error that names them. */
export async function nameSharedKey(
  log: ClickLog,
  fitted: FittedSpec,
  { lo, hi }: SharedKeyError,
): Promise<FormatError> {
  const encoder = new RecordEncoder(fitted);
  const encoded = new EncodedRecords();
  const columnNumber = new Map(encoder.columns.map((name, c) => [name, c]));
  const found: { field: number; text: string }[] = [];
  for await (const { rows, columns, place } of log.chunks(encoder.columns)) {
    for (let row = 0; row < rows; row++) {
      encoded.clear();
      encoder.encodeValues(
        columns.map((cells) => cells[row]),
        encoded,
        "",
      );
      for (const [f, field] of fitted.fields.entries()) {
        if (found[0]?.field === f || !hasKey(encoded, f, lo, hi)) continue;
        const names = partsOf(field) ?? [field.name];
        const own = columnsOf(fitted.fields.filter(({ name }) => names.includes(name)));
        const value = own.map((name) => show(columns[columnNumber.get(name) ?? 0]?.[row])).join(" and ");
        const at = `${await place(row)}: column ${own.join(" and ")}`;
        const [other] = found;
        if (other)
          return new FormatError(
            at,
            `got ${value} with the row key ${keyText(lo, hi)}, which ${other.text} has too, expected different ones: ` +
              "train with another hash key",
          );
        found.push({ field: f, text: `${value} (${at})` });
      }
    }
  }
  throw new Error(`no two fields of ${log.path} share the row key ${keyText(lo, hi)}`);
}

/** Whether a field of the one record has an entry of that key. */
function hasKey({ offsets, keys }: EncodedRecords, field: number, lo: number, hi: number): boolean {
  for (let i = offsets[field]; i < offsets[field + 1]; i++)
    if (keys[2 * i] === lo && keys[2 * i + 1] === hi) return true;
  return false;
}
