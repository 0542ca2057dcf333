import { expect, test } from "vitest";
import { EncodedRecords } from "../../format/encoded-records.ts";
import { exampleRecord } from "../../format/example-record.ts";
import type { FittedField, FittedSpec } from "../../format/fitted-spec.ts";
import { RecordEncoder } from "../../format/record.ts";
import { RECORD_CASES } from "../../testing/format/golden-records.ts";
import { HASH_KEY } from "../../testing/format/hash-key.ts";

test("the example of a spec's record is one that its encoder takes, and that names each column", () => {
  for (const { spec } of RECORD_CASES) {
    const encoder = new RecordEncoder(spec);
    const example = exampleRecord(spec);
    expect(Object.keys(example)).toEqual(encoder.columns);
    const out = new EncodedRecords();
    encoder.encodeObject(JSON.parse(JSON.stringify(example)), out, JSON.stringify(spec.fields));
    expect(out.count).toBe(1);
  }
});

const common = { side: "context", kv: false, missing: "own", encoding: { kind: "vocabulary" } } as const;
const list = { type: "multi-categorical", separator: "|", pooling: "mean", maxValues: 5 } as const;

test.each<[string, object[]]>([
  ["elements of a list that are numbers", [{ ...list, prepare: [{ list: "json" }, { decimal: "," }] }]],
  ["elements of a list that are times", [{ ...list, prepare: [{ list: "python" }, { time: "date", zone: "UTC" }] }]],
  ["a column that is read whole and as a list", [{ type: "categorical" }, list]],
  [
    "a column that is read as a time and as a list",
    [{ type: "categorical", prepare: [{ time: "hour", zone: "UTC" }] }, list],
  ],
  [
    "a time of a number's logarithm",
    [{ type: "categorical", prepare: [{ decimal: "," }, { time: "hour", zone: "UTC" }] }],
  ],
  ["a list of two characters at most", [{ ...list, prepare: [{ prefix: 2 }, { list: "json" }] }]],
])("the encoder takes the example of %s", (_what, fields) => {
  const named = fields.map((field, i) => ({ ...common, name: `f${i}`, from: "column", ...field }) as FittedField);
  const spec: FittedSpec = { name: "m", label: "y", hashKey: HASH_KEY, fields: named };
  const example = exampleRecord(spec);
  expect(Object.keys(example)).toEqual(["column"]);
  const out = new EncodedRecords();
  new RecordEncoder(spec).encodeObject(JSON.parse(JSON.stringify(example)), out, "");
  expect(out.count).toBe(1);
});
