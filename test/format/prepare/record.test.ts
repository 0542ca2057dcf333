import { readFileSync } from "node:fs";
import { describe, expect, it, test } from "vitest";
import { fieldSides } from "../../../format/blob.ts";
import * as c from "../../../format/constants.ts";
import { EncodedRecords } from "../../../format/encoded-records.ts";
import { FormatError } from "../../../format/errors.ts";
import type { FittedField, FittedSpec } from "../../../format/fitted-spec.ts";
import { readBlob } from "../../../format/read-blob.ts";
import { RecordEncoder } from "../../../format/record.ts";
import { writeBlob } from "../../../format/write-blob.ts";
import { inOldFormat, sectionOf, withSection } from "../../../testing/format/edit-blob.ts";
import { HASH_KEY } from "../../../testing/format/hash-key.ts";
import { randomModel } from "../../../testing/kernel/random-model.ts";

const plain = {
  side: "context",
  kv: false,
  missing: "own",
  type: "categorical",
  encoding: { kind: "vocabulary" },
} as const;

const SPEC: FittedSpec = {
  name: "m",
  label: "y",
  hashKey: HASH_KEY,
  fields: [
    { ...plain, name: "both", side: "item", cross: ["country", "brand"] },
    { ...plain, name: "hour", from: "ts", prepare: [{ time: "hour", zone: "Europe/Berlin" }] },
    { ...plain, name: "country", prepare: ["trim", "upper"] },
    { ...plain, name: "weekday", from: "ts", prepare: [{ time: "weekday", zone: "UTC" }] },
    { ...plain, name: "brand", side: "item", prepare: ["lower", { missing: ["nan"] }] },
    { ...plain, name: "ours", side: "item", cross: ["brand", "kind"], missing: "skip" },
    { ...plain, name: "kind", side: "item" },
  ],
};
const encoder = new RecordEncoder(SPEC);

/** The keys of each field of the records. */
function keysOf({ count, offsets, keys }: EncodedRecords): string[][][] {
  const fields = SPEC.fields.length;
  return Array.from({ length: count }, (_, record) =>
    SPEC.fields.map((_field, f) => {
      const [from, to] = [offsets[record * fields + f], offsets[record * fields + f + 1]];
      return Array.from({ length: to - from }, (_entry, i) => keys.subarray(2 * (from + i), 2 * (from + i) + 2).join());
    }),
  );
}

function encoded(record: object): string[][] {
  const out = new EncodedRecords();
  encoder.encodeObject(record, out, "r");
  return keysOf(out)[0] as string[][];
}

const CONTEXTS = [{ country: " de", ts: "2024-07-01T22:30:00Z" }, { country: "fr" }, {}];
const ITEMS = [{ brand: "ACME", kind: "shoe" }, { brand: "NaN", kind: "a" }, { brand: "acme" }, { kind: "x" }, {}];

test("the columns are those that fields come from, each once", () => {
  expect(encoder.columns).toEqual(["ts", "country", "brand", "kind"]);
});

test("a context and its items have together the entries of the whole record, crosses of both sides included", () => {
  for (const context of CONTEXTS) {
    const out = new EncodedRecords();
    const parts = encoder.encodeContext(context, out, "context");
    for (const item of ITEMS) encoder.encodeItem(item, out, "item", parts);
    const [own = [], ...items] = keysOf(out);
    ITEMS.forEach((item, i) => {
      const whole = encoded({ ...context, ...item });
      SPEC.fields.forEach(({ name, side }, f) => {
        expect(side === "context" ? own[f] : items[i]?.[f], `${name} of ${JSON.stringify(item)}`).toEqual(whole[f]);
        expect(side === "context" ? items[i]?.[f] : own[f], name).toEqual([]);
      });
    });
  }
});

test("contexts do not leak into the items of another, nor into whole records", () => {
  const out = new EncodedRecords();
  const [first, second] = CONTEXTS.slice(0, 2).map((context) => encoder.encodeContext(context, out, "context"));
  encoder.encodeItem({ brand: "acme" }, out, "item", first);
  encoder.encodeItem({ brand: "acme" }, out, "item", second);
  const keys = keysOf(out);
  expect(keys[2]?.[0]).toEqual(encoded({ country: "DE", brand: "acme" })[0]);
  expect(keys[3]?.[0]).toEqual(encoded({ country: "FR", brand: "acme" })[0]);
  expect(encoded({ brand: "acme" })[0]).toEqual(encoded({})[0]);
});

test("a cross is missing where a part is, as its own `missing` says", () => {
  expect(encoded({ brand: "acme", kind: "shoe" })[5]).toHaveLength(1);
  for (const record of [{ brand: "nan", kind: "shoe" }, { brand: "acme" }, { kind: "shoe" }, {}])
    expect(encoded(record)[5]).toEqual([]);
});

test("no two pairs of texts have one cross", () => {
  const texts = ["a", "a:", ":a", "1:a", "a:1", "1", "11", "2:a", "aa", ":", "::", "😀", "\ud83d", "\ude00"];
  const own = texts.flatMap((brand) => texts.map((kind) => encoded({ brand, kind })[5]?.join()));
  // An unpaired surrogate is hashed as U+FFFD, so that the two last ones have one key.
  const different = texts.length - 1;
  expect(new Set(own).size).toBe(different * different);
});

