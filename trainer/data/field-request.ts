import { columnOf, type FieldOrigin, partsOf } from "../../format/columns.ts";
import { NO_SCRATCH, type PreparedOrigin, preparer } from "../../format/prepare/prepared-values.ts";
import type { RawValue } from "../../format/raw-value.ts";
import { groupText } from "./group-text.ts";
import type { ColumnRequest } from "./indexed-column.ts";

type Texts = (raw: RawValue) => readonly string[];

/**
 * The values of the field of that name, as its steps leave them; of a column of the log where there is no such field.
 */
export function fieldRequest(fields: readonly PreparedOrigin[], name: string): ColumnRequest {
  const field = fields.find((known) => known.name === name);
  if (!field) return { name, columns: [name], valuesOf: ([raw]) => [groupText(raw)] };
  const [first, second] = partsOf(field)?.map((part) => fields.find((known) => known.name === part)) ?? [];
  if (!first || !second) {
    const texts = textsOf(field);
    return { name, columns: [columnFor(field)], valuesOf: ([raw]) => texts(raw) };
  }
  const [one, other] = [textsOf(first), textsOf(second)];
  return {
    name,
    columns: [columnFor(first), columnFor(second)],
    valuesOf([a, b]) {
      const [[left = ""], [right = ""]] = [one(a), other(b)];
      return [left === "" || right === "" ? "" : `${left} × ${right}`];
    },
  };
}

function columnFor(field: FieldOrigin): string {
  return columnOf(field) ?? field.name;
}

/** The texts of a field's values, each once where it can have several. */
function textsOf(field: PreparedOrigin): Texts {
  const prepare = preparer(field);
  const { separator } = field;
  return (raw) => {
    const value = prepare ? prepare(raw, "", NO_SCRATCH) : raw;
    if (separator === undefined) return [groupText(value)];
    const list = Array.isArray(value) ? value.map(groupText) : groupText(value).split(separator);
    return [...new Set(list.length === 0 ? [""] : list)];
  };
}
