import { FormatError, show } from "../format/errors.ts";
import type { RawValue } from "../format/raw-value.ts";
import type { RecordEncoder } from "../format/record.ts";

/**
 * The id of an item, a value of the catalogue's field, which is the encoder's at `position`. Throws FormatError where
 * it is no text or number, or means none.
 */
export function itemId(id: unknown, encoder: RecordEncoder, position: number, place: string): RawValue {
  if (id === undefined || id === null || id === "") throw new FormatError(place, "got no id");
  if (typeof id !== "string" && typeof id !== "number" && typeof id !== "bigint")
    throw new FormatError(place, `got ${show(id)}, expected a string or a number`);
  if (encoder.textOf(position, id, place) === "") throw new FormatError(place, `got ${show(id)}, which means no id`);
  return id;
}