describe("a record is refused", () => {
  it.each<[string, object, string]>([
    ["by a field's name", { hour: 7 }, 'r.hour: got a field\'s name, expected "ts", which the field is made of'],
    [
      "by a cross's name",
      { both: "x" },
      'r.both: got a field\'s name, expected "country" and "brand", which the field',
    ],
    ["by an unknown key", { x: 1 }, 'r.x: unknown field, expected one of "ts", "country", "brand", "kind"'],
    [
      "by what a step cannot read",
      { ts: "yesterday" },
      'r.ts: got "yesterday", expected a date or time of ISO 8601, or seconds since 1970 of years 1973 to 5138 ("unit" and ' +
        '"format" allow others) (prepare[0] of the field "hour")',
    ],
    [
      "by a list",
      { country: ["de"] },
      'r.country: got ["de"], expected a text, a number, true or false (prepare[0] of',
    ],
    [
      "by a text too long to prepare",
      { country: "a".repeat(65_537) },
      "r.country: got a text of 65537 characters, expected",
    ],
  ])("%s", (_, record, problem) => {
    expect(() => encoder.encodeObject(record, new EncodedRecords(), "r")).toThrow(problem);
  });

  test("and leaves no entries behind", () => {
    const out = new EncodedRecords();
    expect(() => encoder.encodeObject({ country: "de", brand: "a", ts: "x" }, out, "r")).toThrow(FormatError);
    expect([out.count, out.entries]).toEqual([0, 0]);
  });

  test("a numeric field of another column says which it is", () => {
    const field: FittedField = {
      ...{ name: "age", from: "years", side: "context", kv: false, missing: "own" },
      ...{ type: "numeric", encoding: { kind: "log2" } },
    };
    const numeric = new RecordEncoder({ ...SPEC, fields: [field] });
    expect(() => numeric.encodeObject({ years: "old" }, new EncodedRecords(), "r")).toThrow(
      'r.years: got "old", expected a number for the field "age"',
    );
  });
});

test("memory for what becomes of a long text is asked for before", () => {
  const fields: FittedField[] = [{ ...plain, name: "f", prepare: ["nfkc", "upper"] }];
  const asked: number[] = [];
  const out = new EncodedRecords(1, 1, (bytes) => asked.push(bytes));
  const before = out.bytes;
  new RecordEncoder({ ...SPEC, fields }).encodeObject({ f: "\ufdfa".repeat(2000) }, out, "r");
  // Each becomes 18 characters of two bytes, whose UTF-8 has up to three.
  expect(Math.max(...asked) - before).toBeGreaterThanOrEqual(2000 * 18 * 5);
  asked.length = 0;
  new RecordEncoder({ ...SPEC, fields }).encodeObject({ f: "short" }, out, "r");
  expect(Math.max(0, ...asked)).toBeLessThan(1000);
});

describe("a blob", () => {
  const readGolden = (name: string): Uint8Array => readFileSync(new URL(`../../golden/${name}`, import.meta.url));
  const tiny = readGolden("tiny.blob.bin");
  const withField = (blob: Uint8Array, f: number, more: object): Uint8Array => {
    const json = JSON.parse(new TextDecoder().decode(sectionOf(blob, c.SECTION_SPEC)));
    Object.assign(json.spec.fields[f], more);
    return withSection(blob, c.SECTION_SPEC, new TextEncoder().encode(JSON.stringify(json)));
  };

  test("of format 7 may prepare, and one of format 6 may not", () => {
    const prepared = withField(tiny, 0, { from: "page", prepare: ["trim"] });
    expect(readBlob(prepared).spec.fields[0]).toMatchObject({ from: "page", prepare: ["trim"] });
    expect(() => readBlob(inOldFormat(prepared, 6))).toThrow(
      "blob: section SPEC: fields[0]: got from, prepare or cross in format 6, expected none before format 7",
    );
  });

  test("with a pattern that is none is refused", () => {
    expect(() => readBlob(withField(tiny, 0, { prepare: [{ capture: "(a+)+" }] }))).toThrow(
      "blob: section SPEC: fields[0].prepare[0].capture: got the group repeated",
    );
  });

  const mixed = {
    cross: ["site", "ad"],
    side: "item",
    type: "categorical",
    encoding: { kind: "vocabulary" },
    missing: "own",
  };
  test("with items has no cross of both sides", () => {
    const catalogue = readGolden("catalogue.blob.bin");
    expect(() => readBlob(withField(catalogue, 3, mixed))).toThrow(
      'blob: section MODEL: got 3 items and the cross "price" of both sides, expected none: an item is computed before',
    );
  });

  test("with towers has none either", () => {
    const model = randomModel({ fields: 3, embeddingDim: 4, hidden: [8], terms: c.TERM_LINEAR | c.TERM_TOWERS });
    const [site, ad] = model.spec.fields as [FittedField, FittedField];
    const fields = [
      { ...plain, name: site.name },
      { ...plain, name: ad.name, side: "item" as const },
    ];
    const cross = { ...plain, name: "x", side: "item", cross: [site.name, ad.name] } as FittedField;
    const spec = { ...model.spec, fields: [...fields, cross] };
    expect(() => writeBlob({ ...model, spec, sides: fieldSides(spec) })).toThrow(
      'blob: section MODEL: got towers and the cross "x"',
    );
  });
});
