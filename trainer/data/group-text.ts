import { type RawValue, textOf } from "../../format/raw-value.ts";

/** What joins the texts of a list. */
const SEPARATOR = "|";

/**
 * The text by which records of one value are told from others: the canonical text where a value has one; of a list,
 * those of its elements, joined; and of what the encoder refuses, any that is its own.
 */
export function groupText(raw: RawValue): string {
  if (Array.isArray(raw))
    return raw
      .map(groupText)
      .filter((text) => text !== "")
      .join(SEPARATOR);
  return textOf(raw) ?? (typeof raw === "object" ? JSON.stringify(raw) : String(raw));
}
