import { describe, expect, it, test } from "vitest";
import { FittedSpecSchema } from "../../../format/fitted-spec.ts";
import { parseWith } from "../../../format/parse.ts";
import { parseFeatureSpec } from "../../../format/spec.ts";

const id = { name: "id", type: "categorical" };
const tags = { name: "tags", type: "multi-categorical" };
const price = { name: "price", type: "numeric" };
const ad = { name: "ad", type: "categorical", side: "item" };

function parse(fields: object[], more: object = {}) {
  return parseFeatureSpec(JSON.stringify({ name: "s", fields, ...more }), "s.json");
}

describe("a step is refused where it stands", () => {
  it.each<[string, object, string]>([
    [
      "that is none",
      { ...id, prepare: ["lowercase"] },
      's.json: fields[0].prepare[0]: got "lowercase", expected ("trim" |',
    ],
    [
      "with a key that is misspelled",
      { ...id, prepare: ["trim", { tiem: "hour" }] },
      'prepare[1].tiem: unknown key, expected "time"',
    ],
    [
      "with another key",
      { ...id, prepare: [{ time: "hour", zon: "UTC" }] },
      'prepare[0].zon: unknown key, expected "zone"',
    ],
    ["of two", { ...id, prepare: [{ prefix: 1, capture: "(a)" }] }, "fields[0].prepare[0]"],
    ["that is a number", { ...id, prepare: [1] }, "fields[0].prepare[0]: got 1, expected"],
    ["in no list", { ...id, prepare: "trim" }, 'fields[0].prepare: got "trim", expected Array'],
    ["in an empty list", { ...id, prepare: [] }, "fields[0].prepare: got length 0, expected >=1"],
    [
      "after sixteen",
      { ...id, prepare: new Array(17).fill("trim") },
      "fields[0].prepare: got length 17, expected <=16",
    ],
    [
      "with another part",
      { ...id, prepare: [{ time: "minute" }] },
      'prepare[0].time: got "minute", expected ("hour" |',
    ],
    [
      "with another zone",
      { ...id, prepare: [{ time: "hour", zone: "Europe/Berln" }] },
      'prepare[0].zone: got "Europe/Berln", expected an IANA time zone such as "Europe/Berlin"',
    ],
    ["with an offset as zone", { ...id, prepare: [{ time: "hour", zone: "+02:00" }] }, "expected an IANA time zone"],
    [
      "with format and unit",
      { ...id, prepare: [{ time: "hour", format: "%H", unit: "s" }] },
      "prepare[0]: got both a format and a unit, expected one",
    ],
    [
      "with an unknown directive",
      { ...id, prepare: [{ time: "hour", format: "%H:%Q" }] },
      'prepare[0]: got the time format "%H:%Q" with "%Q", expected of its directives %Y',
    ],
    [
      "with a format that lacks the part",
      { ...id, prepare: [{ time: "weekday", format: "%d.%m. %H:%M" }] },
      'got the time format "%d.%m. %H:%M", expected one that has what gives the weekday',
    ],
    [
      "with half a clock",
      { ...id, prepare: [{ time: "hour", format: "%I:%M" }] },
      "with one of %I and %p, expected both",
    ],
    [
      "with %z alone",
      { ...id, prepare: [{ time: "hour", format: "%H:%M%z" }] },
      "with the offset %z, expected date and",
    ],
    [
      "with % at the end",
      { ...id, prepare: [{ time: "hour", format: "%H%" }] },
      'with "%", expected of its directives',
    ],
    [
      "with equal separators",
      { ...price, prepare: [{ decimal: ",", thousands: "," }] },
      'got "," for both decimal and th',
    ],
    [
      "with a digit as separator",
      { ...price, prepare: [{ decimal: ",", thousands: "1" }] },
      "expected one character that",
    ],
    [
      "with two characters",
      { ...price, prepare: [{ decimal: ",", thousands: ".." }] },
      "expected one character that is no",
    ],
    ["with another decimal", { ...price, prepare: [{ decimal: ";" }] }, 'prepare[0].decimal: got ";", expected ("." |'],
    [
      "with bounds reversed",
      { ...price, prepare: [{ clip: [1, 0] }] },
      "clip: got [1,0], expected the lower bound first",
    ],
    ["with one bound", { ...price, prepare: [{ clip: [1] }] }, "prepare[0].clip"],
    ["with no prefix", { ...id, prepare: [{ prefix: 0 }] }, "prepare[0].prefix: got 0, expected >=1"],
    ["with no missing text", { ...id, prepare: [{ missing: [] }] }, "prepare[0].missing: got length 0"],
    [
      "with another syntax",
      { ...tags, prepare: [{ list: "yaml" }] },
      'prepare[0].list: got "yaml", expected ("json" |',
    ],
    ["with no group", { ...id, prepare: [{ capture: "^a" }] }, "prepare[0].capture: got a pattern with 0 groups"],
    [
      "log of text",
      { ...id, prepare: ["log"] },
      "prepare[0]: got log in a categorical field, expected it in a numeric",
    ],
    [
      "clip of elements",
      { ...tags, prepare: [{ clip: [0, 1] }] },
      "got clip in a multi-categorical field, expected it in",
    ],
    [
      "list of one value",
      { ...id, prepare: ["trim", { list: "json" }] },
      "prepare[1]: got list in a categorical field",
    ],
    [
      "list of a number",
      { ...price, prepare: [{ list: "json" }] },
      "got list in a numeric field, expected it in a multi",
    ],
    [
      "list twice",
      { ...tags, prepare: [{ list: "json" }, { list: "json" }] },
      "prepare[1]: got list twice, expected it",
    ],
    [
      "list after a number",
      { ...tags, prepare: [{ decimal: "." }, { list: "json" }] },
      "got list after a step that makes",
    ],
    [
      "a numeric date",
      { ...price, prepare: [{ time: "date" }] },
      "got the time's date in a numeric field, expected its",
    ],
    [
      "text after a number",
      { ...price, prepare: ["log", "trim"] },
      "prepare[1]: got trim after a step that makes a number",
    ],
    [
      "decimal after a number",
      { ...id, prepare: [{ time: "hour" }, { decimal: "." }] },
      "got decimal after a step that",
    ],
  ])("%s", (_, field, problem) => {
    expect(() => parse([field])).toThrow(problem);
  });
});

