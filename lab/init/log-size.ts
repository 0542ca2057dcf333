import type { LogSize } from "../../trainer/data/default-settings.ts";
import type { Column } from "./column.ts";
import type { FieldDraft } from "./draft.ts";
import type { Plan } from "./plan.ts";

/** The shares of a log that are held out. */
export const HELD_OUT = { valid: 0.1, test: 0.1 };

/** Rows of a numeric field: of its knots, and one for missing values. */
const NUMERIC_ROWS = 13;
/** The most rows of a part of a time. */
const TIME_ROWS = new Map<unknown, number>([
  ["hour", 24],
  ["weekday", 7],
]);

/** What the log that is trained on will be, as far as a sample tells. */
export function expectedSize({ survey, label, columns }: Plan): LogSize {
  const { sample } = survey;
  const { counts, values, of, absent } = label.column;
  const labeled = label.no === "" ? of.length : of.length - absent;
  const records = (1 - HELD_OUT.valid - HELD_OUT.test) * sample.total * (labeled / of.length);
  const clicks = records * ((counts[values.indexOf(label.yes)] ?? 0) / Math.max(1, labeled));
  const rows = columns.reduce(
    (sum, { column, fields }) => sum + fields.reduce((own, field) => own + rowsOf(field, column), 0),
    0,
  );
  return { records: Math.round(records), clicks: Math.round(clicks), rows };
}

function rowsOf({ type, encoding, prepare = [] }: FieldDraft, column: Column): number {
  if (type === "numeric") return NUMERIC_ROWS;
  if (encoding?.kind === "hash") return Number(encoding.buckets);
  const { reading, values, counts } = column;
  const uses = reading.kind === "list" ? [...reading.elements.values()] : counts;
  const least = Number(encoding?.minCount ?? 1);
  const known = uses.length === 0 ? values.length : uses.filter((n) => n >= least).length;
  const part = prepare.map((step) => (typeof step === "object" ? TIME_ROWS.get(Object.values(step)[0]) : undefined));
  return Math.min(known, part.find((most) => most !== undefined) ?? known);
}
