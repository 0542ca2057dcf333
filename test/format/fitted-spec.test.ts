import { describe, expect, test } from "vitest";
import { recordEntries } from "../../format/field-schemas.ts";
import { FittedSpecSchema } from "../../format/fitted-spec.ts";
import { parseWith } from "../../format/parse.ts";
import { TINY_SPEC } from "../../testing/format/tiny.ts";

type Json = Record<string, unknown>;

describe("the fitted spec", () => {
  const fitted = (changes: Json): unknown => ({ ...TINY_SPEC, ...changes });
  const of = (index: number, changes: Json): unknown =>
    fitted({ fields: TINY_SPEC.fields.map((one, i) => (i === index ? { ...one, ...changes } : one)) });

  test("is accepted as training writes it", () => {
    expect(parseWith(FittedSpecSchema, TINY_SPEC, "blob")).toEqual(TINY_SPEC);
  });

  test.each<[string, unknown, string]>([
    ["a budget of rows", fitted({ rows: {} }), "blob: rows: unknown key"],
    ["a field without kv", of(0, { kv: undefined }), "blob: fields[0].kv: missing, expected boolean"],
    ["a store", of(0, { store: "auto" }), "blob: fields[0].store: unknown key"],
    [
      "a minimal count",
      of(0, { encoding: { kind: "vocabulary", minCount: 1 } }),
      "blob: fields[0].encoding.minCount: unknown key",
    ],
    [
      "a value without a shift",
      of(1, { encoding: { kind: "value", factor: 1 } }),
      'blob: fields[1].encoding.shift: missing, expected "shift"',
    ],
    [
      "quantiles",
      of(1, { encoding: { kind: "quantiles", count: 4 } }),
      'blob: fields[1].encoding.kind: got "quantiles", expected ("value" | "log2" | "boundaries" | "spline")',
    ],
    ["two fields of one name", of(1, { name: "site" }), 'blob: got two fields "site", expected names that differ'],
  ])("%s is refused", (_name, input, message) => {
    expect(() => parseWith(FittedSpecSchema, input, "blob")).toThrow(expect.objectContaining({ message }));
  });
});

test("a record's entries are one a field, or the most values of a list", () => {
  const fields = [{ encoding: { kind: "log2" } }, { encoding: { kind: "spline" } }];
  expect(recordEntries([...fields, { encoding: { kind: "vocabulary" }, maxValues: 50 }])).toBe(53);
});
