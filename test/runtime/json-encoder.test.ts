import { expect, test } from "vitest";
import { EncodedRecords } from "../../format/encoded-records.ts";
import type { FittedField, FittedSpec } from "../../format/fitted-spec.ts";
import { type FieldSide, RecordEncoder } from "../../format/record.ts";
import { writeBlob } from "../../format/write-blob.ts";
import { TEXT_BYTES } from "../../runtime/abi.ts";
import { JsonEncoder } from "../../runtime/json-encoder.ts";
import { HASH_KEY } from "../../testing/format/hash-key.ts";
import { integer, seeded } from "../../testing/format/random.ts";
import { instantiate, KERNELS, loadInto, type TestKernel } from "../../testing/kernel/harness.ts";
import { randomModel } from "../../testing/kernel/random-model.ts";

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
const SEEDED: FittedSpec = { name: "m", label: "y", fields: FIELDS };
/** Whose entries the kernel makes all, many records at a time. */
const TEXTS = FIELDS.filter(({ type, prepare }) => type === "categorical" && !prepare);
const PLAIN: FittedSpec = { ...SPEC, fields: TEXTS };
const SPECS = [SPEC, SEEDED, PLAIN, { ...SEEDED, fields: TEXTS }];

/** One for each kernel. Of the model, which is loaded, an encoder knows no more than the number of the fields. */
function encodersOf(spec: FittedSpec): JsonEncoder[] {
  const blob = writeBlob(randomModel({ fields: spec.fields.length, embeddingDim: 4 }));
  return KERNELS.map((kernel) => {
    const exports = instantiate(kernel);
    expect(loadInto(exports, blob)).toBe(0);
    return JsonEncoder.of(exports, spec, false) as JsonEncoder;
  });
}

const ENCODERS = new Map(SPECS.map((spec) => [spec, encodersOf(spec)]));

interface Encoded {
  next: number;
  offsets: number[];
  keys: number[];
  values: number[];
}

function shown({ count, entries, offsets, keys, values }: EncodedRecords, fields: number, next: number): Encoded {
  return {
    next,
    offsets: Array.from(offsets.subarray(0, count * fields + 1)),
    keys: Array.from(keys.subarray(0, 2 * entries)),
    values: Array.from(values.subarray(0, entries)),
  };
}

/** What all encoders make of a record's JSON with no comma after it; null where they leave it to the other one. */
function fromJson(spec: FittedSpec, json: string, side?: FieldSide): Encoded | null {
  const bytes = new TextEncoder().encode(`[${json}]`);
  const [first, ...others] = (ENCODERS.get(spec) ?? []).map((encoder) => {
    const out = new EncodedRecords();
    const next = encoder.encode(bytes, 1, bytes.length - 1, out, Number.POSITIVE_INFINITY, side);
    if (next < 0) expect([out.count, out.entries]).toEqual([0, 0]);
    return next < 0 ? null : shown(out, spec.fields.length, next - 1);
  });
  for (const other of others) expect(other).toEqual(first);
  return first as Encoded | null;
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
  return shown(out, spec.fields.length, new TextEncoder().encode(json).length);
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
  '{"ünï":"a name beyond ASCII, which is a column\'s"}',
];

