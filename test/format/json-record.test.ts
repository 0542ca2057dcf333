import { expect, test } from "vitest";
import { EncodedRecords } from "../../format/encoded-records.ts";
import type { FittedField, FittedSpec } from "../../format/fitted-spec.ts";
import { JsonRecordEncoder } from "../../format/json-record.ts";
import { type FieldSide, RecordEncoder } from "../../format/record.ts";
import { HASH_KEY } from "../../testing/format/hash-key.ts";
import { integer, seeded } from "../../testing/format/random.ts";

const common = { kv: false, missing: "own" } as const;
const FIELDS: FittedField[] = [
  { ...common, name: "site", side: "context", type: "categorical", encoding: { kind: "vocabulary" } },
  { ...common, name: "hour", side: "context", type: "categorical", encoding: { kind: "hash", buckets: 7 } },
  { ...common, name: "color", side: "item", type: "categorical", encoding: { kind: "vocabulary" }, missing: "skip" },
  { ...common, name: "price", side: "item", type: "numeric", encoding: { kind: "value", shift: 1, factor: 0.5 } },
  { ...common, name: "bin", from: "price", side: "item", type: "numeric", encoding: { kind: "log2" }, missing: 3 },
  { ...common, name: "ünï", side: "item", type: "categorical", encoding: { kind: "vocabulary" }, missing: "oov" },
  {
    ...{ ...common, name: "tags", side: "item", type: "multi-categorical", encoding: { kind: "vocabulary" } },
    ...{ separator: "|", pooling: "mean", maxValues: 3 },
  },
  {
    ...{ ...common, name: "brand", side: "item", type: "categorical", encoding: { kind: "vocabulary" } },
    prepare: [{ missing: ["true", "1"] }, "lower"],
  },
];
const SPEC: FittedSpec = { name: "m", label: "y", fields: FIELDS, hashKey: HASH_KEY };

interface Encoded {
  next: number;
  offsets: number[];
  keys: number[];
  values: number[];
}

function shown({ count, entries, offsets, keys, values }: EncodedRecords, next: number): Encoded {
  return {
    next,
    offsets: Array.from(offsets.subarray(0, count * FIELDS.length + 1)),
    keys: Array.from(keys.subarray(0, 2 * entries)),
    values: Array.from(values.subarray(0, entries)),
  };
}

/** What the encoder makes of a record's JSON with more after it; null where it leaves it to the other one. */
function fromJson(spec: FittedSpec, json: string, side?: FieldSide): Encoded | null {
  const encoder = JsonRecordEncoder.of(spec);
  if (!encoder) return null;
  const out = new EncodedRecords();
  const bytes = new TextEncoder().encode(`[${json},{}]`);
  const end = bytes.length - 4;
  const next = encoder.encode(bytes, 1, end, out, side);
  if (next < 0) expect([out.count, out.entries]).toEqual([0, 0]);
  return next < 0 ? null : shown(out, next - 1);
}

/** What RecordEncoder makes of it; null where it refuses it. */
function fromObject(spec: FittedSpec, json: string, side?: FieldSide): Encoded | null {
  const out = new EncodedRecords();
  try {
    const encoder = new RecordEncoder(spec);
    if (side === "item") encoder.encodeItem(JSON.parse(json), out, "");
    else encoder.encodeObject(JSON.parse(json), out, "");
  } catch {
    return null;
  }
  return shown(out, new TextEncoder().encode(json).length);
}

const SIMPLE = [
  "{}",
  '{ "site" : "a" , "hour":\t13,\n"color":"dark red","price":0.1}',
  '{"site":"","hour":null,"color":true,"price":false}',
  '{"site":"a text of sixteen","hour":-5,"color":"exactly 16 chars","price":-12.50}',
  '{"site":0,"hour":999999999999999,"price":0.00000000000001}',
  '{"price":123456.789,"color":"c","hour":1,"site":"s"}',
  '{"site":"a","site":"b"}',
  '{"price":1,"price":null}',
  '{"tags":"a|b||c|d","brand":"ACME"}',
  '{"tags":12.5,"brand":true}',
  '{"tags":false,"brand":1}',
  '{"tags":null,"brand":null}',
];