test.each<[string, object]>([
  [
    "a number that a text step made a text again",
    { ...id, prepare: [{ decimal: "." }, { prefix: 3 }, { decimal: "." }] },
  ],
  [
    "a time's date, which is a text",
    { ...id, prepare: [{ time: "date", zone: "UTC" }, { prefix: 4 }, { decimal: "." }] },
  ],
  ["a number of each element of a list", { ...tags, prepare: [{ list: "json" }, { decimal: "." }] }],
  ["a list of a text", { ...tags, prepare: [{ decimal: "." }, "trim", { list: "json" }] }],
  ["a part of a time as a number", { ...price, prepare: [{ time: "hour", zone: "UTC" }, { clip: [0, 12] }] }],
  ["further texts that mean missing, before a number", { ...price, prepare: [{ missing: ["-"] }, { decimal: "," }] }],
])("steps are taken that make %s", (_, field) => {
  expect(parse([field]).fields[0]?.prepare).toEqual((field as { prepare: unknown }).prepare);
});

describe("where values come from", () => {
  it.each<[string, object[], object, string]>([
    [
      "the label",
      [{ ...id, from: "label" }],
      {},
      'fields[0].from: got "label", which is the label, expected another col',
    ],
    [
      "a column of both sides",
      [
        { ...id, from: "ts" },
        { ...ad, from: "ts" },
      ],
      {},
      'fields[1].side: got "item" from the column "ts", which the field "id" has on the side "context", expected one side',
    ],
    [
      "what SQL computes",
      [id],
      { data: { select: { ID: "upper(raw)" } } },
      'fields[0].name: got "id", which data.select computes, so that every caller would have to: expected a column of the ' +
        'log, with "prepare" for what is made of it, or "servedAs": "given" where callers do send the computed value',
    ],
    [
      "what SQL computes, by from",
      [{ ...id, from: "x" }],
      { data: { select: { x: "1" } } },
      'fields[0].from: got "x", which',
    ],
    [
      "another way to be served",
      [{ ...id, servedAs: "computed" }],
      {},
      'fields[0].servedAs: got "computed", expected "given"',
    ],
    ["no column", [{ ...id, from: "" }], {}, "fields[0].from: got length 0"],
  ])("%s is refused", (_, fields, more, problem) => {
    expect(() => parse(fields, more)).toThrow(problem);
  });

  test("SQL for the label, and for a field that says so, is not", () => {
    const data = { select: { label: "rating >= 4", id: "upper(raw)", unused: "1" } };
    expect(parse([{ ...id, servedAs: "given" }], { data }).fields[0]).toMatchObject({ servedAs: "given" });
  });

  test("several fields may come from one column", () => {
    const { fields } = parse([id, { ...id, name: "b", from: "id" }, { ...price, from: "id" }]);
    expect(fields.map(({ from }) => from)).toEqual([undefined, "id", "id"]);
  });
});

