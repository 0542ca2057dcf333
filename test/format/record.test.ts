import { describe, expect, test } from "vitest";
import { EncodedRecords } from "../../format/encoded-records.ts";
import type { FittedField, FittedSpec } from "../../format/fitted-spec.ts";
import { logSquaredBin, RecordEncoder } from "../../format/record.ts";
import { upperBound } from "../../format/upper-bound.ts";
import { encodedJson } from "../../testing/format/golden.ts";
import { HASH_KEY, rowKeyOf } from "../../testing/format/hash-key.ts";

const base = { name: "f", side: "context", kv: false } as const;
const categorical: FittedField = { ...base, type: "categorical", encoding: { kind: "vocabulary" }, missing: "own" };
const numeric: FittedField = {
  ...base,
  type: "numeric",
  encoding: { kind: "value", shift: 0, factor: 1 },
  missing: "own",
};
const multi: FittedField = {
  ...base,
  type: "multi-categorical",
  encoding: { kind: "vocabulary" },
  separator: "|",
  pooling: "mean",
  maxValues: 3,
  missing: "own",
};

function encode(field: FittedField, value: unknown): { offsets: number[]; keys: string[]; values: number[] } {
  return encodedJson(new RecordEncoder({ name: "m", label: "y", hashKey: HASH_KEY, fields: [field] }), { f: value });
}

function key(text: string): string {
  const { lo, hi } = rowKeyOf("f", text);
  return hi.toString(16).padStart(8, "0") + lo.toString(16).padStart(8, "0");
}

describe("canonical text", () => {
  test.each([
    ["text", "17", "17"],
    ["a number", 17, "17"],
    ["a number with a fraction of zero", 17.0, "17"],
    ["a bigint", 17n, "17"],
    ["minus zero", -0, "0"],
    ["a fraction", 0.1, "0.1"],
    ["a small number", 1e-7, "1e-7"],
    ["the largest safe integer", 2 ** 53 - 1, "9007199254740991"],
    ["a bigint beyond it", 2n ** 64n, "18446744073709551616"],
    ["true", true, "true"],
    ["false", false, "false"],
  ])("%s", (_name, value, text) => {
    expect(encode(categorical, value)).toEqual({ offsets: [0, 1], keys: [key(text)], values: [1] });
  });

  test.each([null, undefined, ""])("%j is missing", (value) => {
    expect(encode(categorical, value)).toEqual({ offsets: [0, 1], keys: [key("")], values: [1] });
    expect(encode({ ...categorical, missing: "oov" }, value).keys).toEqual(["0000000000000000"]);
    expect(encode({ ...categorical, missing: "skip" }, value)).toEqual({ offsets: [0, 0], keys: [], values: [] });
  });

  test("text and number of different spelling differ", () => {
    expect(encode(categorical, "17.0").keys).not.toEqual(encode(categorical, 17).keys);
    expect(encode(categorical, " 17").keys).not.toEqual(encode(categorical, 17).keys);
  });

  test("a hash bucket is the low word modulo the buckets, under the key of its digits", () => {
    const { lo } = rowKeyOf("f", "news");
    const hashed: FittedField = { ...categorical, encoding: { kind: "hash", buckets: 1000 } };
    expect(encode(hashed, "news").keys).toEqual([key(String(lo % 1000))]);
    expect(encode(hashed, "").keys).toEqual([key("")]);
  });
});

