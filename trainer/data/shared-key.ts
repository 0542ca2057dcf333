import { FormatError, show } from "../../format/errors.ts";
import type { FittedSpec } from "../../format/fitted-spec.ts";
import { EncodedRecords, RecordEncoder } from "../../format/record.ts";
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
  const names = fitted.fields.map(({ name }) => name);
  const encoder = new RecordEncoder(fitted);
  const encoded = new EncodedRecords();
  const found: { field: number; text: string }[] = [];
  for await (const { rows, columns, place } of log.chunks(names)) {
    for (let row = 0; row < rows; row++) {
      for (let f = 0; f < names.length; f++) {
        if (found[0]?.field === f) continue;
        encoded.clear();
        encoder.encodeValue(f, columns[f]?.[row], encoded, "");
        if (!hasKey(encoded, lo, hi)) continue;
        const at = `${await place(row)}: column ${names[f]}`;
        const value = show(columns[f]?.[row]);
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

function hasKey({ keys, entries }: EncodedRecords, lo: number, hi: number): boolean {
  for (let i = 0; i < entries; i++) if (keys[2 * i] === lo && keys[2 * i + 1] === hi) return true;
  return false;
}
