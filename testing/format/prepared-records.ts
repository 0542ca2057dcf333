import type { FittedField, FittedSpec } from "../../format/fitted-spec.ts";
import type { Step } from "../../format/prepare/steps.ts";
import { HASH_KEY } from "./hash-key.ts";

// Records of fields with steps, columns of another name, and crosses: each step with its corners.

interface PreparedCase {
  spec: FittedSpec;
  records: Record<string, unknown>[];
}

const common = { side: "context", kv: false, missing: "own" } as const;
const vocabulary = { kind: "vocabulary" } as const;

const plain = { name: "f", ...common, type: "categorical", encoding: vocabulary } as const;

function text(prepare: Step[]): FittedField {
  return { ...plain, prepare };
}

function number(prepare: Step[], missing: "own" | number = "own"): FittedField {
  const encoding = { kind: "value", shift: 0, factor: 1 } as const;
  return { name: "f", ...common, missing, type: "numeric", encoding, prepare };
}

function list(prepare: Step[], maxValues = 50): FittedField {
  const own = { separator: "|", pooling: "sum", maxValues } as const;
  return { name: "f", ...common, type: "multi-categorical", encoding: vocabulary, ...own, prepare };
}

/** A record for each value of the field's column. */
function one(field: FittedField, values: unknown[]): PreparedCase {
  return many(
    [field],
    values.map((value) => (value === undefined ? {} : { [field.from ?? "f"]: value })),
  );
}

function many(fields: FittedField[], records: Record<string, unknown>[]): PreparedCase {
  return { spec: { name: "golden", label: "click", hashKey: HASH_KEY, fields }, records };
}

const NOTHING = [null, undefined, ""];
/** Every kind of white space, and what looks like it: a zero width space is none. */
const WHITE = "\t\n\v\f\r \u00a0\u1680\u2000\u200a\u2028\u2029\u202f\u205f\u3000\ufeff";
/** Moments around the changes of Berlin's clocks in 2024, on March 31 and October 27, at 01:00 in UTC. */
const CHANGES = [
  ...["2024-03-31T00:59:59Z", "2024-03-31T01:00:00Z", "2024-03-31 02:30", "2024-03-31T02:30:00+01:00"],
  ...["2024-10-27T00:59:59Z", "2024-10-27T01:00:00Z", "2024-10-27T01:59:59.999Z", "2024-10-27 02:30"],
  ...["2024-12-31T23:30:00Z", "2024-07-01T22:30:00-00:30", "1890-01-01T00:00:00Z", "1916-07-01T12:00:00Z"],
];
const TIMES = [
  ...["2024-02-29T23:59:59", "2024-2-9 7:05", "2024/02/29 7:05:03,25", " 2024-02-29 ", "2024-12-31T24:00:00"],
  ...["2024-06-30T23:59:60Z", "2024-02-29t10:00z", "2024-02-29 10:00 UTC", "2024-02-29T10:00:00.123456789+05:30"],
  ...["2024-02-29T10:00-0330", "2024-02-29T23:00-02", "2024-03-01T00:30:00+23:59:59", "0001-01-01", "9999-12-31"],
  ...[1.7e9, "1700000000", "1700000000.75", 1e8, 1e11, 1700000000n, null],
];

