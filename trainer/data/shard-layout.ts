import type { FittedField } from "../../format/fitted-spec.ts";

/** What the spec says about the entries of each field, and shards therefore do not store. */
export interface ShardLayout {
  /** F */
  fields: number;
  /** For each field, whether every record has exactly one entry of it. */
  single: readonly boolean[];
  /** For each field, whether its entries' values are 1, are 1/n for n entries, or have to be stored. */
  values: readonly ("one" | "mean" | "stored")[];
  /** Whether records have sample weights. */
  weighted: boolean;
}

export function shardLayout(fields: readonly FittedField[], weighted: boolean): ShardLayout {
  return {
    fields: fields.length,
    single: fields.map(
      ({ type, encoding, missing }) => type !== "multi-categorical" && encoding.kind !== "spline" && missing !== "skip",
    ),
    values: fields.map((field) => {
      if (field.type === "numeric") return ["value", "spline"].includes(field.encoding.kind) ? "stored" : "one";
      return field.type === "multi-categorical" && field.pooling === "mean" ? "mean" : "one";
    }),
    weighted,
  };
}