test.each(SIMPLE)("%s is encoded as the object is", (json) => {
  for (const spec of [SPEC, { ...SPEC, hashKey: undefined } as unknown as FittedSpec]) {
    const encoded = fromJson(spec, json);
    expect(encoded).not.toBeNull();
    expect(encoded).toEqual(fromObject(spec, json));
  }
});

test("an item's part has no field of the context", () => {
  const json = '{"color":"red","price":3}';
  expect(fromJson(SPEC, json, "item")).toEqual(fromObject(SPEC, json, "item"));
  expect(fromJson(SPEC, json, "item")?.values).toHaveLength(6);
  expect(fromJson(SPEC, '{"color":"red","site":"a"}', "item")).toBeNull();
});

test.each([
  ["an escape", '{"site":"a\\u0062"}'],
  ["a letter beyond ASCII", '{"site":"é"}'],
  ["a name beyond ASCII", '{"ünï":"a"}'],
  ["an exponent", '{"price":1e3}'],
  ["minus zero", '{"site":-0}'],
  ["a fraction, whose text may be another", '{"site":1.0}'],
  ["many digits", '{"site":1234567890123456}'],
  ["a text for a number", '{"price":"3"}'],
  ["a list of values", '{"tags":["a","b"]}'],
  ["a long text that is taken apart", `{"tags":"${"x|".repeat(40)}"}`],
])("%s is left to JSON.parse", (_what, json) => {
  expect(fromJson(SPEC, json)).toBeNull();
  expect(fromObject(SPEC, json)).not.toBeNull();
});

test.each([
  "",
  "[]",
  "null",
  '{"site":"a"',
  '{"site":"a",}',
  '{"site" "a"}',
  '{"site":}',
  '{"site":01}',
  '{"price":1.}',
  '{"price":.5}',
  '{"price":-}',
  '{"price":00.5}',
  '{"site":nul}',
  '{"site":"a\tb"}',
  '{"site":"a}',
  '{"nobody":"a"}',
  '{"site":["a"]}',
  '{"price":1e999}',
  `{"${"x".repeat(300_000)}":1}`,
])("%# is refused by both", (json) => {
  expect(fromJson(SPEC, json)).toBeNull();
  expect(fromObject(SPEC, json)).toBeNull();
});

test("what is made of any record with a few characters changed is what the object gives, or nothing", () => {
  const random = seeded(1);
  const ALPHABET = '{}[]",:.-+0129eEtrufalsn\\ \n';
  let taken = 0;
  for (let i = 0; i < 4000; i++) {
    let json = SIMPLE[i % SIMPLE.length] as string;
    for (let edit = integer(random, 0, 2); edit > 0; edit--) {
      const at = integer(random, 0, json.length - 1);
      const put = ALPHABET[integer(random, 0, ALPHABET.length - 1)];
      json = json.slice(0, at) + put + json.slice(at + integer(random, 0, 1));
    }
    const encoded = fromJson(SPEC, json);
    if (encoded === null) continue;
    taken++;
    // A record that ends early is one only if nothing but space follows it.
    const expected = fromObject(SPEC, json.slice(0, encoded.next));
    if (JSON.stringify(encoded) !== JSON.stringify(expected)) expect([json, encoded]).toEqual([json, expected]);
  }
  expect(taken).toBeGreaterThan(1000);
});

test("a model with a cross has none", () => {
  const [site, , color] = FIELDS as [FittedField, FittedField, FittedField];
  const cross = { ...site, name: "both", cross: ["site", "color"] } as FittedField;
  expect(JsonRecordEncoder.of({ ...SPEC, fields: [site, color, cross] })).toBeNull();
});
