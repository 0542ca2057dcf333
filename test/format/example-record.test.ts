import { expect, test } from "vitest";
import { EncodedRecords } from "../../format/encoded-records.ts";
import { exampleRecord } from "../../format/example-record.ts";
import { RecordEncoder } from "../../format/record.ts";
import { RECORD_CASES } from "../../testing/format/golden-records.ts";

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