test.each(SIMPLE)("%s is encoded as the object is", (json) => {
  for (const spec of [SPEC, SEEDED]) {
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
  const taken = new Map(SPECS.map((spec) => [spec, 0]));
  for (let i = 0; i < 1500; i++) {
    let json = SIMPLE[i % SIMPLE.length] as string;
    for (let edit = integer(random, 0, 2); edit > 0; edit--) {
      const at = integer(random, 0, json.length - 1);
      const put = ALPHABET[integer(random, 0, ALPHABET.length - 1)];
      json = json.slice(0, at) + put + json.slice(at + integer(random, 0, 1));
    }
    for (const spec of SPECS) {
      const encoded = fromJson(spec, json);
      if (encoded === null) continue;
      taken.set(spec, (taken.get(spec) ?? 0) + 1);
      // A record that ends early is one only if nothing but space follows it.
      const whole = new TextDecoder().decode(new TextEncoder().encode(json).subarray(0, encoded.next));
      const expected = fromObject(spec, whole);
      if (JSON.stringify(encoded) !== JSON.stringify(expected)) expect([json, encoded]).toEqual([json, expected]);
    }
  }
  expect(taken.get(SPEC)).toBeGreaterThan(400);
  expect(taken.get(PLAIN)).toBeGreaterThan(100);
});

/** What the first encoder makes of a list, what it leaves, and what RecordEncoder makes of as many elements. */
function listed(
  spec: FittedSpec,
  list: readonly unknown[],
  json: string,
): { rest: string; json: Encoded; of: Encoded } {
  const bytes = new TextEncoder().encode(json);
  const [out, expected] = [new EncodedRecords(), new EncodedRecords()];
  const [encoder] = ENCODERS.get(spec) as [JsonEncoder];
  const next = encoder.encode(bytes, 1, bytes.length - 1, out, 1e6, undefined);
  const objects = new RecordEncoder(spec);
  for (const record of list.slice(0, out.count)) objects.encodeObject(record, expected, "");
  const { length } = spec.fields;
  const rest = new TextDecoder().decode(bytes.subarray(next));
  return { rest, json: shown(out, length, 0), of: shown(expected, length, 0) };
}

const TEXTS_OF_ALL_LENGTHS = Array.from({ length: 2000 }, (_, i) => ({
  ...{ site: "s".repeat(i % 70), hour: i, color: `c${i}`.padEnd(i % 40, "x") },
  ...(i % 3 === 0 && { ünï: i % 2 === 0 }),
}));

test.each([
  ["", SPEC],
  ["without values of the host", PLAIN],
  ["with seeds", SEEDED],
])("a list that takes several windows is encoded whole %s", (_what, spec) => {
  const json = JSON.stringify(TEXTS_OF_ALL_LENGTHS, null, 1);
  expect(json.length).toBeGreaterThan(3 * TEXT_BYTES);
  const { rest, ...encoded } = listed(spec, TEXTS_OF_ALL_LENGTHS, json);
  expect(encoded.json).toEqual(encoded.of);
  expect(rest.trim()).toBe("]");
});

test("what follows an element that is not simple is left", () => {
  const list = [...TEXTS_OF_ALL_LENGTHS.slice(0, 100), { color: "a\n" }, { color: "b" }];
  const json = JSON.stringify(list);
  for (const spec of [SPEC, PLAIN]) {
    const { rest, ...encoded } = listed(spec, list, json);
    expect(rest).toBe(',{"color":"a\\n"},{"color":"b"}]');
    expect(encoded.json).toEqual(encoded.of);
  }
});

test("records with more values than there may be are left, and none of them stays", () => {
  const bytes = new TextEncoder().encode('[{"site":"a"},{"site":"b"}]');
  for (const spec of [SPEC, PLAIN]) {
    const [encoder] = ENCODERS.get(spec) as [JsonEncoder];
    const out = new EncodedRecords();
    expect(encoder.encode(bytes, 1, bytes.length - 1, out, 2, undefined)).toBe(-1);
    expect([out.count, out.entries]).toEqual([0, 0]);
  }
});

test("a column whose name JSON must escape is never found", () => {
  const names = ['a"b', "a\\", "a\n", "a"];
  const fields = names.map((name, i): FittedField => ({ ...(TEXTS[i % 2] as FittedField), name }));
  const spec: FittedSpec = { ...SPEC, fields };
  ENCODERS.set(spec, encodersOf(spec));
  for (const name of names.slice(0, 3)) {
    expect(fromJson(spec, `{"${name}":"x"}`)).toBeNull();
    expect(fromJson(spec, JSON.stringify({ [name]: "x" }))).toBeNull();
  }
  expect(fromJson(spec, '{"a":"x"}')).toEqual(fromObject(spec, '{"a":"x"}'));
});

test("names are told apart by all their letters, in whatever order members come", () => {
  const names = Array.from({ length: 256 }, (_, i) => `${"column".repeat(i % 5)}${i}`);
  const fields = names.map((name): FittedField => ({ ...(TEXTS[0] as FittedField), name }));
  const spec: FittedSpec = { ...SPEC, fields };
  ENCODERS.set(spec, encodersOf(spec));
  const random = seeded(2);
  for (let i = 0; i < 20; i++) {
    const order = names.map((name) => ({ name, at: random() })).sort((a, b) => a.at - b.at);
    const json = JSON.stringify(Object.fromEntries(order.map(({ name }) => [name, `v${integer(random, 0, 9)}`])));
    expect(fromJson(spec, json)).toEqual(fromObject(spec, json));
    expect(fromJson(spec, json.replace(`"${names[i]}"`, `"${names[i]}x"`))).toBeNull();
  }
});

test("a model with a cross has none", () => {
  const [site, , color] = FIELDS as [FittedField, FittedField, FittedField];
  const cross = { ...site, name: "both", cross: ["site", "color"] } as FittedField;
  expect(
    JsonEncoder.of(instantiate(KERNELS[0] as TestKernel), { ...SPEC, fields: [site, color, cross] }, false),
  ).toBeNull();
});