describe("numeric values", () => {
  test.each([
    ["12.5", 12.5],
    [" +1.25e1\t", 12.5],
    ["-.5", -0.5],
    ["7.", 7],
    [true, 1],
    [false, 0],
    [-3n, -3],
    [3.4028234663852886e38, 3.4028234663852886e38],
  ])("%s", (raw, x) => {
    expect(encode(numeric, raw)).toEqual({ offsets: [0, 1], keys: [key("value")], values: [x] });
  });

  test("shift and factor are applied in float64 and rounded once", () => {
    const scaled: FittedField = { ...numeric, encoding: { kind: "value", shift: 0.1, factor: 3 } };
    expect(encode(scaled, 0.7).values).toEqual([Math.fround((0.7 - 0.1) * 3)]);
  });

  test("a number that stands in for a missing one is scaled too", () => {
    const scaled: FittedField = { ...numeric, encoding: { kind: "value", shift: 10, factor: 0.5 }, missing: 14 };
    expect(encode(scaled, null).values).toEqual([2]);
  });

  test.each([
    [-2.5, "s-3"],
    [-1, "s-1"],
    [-0, "s0"],
    [0, "s0"],
    [0.99, "s0"],
    [1, "s1"],
    [2, "s2"],
    [2.0000001, "0"],
    [Math.E, "1"],
    [3, "1"],
    [7.389056, "3"],
    [7.389057, "4"],
    [1e6, "190"],
  ])("log2 of %d is %s", (x, bin) => {
    expect(logSquaredBin(x)).toBe(bin);
    expect(encode({ ...numeric, encoding: { kind: "log2" } }, x).keys).toEqual([key(bin)]);
  });

  test.each([
    [-1, 0],
    [0, 1],
    [9.99, 1],
    [10, 2],
    [20, 3],
    [1e9, 3],
  ])("the interval of %d among 0, 10, 20 is %i", (x, interval) => {
    expect(upperBound([0, 10, 20], x)).toBe(interval);
    const field: FittedField = { ...numeric, encoding: { kind: "boundaries", boundaries: [0, 10, 20] } };
    expect(encode(field, x).keys).toEqual([key(String(interval))]);
  });

  test("a long run of digits is refused in linear time", () => {
    const fastest = (digits: number): number => {
      const times = Array.from({ length: 5 }, () => {
        const start = performance.now();
        expect(() => encode(numeric, `${"1".repeat(digits)}x`)).toThrow("expected a number");
        return performance.now() - start;
      });
      return Math.min(...times);
    };
    // Quadratic time would make it 64.
    expect(fastest(160_000) / fastest(20_000)).toBeLessThan(32);
  });
});

describe("multi-valued fields", () => {
  const third = Math.fround(1 / 3);
  test.each([
    ["a|b", ["a", "b"], 0.5],
    [["a", "b"], ["a", "b"], 0.5],
    [["a|b"], ["a|b"], 1],
    ["a|a|a", ["a", "a", "a"], third],
    ["||a|", ["a"], 1],
    ["a|b|c|d", ["a", "b", "c"], third],
    [["", "a", null, "b", undefined, "c", "d"], ["a", "b", "c"], third],
    [[17, "17", true], ["17", "17", "true"], third],
    [17, ["17"], 1],
    ["|", [""], 1],
    [[], [""], 1],
  ])("%j", (raw, texts, value) => {
    expect(encode(multi, raw)).toEqual({
      offsets: [0, texts.length],
      keys: texts.map(key),
      values: texts.map(() => value),
    });
  });

  test("a sum has the values 1", () => {
    expect(encode({ ...multi, pooling: "sum" }, "a|b|c").values).toEqual([1, 1, 1]);
  });
});

