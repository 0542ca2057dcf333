import type { FieldProfile } from "./field-profile.ts";
import { topValuesText } from "./top-values.ts";

/** The table of a run's fields. */
export const PROFILE_HEAD = ["field", "type", "distinct", "missing", "unseen", "rows", "top values"];

/** What the column `unseen` says. */
export const UNSEEN_NOTE =
  "unseen: values of the validation log that score with the OOV row, as training saw them never, or fewer than " +
  "minCount times";

/** Characters for the most frequent values. */
const VALUES_ROOM = 40;

export function profileRows(fields: readonly FieldProfile[]): string[][] {
  return fields.map((field) => [
    field.name,
    `${field.type}, ${field.encoding}, ${field.side}`,
    // Of a sample it is only known that there are so many.
    `${field.looked < field.records && field.singles > 0 ? "≥ " : ""}${field.distinct.toLocaleString("en")}`,
    shareText(field.missing),
    field.unseen === null ? "–" : shareText(field.unseen),
    field.rows.toLocaleString("en"),
    topValuesText(field.top, field.looked, VALUES_ROOM),
  ]);
}

/** The warnings of all fields, one a line. */
export function profileWarnings(fields: readonly Pick<FieldProfile, "name" | "warnings">[]): string[] {
  return fields.flatMap(({ name, warnings }) => warnings.map((warning) => `${name} ${warning}`));
}

function shareText(x: number): string {
  if (x === 0) return "–";
  const percent = 100 * x;
  return percent < 0.1 ? "<0.1 %" : `${percent.toFixed(percent < 10 ? 1 : 0)} %`;
}
