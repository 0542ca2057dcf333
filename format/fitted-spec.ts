import * as v from "valibot";
import { MAX_FIELDS, MAX_RECORD_ENTRIES } from "./constants.ts";
import { show } from "./errors.ts";
import { fieldsAgree } from "./field-checks.ts";
import {
  boundariesEncoding,
  categoricalMissing,
  cross,
  fieldName,
  hashEncoding,
  knots,
  labelIsNoField,
  modelName,
  multiValued,
  numericMissing,
  origin,
  recordEntries,
  sharedName,
} from "./field-schemas.ts";

// The fitted spec: what the encoding of a record needs to know, and all of the spec that a blob carries. Training makes
// it of the feature spec: `quantiles` become `boundaries`, the number of a spline's knots becomes the knots, a
// standardized value gets its shift and factor, and `kv` takes the place of `store`: whether a row of the field can be
// in KV. `from`, `prepare` and `cross` are those of the feature spec; fitted specs from before format 7 of the blob
// have none. `hashKey`, a secret, is what row keys are hashed with; fitted specs from before format 6 of the blob have
// none.
const common = { name: fieldName, ...origin, side: v.picklist(["context", "item"]), kv: v.boolean() };
const fittedCategorical = v.variant("kind", [
  v.strictObject({ kind: v.literal("vocabulary") }),
  v.strictObject({ kind: v.literal("hash"), buckets: hashEncoding.entries.buckets }),
]);
const fittedField = v.variant("type", [
  v.strictObject({
    ...common,
    cross,
    type: v.literal("categorical"),
    encoding: fittedCategorical,
    missing: categoricalMissing,
  }),
  v.strictObject({
    ...common,
    type: v.literal("numeric"),
    encoding: v.variant("kind", [
      v.strictObject({
        kind: v.literal("value"),
        shift: v.pipe(v.number(), v.finite()),
        factor: v.pipe(v.number(), v.finite()),
      }),
      v.strictObject({ kind: v.literal("log2") }),
      boundariesEncoding,
      v.strictObject({ kind: v.literal("spline"), knots }),
    ]),
    missing: numericMissing,
  }),
  v.strictObject({
    ...common,
    ...multiValued,
    type: v.literal("multi-categorical"),
    encoding: fittedCategorical,
    missing: categoricalMissing,
  }),
]);

/** A key of the hash of row keys, as text: 128 bits. No error shows it, not even one that is misspelled. */
const hashKey = v.pipe(v.string(), v.check(isHashKey, "got another text, expected 32 lower-case hex digits"));

export function isHashKey(text: string): boolean {
  return /^[0-9a-f]{32}$/.test(text);
}

export const FittedSpecSchema = v.pipe(
  v.strictObject({
    name: modelName,
    label: v.pipe(v.string(), v.minLength(1)),
    hashKey: v.exactOptional(hashKey),
    fields: v.pipe(v.array(fittedField), v.minLength(1), v.maxLength(MAX_FIELDS)),
  }),
  v.check(
    (spec) => sharedName(spec.fields) === undefined,
    ({ input }) => `got two fields ${show(sharedName(input.fields))}, expected names that differ`,
  ),
  labelIsNoField(),
  fieldsAgree(),
  // The kernel takes a record whole, and one with more entries would not fit into a call.
  v.check(
    (spec) => recordEntries(spec.fields) <= MAX_RECORD_ENTRIES,
    ({ input }) => `got ${recordEntries(input.fields)} values in a record, expected at most ${MAX_RECORD_ENTRIES}`,
  ),
);

export type FittedSpec = v.InferOutput<typeof FittedSpecSchema>;
export type FittedField = FittedSpec["fields"][number];
