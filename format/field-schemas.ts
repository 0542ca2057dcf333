import * as v from "valibot";
import { show } from "./errors.ts";
import { stepsSchema } from "./prepare/steps.ts";

// The schemas that the feature spec (spec.ts) and the fitted spec (fitted-spec.ts) have in common.

const about = v.description;
export const positiveInteger = v.pipe(v.number(), v.integer(), v.minValue(1));

export const fieldName = v.pipe(
  v.string(),
  v.minLength(1),
  v.maxLength(128),
  about("The field's name, in tables, reports and errors; without `from` also that of its column."),
);
/** Where a field's values come from, and what prepares them. */
export const origin = {
  from: v.exactOptional(
    v.pipe(
      v.string(),
      v.minLength(1),
      v.maxLength(128),
      about("The column of the log, and the key of a request's record, that the values come from. Default: the name."),
    ),
  ),
  prepare: v.exactOptional(stepsSchema),
};
export const cross = v.exactOptional(
  v.pipe(
    v.strictTuple([v.string(), v.string()]),
    about("In place of a column: two other categorical fields, whose prepared values are joined to one."),
  ),
);
export const modelName = v.pipe(
  v.string(),
  v.regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, "expected a-z, 0-9, '.', '_' or '-', at most 64, a letter or digit first"),
);
export const categoricalMissing = v.pipe(
  v.optional(v.picklist(["own", "oov", "skip"]), "own"),
  about("A missing value (null, absent or empty) has a row of its own, or the out-of-vocabulary row, or adds nothing."),
);
export const numericMissing = v.pipe(
  v.optional(v.union([v.picklist(["own", "oov", "skip"]), v.pipe(v.number(), v.finite())]), "own"),
  about("As for categorical fields, or a number that stands in for a missing one."),
);
export const hashEncoding = v.strictObject({
  kind: v.literal("hash"),
  buckets: v.pipe(positiveInteger, v.maxValue(2 ** 31), v.description("Values of a bucket share a row.")),
});
/** Boundaries travel in the blob as JSON, and so do knots. */
const MAX_ASCENDING = 4096;
const ascendingNumbers = v.pipe(
  v.array(v.pipe(v.number(), v.finite())),
  v.minLength(1),
  v.maxLength(MAX_ASCENDING),
  v.check((list) => list.every((x, i) => i === 0 || x > (list[i - 1] as number)), "expected ascending numbers"),
);
export const boundariesEncoding = v.strictObject({
  kind: v.literal("boundaries"),
  boundaries: v.pipe(ascendingNumbers, about("An interval begins at each of them, and one below the first.")),
});
export const intervalCount = v.pipe(positiveInteger, v.minValue(2), v.maxValue(MAX_ASCENDING));
/**
 * Of a fitted spec. The distance of two knots that float32 holds is a finite float64, so that shares of it are, too.
 */
export const knots = v.pipe(
  ascendingNumbers,
  v.check((list) => list.every((x) => Number.isFinite(Math.fround(x))), "expected numbers that float32 holds"),
);
export const multiValued = {
  separator: v.pipe(
    v.optional(v.pipe(v.string(), v.minLength(1)), "|"),
    about("Splits a text cell; a list needs none."),
  ),
  pooling: v.pipe(
    v.optional(v.picklist(["sum", "mean"]), "mean"),
    about("How the rows of a list become one embedding."),
  ),
  maxValues: v.pipe(
    v.optional(v.pipe(positiveInteger, v.maxValue(1024)), 50),
    about("Longer lists keep their first values."),
  ),
};

/** The largest number of values that one record can have over all its fields. */
export function recordEntries(fields: readonly { encoding: { kind: string }; maxValues?: number }[]): number {
  return fields.reduce((sum, { encoding, maxValues = encoding.kind === "spline" ? 2 : 1 }) => sum + maxValues, 0);
}

/** The first name that two fields share, if there is one. */
export function sharedName(fields: readonly { name: string }[]): string | undefined {
  const seen = new Set<string>();
  return fields.find(({ name }) => seen.size === seen.add(name).size)?.name;
}

export function labelIsNoField<Spec extends { label: string; fields: readonly { name: string }[] }>() {
  return v.check<Spec, (issue: v.CheckIssue<Spec>) => string>(
    ({ label, fields }) => fields.every((f) => f.name !== label),
    ({ input }) => `got the label ${show(input.label)} as a field, expected it to be none`,
  );
}
