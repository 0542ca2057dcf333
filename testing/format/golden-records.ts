import type { FittedField, FittedSpec } from "../../format/fitted-spec.ts";
import { HASH_KEY } from "./hash-key.ts";
import { PREPARED_CASES } from "./prepared-records.ts";

// Raw records whose encoding is kept in test/golden/records.json. JSON has no bigint, so there 17n is {"$bigint":
// "17"}.

const common = { side: "context", kv: false } as const;

function categorical(
  name: string,
  missing: "own" | "oov" | "skip" = "own",
  encoding: { kind: "vocabulary" } | { kind: "hash"; buckets: number } = { kind: "vocabulary" },
): FittedField {
  return { name, ...common, type: "categorical", encoding, missing };
}

type Numeric = Extract<FittedField, { type: "numeric" }>;
function numeric(name: string, encoding: Numeric["encoding"], missing: Numeric["missing"] = "own"): FittedField {
  return { name, ...common, type: "numeric", encoding, missing };
}

type Multi = Extract<FittedField, { type: "multi-categorical" }>;
function multi(name: string, options: Partial<Multi> = {}): FittedField {
  return {
    name,
    ...common,
    type: "multi-categorical",
    encoding: { kind: "vocabulary" },
    separator: "|",
    pooling: "mean",
    maxValues: 50,
    missing: "own",
    ...options,
  };
}

/** A case for one field: a record for each of its values. `undefined` is a record without the field. */
function one(field: FittedField, values: unknown[]): RecordCase {
  const records = values.map((value) => (value === undefined ? {} : { [field.name]: value }));
  return { spec: { name: "golden", label: "click", hashKey: HASH_KEY, fields: [field] }, records };
}

const price = { kind: "value", shift: 10, factor: 0.5 } as const;

export interface RecordCase {
  spec: FittedSpec;
  records: Record<string, unknown>[];
}

export const RECORD_CASES: RecordCase[] = [
  one(categorical("site"), [
    ...["news", "17", 17, 17n, 17.5, -3, 1e-7, "0", 0, "true", true, false, "True"],
    ...[9007199254740991, 9007199254740993n, "9007199254740993"],
    ...[null, undefined, "", " ", "null", "0123456789abcdef", "0123456789abcdefg", "a|b"],
    ...["日本語", "é", "e\u0301", "😀", "\ud800", "\ufffd", "\u0000"],
  ]),
  one(categorical("Seite"), ["news", "17"]),
  one(categorical("größe"), ["news"]),
  one(categorical("site", "oov"), ["news", null, undefined, ""]),
  one(categorical("site", "skip"), ["news", null, undefined, ""]),
  one(categorical("user", "own", { kind: "hash", buckets: 1 }), ["a", "b", null]),
  one(categorical("user", "own", { kind: "hash", buckets: 10 }), ["a", "b", "c", 17, "17", null]),
  one(categorical("user", "oov", { kind: "hash", buckets: 2 ** 31 }), ["a", "b", null]),
  one(numeric("price", price), [12, "12", " 1.2e1 ", "+12.", "-.5", 10, 12n, true, false, null, undefined, "", 3e38]),
  one(numeric("price", price, "oov"), [12, null]),
  one(numeric("price", price, "skip"), [12, null]),
  one(numeric("price", price, 14), [14, null]),
  one(numeric("count", { kind: "log2" }), [
    ...[-2.5, -1, 0, 0.5, 1, 2, 2.000001, Math.E, 3, 7, 8, "10", 1e6, 1e30, -1e30, null],
    // The bins 4 and 9 begin at e to the power of the square roots of 4 and of 9.
    ...[7.389056, 7.389057, 20.085536, 20.085537],
  ]),
  one(numeric("count", { kind: "log2" }, 3), [null, 3]),
  one(numeric("age", { kind: "boundaries", boundaries: [0, 18, 30.5] }), [-1, 0, 17.999, 18, "30.5", 30.49, 1e9, ""]),
  one(numeric("age", { kind: "boundaries", boundaries: [0] }, -1), [null, -1, 0]),
  one(multi("tags"), [
    ...["a", "a|b", ["a", "b"], ["b", "a"], "|a||b|", ["a", null, "", "b"], ["a", "a"], [17, "17", 17n, true]],
    ...["", [], null, undefined, "|", [""], ["a|b"], 17, "a|b|c"],
  ]),
  one(multi("tags", { pooling: "sum" }), ["a|b|c"]),
  one(multi("tags", { maxValues: 2 }), ["a|b|c", "||a||b|c", ["a", "b", "c"]]),
  one(multi("tags", { separator: ", ", missing: "skip" }), ["a, b,c", null]),
  one(multi("tags", { missing: "oov", encoding: { kind: "hash", buckets: 3 } }), ["a|b|c|d", null]),
  {
    spec: {
      name: "golden",
      label: "click",
      hashKey: HASH_KEY,
      fields: [categorical("site"), multi("tags", { missing: "skip" }), numeric("price", price), categorical("user")],
    },
    records: [{ site: "news", tags: ["a", "b"], price: 11, user: 7 }, {}, { user: "7", tags: "a|b|c" }, { price: "9" }],
  },
  ...PREPARED_CASES,
];

/** Turns a value of a record into one that JSON can hold. */
export function toJsonValue(value: unknown): unknown {
  if (typeof value === "bigint") return { $bigint: String(value) };
  if (Array.isArray(value)) return value.map(toJsonValue);
  return value;
}

export function fromJsonValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(fromJsonValue);
  if (typeof value === "object" && value !== null && "$bigint" in value) return BigInt(String(value.$bigint));
  return value;
}
