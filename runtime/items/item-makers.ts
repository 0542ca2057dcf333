import { columnOf } from "../../format/columns.ts";
import { EncodedRecords } from "../../format/encoded-records.ts";
import { FormatError } from "../../format/errors.ts";
import { writeItemEntries } from "../../format/item-entries.ts";
import { pageOfKey } from "../../format/keys.ts";
import { ownValue } from "../../format/own-value.ts";
import type { RawValue } from "../../format/raw-value.ts";
import type { RecordEncoder } from "../../format/record.ts";
import type { PageRows } from "../batch-filler.ts";
import type { Kernel } from "../kernel.ts";

/**
 * Encodes whole items, and gives the row keys of their ids, the values of the field at `position`. Throws FormatError
 * where an item breaks the spec or has no id.
 */
export function encodeItems(
  encoder: RecordEncoder,
  items: readonly unknown[],
  position: number,
): { encoded: EncodedRecords; keys: Uint32Array } {
  const encoded = new EncodedRecords();
  const column = columnOf(encoder.fields[position]) ?? "";
  items.forEach((item, i) => {
    const place = `items[${i}]`;
    encoder.encodeItem(item, encoded, place);
    const id = ownValue(item as object, column) as RawValue;
    if (encoder.textOf(position, id, place) === "") throw new FormatError(`${place}.${column}`, "got no id");
  });
  const keys = Uint32Array.from({ length: 2 * items.length }, (_, word) => {
    const entry = encoded.offsets[(word >>> 1) * encoder.fields.length + position];
    return encoded.keys[2 * entry + (word & 1)];
  });
  return { encoded, keys };
}

/** Encoded items, where their rows are in the blob, and the pages that have the others. */
interface ItemRows {
  encoded: EncodedRecords;
  /** As `RowLocator` gives them where no row is kept: 0 for a row of a page. */
  addresses: Uint32Array;
  pages: ReadonlyMap<number, PageRows>;
  pageCount: number;
}

/** The records of entries of encoded items. Throws FormatError where one would be too long. */
export function makeEntries(
  { encoded, addresses, pages, pageCount }: ItemRows,
  { rowsAddress, rowBytes }: Kernel,
  fieldCount: number,
): Uint32Array[] {
  const { offsets, keys, values } = encoded;
  /** The number of an entry's row in the blob, or its bytes. */
  const rowOf = (entry: number, field: number): number | Uint8Array => {
    const address = addresses[entry];
    if (address !== 0) return (address - rowsAddress) / rowBytes;
    const hi = keys[2 * entry + 1];
    return pages.get(pageOfKey(hi, pageCount))?.row(keys[2 * entry], hi) ?? field;
  };
  return Array.from({ length: encoded.count }, (_, i) => {
    const record = { fields: [] as number[], rows: [] as (number | Uint8Array)[], values: [] as number[] };
    for (let field = 0; field < fieldCount; field++) {
      const end = offsets[i * fieldCount + field + 1];
      for (let entry = offsets[i * fieldCount + field]; entry < end; entry++) {
        record.fields.push(field);
        record.rows.push(rowOf(entry, field));
        record.values.push(values[entry]);
      }
    }
    return writeItemEntries(record, rowBytes / 4, `items[${i}]`);
  });
}
