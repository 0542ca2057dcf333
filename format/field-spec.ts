import * as v from "valibot";
import {
  boundariesEncoding,
  categoricalMissing,
  cross,
  fieldName,
  hashEncoding,
  intervalCount,
  multiValued,
  numericMissing,
  origin,
  positiveInteger,
} from "./field-schemas.ts";

// A field of the feature spec.

const about = v.description;

const side = v.pipe(
  v.optional(v.picklist(["context", "item"]), "context"),
  about("context: the same for every candidate of a request. item: differs per candidate."),
);
const store = v.pipe(
  v.optional(v.picklist(["auto", "blob", "kv"]), "auto"),
  about("Where the rows travel. auto: the most frequent ones in the blob, within rows.blobBytes, the rest in KV."),
);
const minCount = v.pipe(
  v.optional(positiveInteger, 1),
  about("Values seen fewer times in training share the out-of-vocabulary row."),
);

const vocabulary = v.strictObject({ kind: v.literal("vocabulary"), minCount });
const categoricalEncoding = v.pipe(
  v.optional(v.variant("kind", [vocabulary, hashEncoding]), { kind: "vocabulary" }),
  about("vocabulary: a row per value. hash: a row per bucket."),
);

const logSquared = v.strictObject({ kind: v.literal("log2"), minCount });
const numericEncoding = v.pipe(
  v.optional(
    v.variant("kind", [
      v.strictObject({
        kind: v.literal("spline"),
        knots: v.pipe(
          v.optional(intervalCount),
          about(
            "Rows of the field, each of which stands at a quantile of the training log's numbers. Default: 12, or 6 " +
              "where the log has fewer than 1,000 records of its rarer label.",
          ),
        ),
      }),
      v.strictObject({
        kind: v.literal("value"),
        scale: v.pipe(
          v.optional(v.picklist(["none", "standard"]), "none"),
          about("standard: less the mean of the training log, divided by its standard deviation."),
        ),
      }),
      logSquared,
      v.strictObject({
        kind: v.literal("quantiles"),
        count: v.pipe(intervalCount, about("Intervals, of as many training records each.")),
      }),
      boundariesEncoding,
    ]),
    { kind: "spline" },
  ),
  about(
    "spline: a row per knot, and a number between two knots has both rows, weighted by its distance from them. " +
      "value: the number times one embedding. log2: a row per floor(ln(x)²), as usual for Criteo. " +
      "quantiles, boundaries: a row per interval.",
  ),
);

const named = {
  name: fieldName,
  ...origin,
  servedAs: v.exactOptional(
    v.pipe(
      v.literal("given"),
      about(
        "Allows a column that data.select computes, or that data.types gives a type: callers send the value that is made.",
      ),
    ),
  ),
};

export const FieldSchema = v.variant("type", [
  v.strictObject({
    ...named,
    cross,
    type: v.literal("categorical"),
    encoding: categoricalEncoding,
    side,
    missing: categoricalMissing,
    store,
  }),
  v.strictObject({
    ...named,
    type: v.literal("numeric"),
    encoding: numericEncoding,
    side,
    missing: numericMissing,
    store,
  }),
  v.strictObject({
    ...named,
    type: v.literal("multi-categorical"),
    encoding: categoricalEncoding,
    ...multiValued,
    side,
    missing: categoricalMissing,
    store,
  }),
]);
