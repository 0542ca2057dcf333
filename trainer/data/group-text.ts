import { type RawValue, textOf } from "../../format/raw-value.ts";

/** What joins the texts of a list. */
const SEPARATOR = "|";

/**
 * The text that tells records of one value from others: the canonical text; of a list, those of its elements, joined.
 * Null where the value, or one of its elements, has none.
 */
export function groupText(raw: RawValue): string | null {
  if (!Array.isArray(raw)) return textOf(raw);
  const texts = raw.map(groupText);
  return texts.includes(null) ? null : texts.filter((text) => text !== "").join(SEPARATOR);
}