describe("a cross", () => {
  const cross = (more: object = {}, ...others: object[]): object[] => [
    id,
    { ...id, name: "device" },
    tags,
    price,
    ad,
    { name: "x", type: "categorical", cross: ["id", "device"], ...more },
    ...others,
  ];

  it.each<[string, object, string]>([
    ["of one field", { cross: ["id", "id"] }, 'fields[5].cross: got ["id","id"], expected two different fields'],
    ["of an unknown field", { cross: ["id", "y"] }, 'expected the names of two other fields: "y" is none'],
    ["of a list", { cross: ["id", "tags"] }, 'expected two categorical fields: "tags" is multi-categorical'],
    ["of a number", { cross: ["price", "id"] }, 'expected two categorical fields: "price" is numeric'],
    ["of itself", { cross: ["id", "x"] }, 'expected two fields with columns: "x" is a cross itself'],
    ["of three", { cross: ["id", "device", "ad"] }, "fields[5].cross"],
    ["with a column", { from: "id" }, "fields[5].from: got from in a cross, which is made of fields that have it"],
    ["with steps", { prepare: ["trim"] }, "fields[5].prepare: got prepare in a cross"],
    ["with servedAs", { servedAs: "given" }, "fields[5].servedAs: got servedAs in a cross"],
    ["of the other side", { side: "item" }, 'fields[5].side: got "item", expected "context" as of "id" and "device"'],
    ["of another type", { type: "numeric" }, "fields[5].cross: unknown key"],
  ])("%s is refused", (_, more, problem) => {
    expect(() => parse(cross(more))).toThrow(problem);
  });

  test("with a part of the item is the item's", () => {
    expect(parse(cross()).fields[5]?.side).toBe("context");
    expect(parse(cross({ cross: ["id", "ad"] })).fields[5]?.side).toBe("item");
    expect(parse(parse(cross({ cross: ["id", "ad"] })).fields).fields[5]?.side).toBe("item");
  });

  test("of both sides is none for towers", () => {
    const model = { type: "two-tower" };
    expect(() => parse(cross({ cross: ["id", "ad"] }), { model })).toThrow(
      "s.json: got the cross \"x\" of a context's and an item's field, expected both of one side in a two-tower model",
    );
    expect(() => parse(cross(), { model })).not.toThrow();
  });
});

test("a fitted spec is checked alike", () => {
  const field = { ...id, side: "context", kv: false, encoding: { kind: "vocabulary" } };
  const fitted = (...fields: object[]) => parseWith(FittedSpecSchema, { name: "s", label: "y", fields }, "blob");
  expect(() => fitted({ ...field, prepare: ["log"] })).toThrow(
    "blob: fields[0].prepare[0]: got log in a categorical field",
  );
  expect(() => fitted({ ...field, from: "y" })).toThrow("blob: fields[0].from");
  expect(() => fitted({ ...field, servedAs: "given" })).toThrow("blob: fields[0].servedAs: unknown key");
  const x = { ...field, name: "x", cross: ["id", "ad"] };
  expect(() => fitted(field, { ...field, name: "ad", side: "item" }, x)).toThrow(
    'fields[2].side: got "context", expected',
  );
});
