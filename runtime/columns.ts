import { columnOf, partsOf } from "../format/columns.ts";
import { EncodedRecords } from "../format/encoded-records.ts";
import { FormatError } from "../format/errors.ts";
import type { RawValue } from "../format/raw-value.ts";
import type { FieldSide, RecordEncoder } from "../format/record.ts";
import { type EncodingLimits, LimitError, type Listed } from "./encoding-limits.ts";

/** The values of one column of records. */
export interface Column {
  /** Values, each of which may be of several records. */
  values: ArrayLike<unknown>;
  /** For each record the number of its value; null: record i has value i. */
  at: ArrayLike<number> | null;
}

/** Records that came as columns. Gone through, it yields them as objects. */
export interface ColumnarRecords extends Listed<unknown> {
  readonly columns: ReadonlyMap<string, Column>;
}

export function isColumnar(records: Listed<unknown>): records is ColumnarRecords {
  return "columns" in records;
}

/** A field's distinct values, encoded: those of value v are the entries from `starts[v]` up to `starts[v + 1]`. */
interface EncodedColumn {
  entries: EncodedRecords;
  starts: Uint32Array;
  /** Null: record i has value i. */
  at: ArrayLike<number> | null;
}

/**
 * Appends records to `out` as `encodeObject` does, or with a `side` their parts as `encodeItem` does, and encodes each
 * value once, of however many records it is. Returns false, with nothing appended, where that cannot be done: a cross
 * needs a record's values together, or a value breaks the contract, which the record-wise way says of the record.
 * `limits.reserve` is told of its own memory beside that of `out`.
 */
export function appendColumns(
  { columns, length }: ColumnarRecords,
  encoder: RecordEncoder,
  out: EncodedRecords,
  side: FieldSide | null,
  { reserve, maxEntries }: Required<EncodingLimits>,
): boolean {
  const { fields } = encoder;
  const own = (f: number): boolean => side === null || fields[f]?.side === side;
  if (fields.some((field, f) => own(f) && partsOf(field)) || !areKnown(columns, encoder, side)) return false;
  const before = { count: out.count, entries: out.entries };
  let scratch = 0;
  try {
    const encoded = fields.map((field, f): EncodedColumn | null => {
      if (!own(f)) return null;
      // A column that is not there is missing in all records.
      const given = columns.get(columnOf(field) ?? "") ?? { values: [undefined], at: new Uint8Array(length) };
      const column = encodeColumn(f, given, encoder, (bytes) => reserve(out.bytes + scratch + bytes));
      scratch += column.entries.bytes + column.starts.byteLength;
      return column;
    });
    for (let record = 0; record < length; record++) {
      appendRecord(record, encoded, out);
      if (out.entries > maxEntries) return restore();
    }
    return true;
  } catch (error) {
    if (!(error instanceof FormatError) || error instanceof LimitError) throw error;
    return restore();
  }

  function restore(): false {
    out.count = before.count;
    out.entries = before.entries;
    return false;
  }
}

/** Whether each column is one of the model's, and of this side. */
function areKnown(columns: ReadonlyMap<string, Column>, { fields }: RecordEncoder, side: FieldSide | null): boolean {
  const sides = new Map(fields.map((field) => [columnOf(field), field.side]));
  return [...columns.keys()].every((name) => sides.has(name) && (side === null || sides.get(name) === side));
}

function encodeColumn(
  field: number,
  { values, at }: Column,
  encoder: RecordEncoder,
  reserve: (bytes: number) => void,
): EncodedColumn {
  const startBytes = 4 * (values.length + 1);
  const entries = new EncodedRecords(0, values.length, (bytes) => reserve(startBytes + bytes));
  const starts = new Uint32Array(values.length + 1);
  for (let v = 0; v < values.length; v++) {
    encoder.encodeValue(field, values[v] as RawValue, entries, "");
    starts[v + 1] = entries.entries;
  }
  return { entries, starts, at };
}

function appendRecord(record: number, columns: readonly (EncodedColumn | null)[], out: EncodedRecords): void {
  const base = out.count * columns.length;
  out.reserveOffsets(base + columns.length + 1);
  out.offsets[base] = out.entries;
  for (let f = 0; f < columns.length; f++) {
    const column = columns[f];
    if (column) {
      const { entries, starts, at } = column;
      const v = at === null ? record : (at[record] as number);
      const last = starts[v + 1] as number;
      for (let entry = starts[v] as number; entry < last; entry++)
        out.add(
          entries.keys[2 * entry] as number,
          entries.keys[2 * entry + 1] as number,
          entries.values[entry] as number,
        );
    }
    out.offsets[base + f + 1] = out.entries;
  }
  out.count++;
}
