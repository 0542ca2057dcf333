import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { EncodedRecords } from "../../format/encoded-records.ts";
import type { FittedSpec } from "../../format/fitted-spec.ts";
import { RecordEncoder } from "../../format/record.ts";
import { encodedJson } from "../../testing/format/golden.ts";
import { fromJsonValue, RECORD_CASES } from "../../testing/format/golden-records.ts";

interface GoldenCase {
  spec: FittedSpec;
  records: { record: Record<string, unknown>; offsets: number[]; keys: string[]; values: number[] }[];
}
const read = (path: string): GoldenCase[] => JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8"));
const golden = read("../golden/records.json");

describe("golden records of formats before", () => {
  test.each([
    [5, false],
    [6, true],
  ])("%i are encoded as they were", (format, keyed) => {
    for (const { spec, records } of read(`../golden/v${format}/records.json`)) {
      expect("hashKey" in spec).toBe(keyed);
      const encoder = new RecordEncoder(spec);
      for (const { record, ...expected } of records) {
        const raw = Object.fromEntries(Object.entries(record).map(([name, value]) => [name, fromJsonValue(value)]));
        expect(encodedJson(encoder, raw), JSON.stringify(record)).toEqual(expected);
      }
    }
  });
});

describe("golden records", () => {
  test.each(golden.map((one, i) => [i, JSON.stringify(one.spec.fields), one] as const))("%i: %s", (_i, _text, one) => {
    const encoder = new RecordEncoder(one.spec);
    for (const { record, ...expected } of one.records) {
      const raw = Object.fromEntries(Object.entries(record).map(([name, value]) => [name, fromJsonValue(value)]));
      expect(encodedJson(encoder, raw), JSON.stringify(record)).toEqual(expected);
    }
  });

  test("the file has every case", () => {
    expect(golden.map(({ records }) => records.length)).toEqual(RECORD_CASES.map(({ records }) => records.length));
  });

  test("records encoded one after the other are the single ones put together", () => {
    for (const { spec, records } of golden) {
      const encoder = new RecordEncoder(spec);
      const all = new EncodedRecords();
      for (const { record } of records) {
        encoder.encodeObject(
          Object.fromEntries(Object.entries(record).map(([k, x]) => [k, fromJsonValue(x)])),
          all,
          "r",
        );
      }
      expect(all.count).toBe(records.length);
      const values = records.flatMap((one) => one.values);
      expect(Array.from(all.values.subarray(0, all.entries))).toEqual(values);
      let entries = 0;
      const offsets = [0];
      for (const one of records) {
        offsets.push(...one.offsets.slice(1).map((offset) => offset + entries));
        entries += one.values.length;
      }
      expect(Array.from(all.offsets.subarray(0, offsets.length))).toEqual(offsets);
    }
  });
});