describe("rejections name the place, the value and what was expected", () => {
  const text = "expected a string, a number, true, false or null";
  test.each<[string, FittedField, unknown, string]>([
    ["an object as a category", categorical, { a: 1 }, `rows[3].f: got {"a":1}, ${text}`],
    ["a list as a category", categorical, ["a"], `rows[3].f: got ["a"], ${text}`],
    ["a list with a bigint as a category", categorical, [1n], `rows[3].f: got [1n], ${text}`],
    ["NaN as a category", categorical, Number.NaN, `rows[3].f: got NaN, ${text}`],
    ["infinity as a category", categorical, Number.POSITIVE_INFINITY, `rows[3].f: got Infinity, ${text}`],
    [
      "an unsafe integer",
      categorical,
      2 ** 53,
      "rows[3].f: got 9007199254740992, expected integers beyond 2^53 as text",
    ],
    ["an unsafe negative integer", categorical, -1e21, "rows[3].f: got -1e+21, expected integers beyond 2^53 as text"],
    ["a list within a list", multi, [["a"]], `rows[3].f: got ["a"], ${text}`],
    ["an object as a list", multi, {}, `rows[3].f: got {}, ${text}`],
    ["words as a number", numeric, "abc", `rows[3].f: got "abc", expected a number`],
    ["white space as a number", numeric, " ", `rows[3].f: got " ", expected a number`],
    ["hexadecimal", numeric, "0x10", `rows[3].f: got "0x10", expected a number`],
    ["NaN as a number", numeric, Number.NaN, "rows[3].f: got NaN, expected a number"],
    ["the word NaN", numeric, "NaN", `rows[3].f: got "NaN", expected a number`],
    ["a list as a number", numeric, [5], "rows[3].f: got [5], expected a number"],
    ["a number that float32 cannot hold", numeric, 3.5e38, "rows[3].f: got 3.5e+38, expected a number"],
    ["text beyond float64", numeric, "1e999", `rows[3].f: got "1e999", expected a number`],
    [
      "a number that float32 cannot hold once scaled",
      { ...numeric, encoding: { kind: "value", shift: 0, factor: 10 } },
      3e38,
      "rows[3].f: got 3e+38, expected a number that float32 holds once it is scaled",
    ],
  ])("%s", (_name, field, value, message) => {
    const encoder = new RecordEncoder({ name: "m", label: "y", hashKey: HASH_KEY, fields: [field] });
    expect(() => encoder.encodeObject({ f: value }, new EncodedRecords(), "rows[3]")).toThrow(
      expect.objectContaining({ name: "FormatError", message }),
    );
  });

  test("an unknown field", () => {
    const encoder = new RecordEncoder({ name: "m", label: "y", hashKey: HASH_KEY, fields: [categorical] });
    const record = JSON.parse('{"f": 1, "__proto__": 2}');
    expect(() => encoder.encodeObject(record, new EncodedRecords(), "r")).toThrow("r.__proto__: unknown field");
  });

  test.each([
    [null, "null"],
    [[], "[]"],
    ["a", '"a"'],
  ])("%j for a record", (record, shown) => {
    const encoder = new RecordEncoder({ name: "m", label: "y", hashKey: HASH_KEY, fields: [categorical] });
    expect(() => encoder.encodeObject(record, new EncodedRecords(), "r")).toThrow(
      `r: got ${shown}, expected an object of fields`,
    );
  });

  test("a refused record leaves the earlier ones as they were", () => {
    const spec: FittedSpec = {
      name: "m",
      label: "y",
      hashKey: HASH_KEY,
      fields: [{ ...multi, name: "tags" }, numeric],
    };
    const encoder = new RecordEncoder(spec);
    const out = new EncodedRecords();
    encoder.encodeObject({ tags: "a|b", f: 1 }, out, "r");
    expect(() => encoder.encodeObject({ tags: "c|d", f: "x" }, out, "r")).toThrow("r.f");
    encoder.encodeObject({ tags: "e", f: 2 }, out, "r");
    expect(out.count).toBe(2);
    expect(Array.from(out.offsets.subarray(0, 5))).toEqual([0, 2, 3, 4, 5]);
    expect(Array.from(out.values.subarray(0, 5))).toEqual([0.5, 0.5, 1, 1, 2]);
  });
});

test("many records, as objects and as values in the order of the fields, encode as each alone does", () => {
  const spec: FittedSpec = { name: "m", label: "y", hashKey: HASH_KEY, fields: [{ ...multi, name: "tags" }, numeric] };
  const encoder = new RecordEncoder(spec);
  const byObject = new EncodedRecords();
  const byValues = new EncodedRecords();
  const keys: number[] = [];
  const values: number[] = [];
  const offsets = [0];
  for (let i = 0; i < 3000; i++) {
    const tags = Array.from({ length: i % 4 }, (_, j) => `tag${i % (j + 7)}`);
    encoder.encodeObject({ f: i, tags }, byObject, "r");
    encoder.encodeValues([tags.join("|"), String(i)], byValues, "r");
    const alone = new EncodedRecords();
    encoder.encodeObject({ f: i, tags }, alone, "r");
    offsets.push(...alone.offsets.slice(1, 3).map((offset) => offset + values.length));
    keys.push(...alone.keys.subarray(0, 2 * alone.entries));
    values.push(...alone.values.subarray(0, alone.entries));
  }
  for (const all of [byObject, byValues]) {
    expect([all.count, all.entries]).toEqual([3000, values.length]);
    expect(all.keys.subarray(0, keys.length)).toEqual(Uint32Array.from(keys));
    expect(all.values.subarray(0, values.length)).toEqual(Float32Array.from(values));
    expect(all.offsets.subarray(0, offsets.length)).toEqual(Uint32Array.from(offsets));
  }
  byObject.clear();
  expect([byObject.count, byObject.entries]).toEqual([0, 0]);
});

test("a field's keys depend on its name and the hash key alone", () => {
  const [first] = encodedJson(new RecordEncoder({ name: "m", label: "y", hashKey: HASH_KEY, fields: [categorical] }), {
    f: "a",
  }).keys;
  const fields = [{ ...categorical, name: "g" }, categorical];
  const moved = new RecordEncoder({ name: "n", label: "z", hashKey: HASH_KEY, fields });
  expect(encodedJson(moved, { g: "a", f: "a" }).keys[1]).toBe(first);
  expect(encodedJson(moved, { g: "a", f: "a" }).keys[0]).not.toBe(first);
  const rekeyed = new RecordEncoder({ name: "n", label: "z", hashKey: "0".repeat(32), fields });
  expect(encodedJson(rekeyed, { g: "a", f: "a" }).keys[1]).not.toBe(first);
});
