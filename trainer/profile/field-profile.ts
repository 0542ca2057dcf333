import * as v from "valibot";
import { columnsOf } from "../../format/columns.ts";
import type { RawValue } from "../../format/raw-value.ts";
import type { FeatureField } from "../../format/spec.ts";
import { fieldRequest } from "../data/field-request.ts";
import { spellingOf } from "./spelling.ts";
import { topValues } from "./top-values.ts";

// What a training log holds in each field, for people who look: how many different values, how many missing, the most
// frequent ones, and what of it is mostly a mistake.

/** Records of a log that are looked at, drawn from all of it. Their values are in memory together. */
export const PROFILE_RECORDS = 2 ** 15;
/** The most frequent values that are kept. */
const TOP = 5;

const natural = v.pipe(v.number(), v.integer(), v.minValue(0));
const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));

export const FieldValuesSchema = v.object({
  name: v.string(),
  type: v.picklist(["categorical", "numeric", "multi-categorical"]),
  side: v.picklist(["context", "item"]),
  /** The encoding's name. */
  encoding: v.string(),
  /** Records of the training log, and those that were looked at. */
  records: natural,
  looked: natural,
  /** The share of these without a value. */
  missing: share,
  /** Different values among these; the log may have more. */
  distinct: natural,
  /** Those of them that only one of these records has: where there is none, the sample has hardly missed any. */
  singles: natural,
  top: v.array(v.object({ text: v.string(), count: natural })),
  warnings: v.array(v.string()),
});
/** What is known of a field when its training log was read. */
export type FieldValues = v.InferOutput<typeof FieldValuesSchema>;

export const FieldProfileSchema = v.object({
  ...FieldValuesSchema.entries,
  /** Rows of the field's table, the OOV row among them. */
  rows: natural,
  /** The share of the validation log's values that have no row; null where it has no value. */
  unseen: v.nullable(share),
});
/** The same, with what training and validation made of it. */
export type FieldProfile = v.InferOutput<typeof FieldProfileSchema>;

/**
 * Looks at the values of fields, as their steps leave them. `sample`: some records' raw values of the columns that the
 * fields come from, in the order of `columnsOf`.
 */
export function profileFields(
  fields: readonly FeatureField[],
  sample: readonly (readonly RawValue[])[],
  records: number,
): FieldValues[] {
  const columns = columnsOf(fields);
  return fields.map((field) => {
    const { columns: own, valuesOf } = fieldRequest(fields, field.name);
    const places = own.map((column) => columns.indexOf(column));
    return profileField(
      field,
      sample.map((raw) => valuesOf(places.map((c) => raw[c]))),
      records,
    );
  });
}

/** `values`: the texts of each looked-at record's values; a missing one is "". */
function profileField(field: FeatureField, values: readonly (readonly string[])[], records: number): FieldValues {
  const counts = new Map<string, number>();
  let missing = 0;
  for (const texts of values) {
    const present = texts.filter((text) => text !== "");
    if (present.length === 0) missing++;
    for (const text of present) counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  const texts = [...counts.keys()];
  return {
    name: field.name,
    type: field.type,
    side: field.side,
    encoding: field.encoding.kind,
    records,
    looked: values.length,
    missing: values.length === 0 ? 0 : missing / values.length,
    distinct: texts.length,
    singles: [...counts.values()].filter((count) => count === 1).length,
    top: topValues(texts, [...counts.values()], TOP),
    warnings: warningsOf(field, texts, values.length - missing),
  };
}

/** Records below which values that all differ are no wonder. */
const FEW_RECORDS = 50;
/** Texts that a warning shows. */
const SHOWN = 4;

function warningsOf(field: FeatureField, texts: readonly string[], present: number): string[] {
  if (field.type === "numeric" || texts.length === 0) return [];
  const warnings: string[] = [];
  if (field.type === "categorical" && texts.length === present && present >= FEW_RECORDS)
    warnings.push("has another value in every record, so no later record has one that training saw");
  const spelling = spellingOf(texts);
  if (spelling && spelling.after < spelling.before) {
    const example = spelling.example
      .slice(0, SHOWN)
      .map((text) => JSON.stringify(text))
      .join(", ");
    warnings.push(
      `has values that differ in spelling only, such as ${example}; ` +
        `"prepare": ${JSON.stringify(spelling.steps)} makes one value of them`,
    );
  }
  const point = texts.filter((text) => /^-?\d+\.0+$/.test(text));
  if (point.length > texts.length / 2)
    warnings.push(`has ids like ${point[0]}, which is another value than ${point[0]?.replace(/\.0+$/, "")}`);
  return warnings;
}