export const PREPARED_CASES: PreparedCase[] = [
  one({ ...text(["trim"]), from: "column" }, [`${WHITE}a b${WHITE}`, WHITE, "\u200ba", 17, true, 17n, ...NOTHING]),
  one(text(["spaces"]), [` a${WHITE}b  c`, "a b", 1e-7, null]),
  one(text(["lower"]), ["ÀÉß", "İ", "ΟΔΟΣ", "ΑΣΒ", "true", true, 1e-7, "ǅ", "\ud800A"]),
  one(text(["upper"]), ["straße", "ŉ", "ΐ", "ﬃ", true, "true", "1e-7", 1e-7]),
  one(text(["nfc"]), ["e\u0301", "é", "\u1100\u1161", "ﬁ", "\u212b"]),
  one(text(["nfkc"]), ["ﬁ", "①", "ｶﾞ", "\u00a0a", "\ufdfa", "e\u0301"]),
  one(text([{ missing: ["NaN", "-", "-1"] }]), ["NaN", "-", -1, "-1", -1n, "nan", "a", null]),
  one(text(["trim", { missing: ["n/a"] }, "upper", "spaces", { prefix: 3 }]), [" n/a ", "N/A", " ab  cd ", "  "]),
  one(text([{ prefix: 2 }]), ["abc", "a", "😀😀😀", "e\u0301x", "\ud83d😀a", 12345, true, ""]),
  one(text([{ capture: "^(\\w+)-" }]), ["ab-cd", "-cd", "ab", "é-x", "a_1-", 12, null]),
  one(text([{ capture: "(a|ab)(?:c|bcd)" }]), ["abcd", "xabcdabc", "ab"]),
  one(text([{ capture: "([^,]*),\\s*$" }]), ["a,b, ", "a,", ",", "a"]),
  one(text([{ capture: "(?:^|\\.)([a-z]{2,3}?)[a-z]*$" }]), ["www.example", "a.bc", "abcdef", "x"]),
  one(text([{ capture: "[\\u{1F600}-\\u{1F64F}](.)" }]), ["a😀😂b", "😀", "b"]),
  one(text([{ decimal: "." }]), ["3.0", "3", 3, "1e3", "+.5", true, "9007199254740991", null]),
  one(text([{ decimal: "." }, { prefix: 1 }, "trim"]), ["30.5"]),
  one(number([{ decimal: "," }]), ["41,20", " -0,5 ", ",5", "7,", "1e2", "+1,5E-1", 41.2, 12n, false, ...NOTHING]),
  one(number([{ decimal: ",", thousands: "." }], 5), ["1.234.567,8", "1234,5", "12.345", "1.00.000", "", "0,0"]),
  one(number([{ decimal: ".", thousands: "'" }]), ["12'345.67", "999", "1'000e1"]),
  one(number([{ decimal: ",", thousands: "\u202f" }]), ["12\u202f345,5"]),
  one(number(["trim", { missing: ["NaN"] }, { clip: [-1.5, 10] }]), [" 3 ", "NaN", -7, 1e30, "11", true, -1.5, 10]),
  one(number(["log"]), [0, 1, -1, 1.718281828459045, 1e30, -1e-9, "100", true, null]),
  one(number([{ clip: [0, 5] }, "log"], -2), [-3, 3, 9, ""]),
  one(number([{ prefix: 2 }, { capture: "(\\d)" }]), [57, "57", 1e30, true, "x1y"]),
  one(text([{ time: "hour", zone: "UTC" }]), TIMES),
  one(text([{ time: "weekday", zone: "UTC" }]), TIMES),
  one(number([{ time: "day", zone: "UTC" }]), TIMES),
  one(number([{ time: "month", zone: "UTC" }], 0), TIMES),
  one(text([{ time: "date", zone: "UTC" }]), TIMES),
  one(text([{ time: "hour", zone: "Europe/Berlin" }]), CHANGES),
  one(text([{ time: "date", zone: "Europe/Berlin" }]), CHANGES),
  one(text([{ time: "hour", zone: "America/St_Johns" }]), ["2006-04-02T03:30:59Z", "2006-04-02T03:31:00Z", 1.7e9]),
  one(text([{ time: "hour", zone: "Asia/Kathmandu" }]), ["2024-01-01T00:14:59Z", "2024-01-01T00:15:00Z"]),
  one(text([{ time: "hour", zone: "UTC", unit: "ms" }]), [
    1.7e12,
    "1700000000000",
    0,
    -1,
    3_600_000,
    "2024-01-01T05:00",
  ]),
  one(text([{ time: "date", zone: "Pacific/Auckland", unit: "s" }]), [0, -1, 253402300799 - 86400, "1700000000.999"]),
  one(text([{ time: "hour", zone: "Europe/Berlin", format: "%d.%m.%Y %H:%M" }]), [
    "31.12.2024 7:05",
    "1.2.2024  23:59",
  ]),
  one(text([{ time: "weekday", zone: "UTC", format: "%y%m%d%H" }]), ["14102100", 14102123, "69010100", "68123124"]),
  one(text([{ time: "hour", zone: "UTC", format: "%a, %d %b %Y %I:%M:%S %p %z" }]), [
    ...["Sat, 01 JUN 2024 12:00:00 am +0200", "Monday, 1 june 2024 12:59:60 PM Z"],
  ]),
  one(text([{ time: "date", zone: "UTC", format: "%Y-%j" }]), ["2024-366", "2023-001", "2024-060"]),
  one(text([{ time: "month", zone: "UTC", format: "%F%%%T.%f" }]), ["2024-05-06%01:02:03.123456789"]),
  one(list(["trim", "lower"]), ["A| b |", ["A", " b ", null, 17, ["x"].join()], "|", [], null]),
  one(list([{ missing: ["[]"] }, { list: "json" }, "lower"]), [
    ...['["A","b",""]', " [ ] ", "[]", '[1, 2.50, -0, 1e3, 12345678901234567890, true, null, "\\u0041\\n"]'],
    ...[["A", "b"], ["[]"], "", '["a", "a"]'],
  ]),
  one(list([{ list: "json" }], 2), ['["a","b","c"]', '[null,"","b"]']),
  one(list([{ list: "python" }]), [
    ...["['sale', 'jackets']", '["it\'s"]', "['it\\'s', \"a\\tb\", u'é', 'a|b']", "[1, 2.50, -0, +3, 1e3, 5., .5]"],
    ...["[None, nan, True, False, '']", "['a', ]", "[]", " [\n'a' ] ", "['\\x41\\u00e9\\U0001F600\\101\\q\\\\']"],
    ...["[12345678901234567890]", "['a\\\nb']", ["x"]],
  ]),
  one(list(["lower", { list: "python" }, { prefix: 1 }]), ["['AB', 'CD']", ["AB"]]),
  many(
    [
      { ...text(["trim", "upper"]), name: "country" },
      { ...plain, name: "device", missing: "skip", side: "item" },
      { ...text([{ time: "hour", zone: "UTC" }]), name: "hour", from: "ts" },
      { ...plain, name: "crossed", cross: ["country", "device"], side: "item", missing: "oov" },
      { ...plain, name: "bucket", cross: ["hour", "country"], encoding: { kind: "hash", buckets: 7 } },
    ],
    [
      { country: " de ", device: "mobile", ts: "2024-01-01T07:00" },
      { country: "2:D", device: "E:x", ts: "2024-01-01T23:00" },
      { country: "D", device: "", ts: 1.7e9 },
      { country: " ", device: "mobile" },
      { country: "😀", device: "\ud800" },
      {},
    ],
  ),
];
