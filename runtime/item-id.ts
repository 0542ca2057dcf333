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
  if (textOf(id, encoder, position, place) === "") throw new FormatError(place, `got ${show(id)}, which means no id`);
  return id;
}

/** The id's text. What is wrong with it is at its place: it stands for a column's value, and is in no record. */
function textOf(id: RawValue, encoder: RecordEncoder, position: number, place: string): string {
  try {
    return encoder.textOf(position, id, place);
  } catch (error) {
    if (error instanceof FormatError) throw new FormatError(place, error.problem);
    throw error;
  }
}
