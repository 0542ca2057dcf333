import { describe, expect, it, test } from "vitest";
import { FormatError } from "../../../format/errors.ts";
import { preparation } from "../../../format/prepare/preparation.ts";
import type { Step } from "../../../format/prepare/steps.ts";
import { zoneOffset } from "../../../format/prepare/time-zone.ts";
import type { RawValue } from "../../../format/raw-value.ts";

// test/golden/records.json has what each step makes of values; here is what steps refuse, and what they say then.

function run(step: Step, raw: RawValue, type = "categorical"): RawValue {
  const { value, elements } = preparation([step], type);
  return elements ? [...elements(raw)] : value(raw);
}

const zone = "UTC";

describe("a value that a step cannot read is refused", () => {
  it.each<[string, Step, RawValue, string]>([
    ["a word as a decimal", { decimal: "," }, "abc", 'got "abc", expected a number with the decimal separator ","'],
    ["the other separator", { decimal: "," }, "1.5", 'got "1.5", expected a number with the decimal separator ","'],
    ["two separators", { decimal: "," }, "1,2,3", 'got "1,2,3"'],
    ["nothing but a separator", { decimal: "," }, ",", 'got ","'],
    [
      "a group of two at the end",
      { decimal: ",", thousands: "." },
      "1.50",
      'got "1.50", expected a number with the dec',
    ],
    ["a group of four", { decimal: ",", thousands: "." }, "1.2345", 'got "1.2345"'],
    ["a group of one", { decimal: ",", thousands: "." }, "1.2.345", 'got "1.2.345"'],
    ["a separator at the beginning", { decimal: ",", thousands: "." }, ".345", 'got ".345"'],
    ["thousands in the fraction", { decimal: ",", thousands: "." }, "1,234.567", 'and "." between thousands'],
    ["a number beyond float32", { decimal: "." }, "1e39", 'got "1e39"'],
    ["hexadecimal", { decimal: "." }, "0x10", 'got "0x10"'],
    ["blanks within", { decimal: "." }, "1 000", 'got "1 000"'],
    ["a list as a decimal", { decimal: "." }, ["1"], 'got ["1"]'],
    ["a word as a time", { time: "hour", zone }, "yesterday", 'got "yesterday", expected a date or time of ISO 8601'],
    ["February 30", { time: "day", zone }, "2024-02-30", 'got "2024-02-30"'],
    ["hour 25", { time: "hour", zone }, "2024-02-28T25:00", "expected a date or time of ISO 8601"],
    ["24:00:01", { time: "hour", zone }, "2024-02-28T24:00:01", "expected a date or time of ISO 8601"],
    ["an offset of a day", { time: "hour", zone }, "2024-02-28T20:00+24:00", "expected a date or time of ISO 8601"],
    ["year 0", { time: "hour", zone }, "0000-02-28", "expected a date or time of ISO 8601"],
    ["year 10000", { time: "hour", zone }, "10000-01-01", "expected a date or time of ISO 8601"],
    ["milliseconds without a unit", { time: "hour", zone }, 1.7e12, "got 1700000000000, expected a date or time"],
    ["digits of a date without a format", { time: "hour", zone }, "20240131", 'got "20240131"'],
    [
      "true",
      { time: "hour", zone, unit: "s" },
      true,
      "got true, expected a date or time of ISO 8601, or seconds since",
    ],
    ["a long text", { time: "hour", zone }, `2024-01-01${" ".repeat(60)}1`, "expected a date or time of ISO 8601"],
    ["a text of another form", { time: "hour", zone, format: "%H:%M" }, "7.30", 'expected a time of the form "%H:%M"'],
    ["more than the form", { time: "hour", zone, format: "%H:%M" }, "7:30:00", 'got "7:30:00"'],
    ["minute 60", { time: "hour", zone, format: "%H:%M" }, "7:60", 'got "7:60"'],
    ["day 366 of 2023", { time: "date", zone, format: "%Y-%j" }, "2023-366", 'got "2023-366"'],
    [
      "half a list",
      { list: "json" },
      '["a"',
      'got "[\\"a\\"" with "" at character 5, expected , or ] in a list of JSON',
    ],
    ["no list", { list: "json" }, "sale", 'got "sale", expected [ that begins a list in a list of JSON'],
    ["Python in place of JSON", { list: "json" }, "['a']", "at character 2, expected a text in quotes, a number or an"],
    ["a comma at JSON's end", { list: "json" }, '["a",]', "expected a text in quotes"],
    ["a list in a list", { list: "json" }, "[[1]]", 'with "[1]]" at character 2, expected a text in quotes'],
    ["an object", { list: "json" }, '[{"a":1}]', "expected a text in quotes"],
    ["a text behind the list", { list: "json" }, "[1] 2", "expected the end of the text in a list of JSON"],
    ["a bad escape of JSON", { list: "json" }, '["\\x"]', "expected a text with the escapes of JSON"],
    ["an infinite number of JSON", { list: "json" }, "[1e999]", "expected a number that float64 holds"],
    ["leading zeros", { list: "json" }, "[01]", "expected a text in quotes"],
    ["bytes of Python", { list: "python" }, "[b'a']", "expected a text in quotes"],
    ["texts without commas", { list: "python" }, "['a' 'b']", "expected , or ] in a list of Python"],
    ["a tuple", { list: "python" }, "('a',)", "expected [ that begins a list"],
    ["an open string of Python", { list: "python" }, "['a]", "expected a text in quotes"],
    ["a line end in a string", { list: "python" }, "['a\n']", "expected a text in quotes"],
    ["a named escape", { list: "python" }, "['\\N{DASH}']", 'with "\\\\N{DASH}\']" at character 3, expected an escape'],
    ["half an escape", { list: "python" }, "['\\x4']", "expected an escape such as"],
    ["an escape beyond Unicode", { list: "python" }, "['\\U00110000']", "expected an escape of at most \\U0010ffff"],
    ["inf", { list: "python" }, "[inf]", "expected a text in quotes"],
    ["null", { list: "python" }, "[null]", "expected a text in quotes"],
    ["a word's logarithm", "log", "abc", 'got "abc", expected a number'],
    ["a clipped word", { clip: [0, 1] }, "abc", 'got "abc", expected a number'],
    ["a trimmed list", "trim", ["a"], 'got ["a"], expected a text, a number, true or false'],
    ["an id that JSON has rounded", "trim", 2 ** 53, "got 9007199254740992, expected integers beyond 2^53 as text"],
  ])("%s", (_, step, raw, problem) => {
    const numeric = step === "log" || (typeof step === "object" && "clip" in step);
    try {
      run(step, raw, numeric ? "numeric" : "categorical");
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(FormatError);
      expect((error as FormatError).place).toBe("prepare[0]");
      expect((error as FormatError).problem).toContain(problem);
    }
  });
});

describe("times", () => {
  test.each([
    ["Europe/Berlin", "2024-03-31T00:59:59Z", 3600],
    ["Europe/Berlin", "2024-03-31T01:00:00Z", 7200],
    ["Europe/Berlin", "2024-10-27T00:59:59Z", 7200],
    ["Europe/Berlin", "2024-10-27T01:00:00Z", 3600],
    ["America/St_Johns", "2006-04-02T03:30:59Z", -12_600],
    ["America/St_Johns", "2006-04-02T03:31:00Z", -9000],
    ["Australia/Lord_Howe", "2024-04-06T14:59:59Z", 39_600],
    ["Australia/Lord_Howe", "2024-04-06T15:00:00Z", 37_800],
    ["Pacific/Apia", "2011-12-30T09:59:59Z", -36_000],
    ["Pacific/Apia", "2011-12-30T10:00:00Z", 50_400],
    ["Asia/Kathmandu", "2024-01-01T00:00:00Z", 20_700],
    ["Etc/UTC", "2024-01-01T00:00:00Z", 0],
    ["europe/berlin", "0001-06-01T00:00:00Z", 3208],
  ])("%s at %s is %i seconds ahead of UTC", (name, time, seconds) => {
    const offset = zoneOffset(name);
    expect(offset(Date.parse(time)) / 1000).toBe(seconds);
    expect(offset(Date.parse(time)) / 1000).toBe(seconds); // as it is remembered
  });

  test("more hours than are remembered", () => {
    const offset = zoneOffset("Europe/Berlin");
    const summer = Date.parse("2024-07-01T00:00:00Z");
    for (let hour = 0; hour < 5000; hour++) offset(Date.parse("1990-01-01T00:00:00Z") + hour * 3_600_000);
    expect(offset(summer)).toBe(7_200_000);
  });
});

test("what is missing stays missing, and no later step sees it", () => {
  const { value } = preparation(["trim", { decimal: "," }, { time: "hour", zone }], "categorical");
  for (const raw of ["", "  ", null, undefined]) expect(value(raw)).toBeNull();
});

test.each([
  ["nfc", "\u0301\u0323".repeat(32_000)],
  ["nfkc", "\uff9e\u0334".repeat(32_000)],
] as const)("%s refuses marks in a row, which would be sorted for half a minute", (step, marks) => {
  expect(() => run(step, `a${marks}`)).toThrow("expected at most 256 combining marks in a row");
  expect(run(step, `${"a".repeat(1000)}${marks.slice(0, 256)}`)).not.toBeNull();
});

test("a list is read to its end", () => {
  expect(() => run({ list: "python" }, `[${"'a', ".repeat(60)}'b'`)).toThrow("expected , or ]");
});

test.each([
  ["python", `['${"\\\\".repeat(100_000)}`],
  ["python", `[${" ".repeat(200_000)}x`],
  ["python", `[${"1".repeat(200_000)}x]`],
  ["json", `["${'\\"'.repeat(100_000)}`],
  ["json", "[".repeat(200_000)],
] as const)("a hostile text of %s is refused in time that is linear in it", (syntax, text) => {
  expect(() => run({ list: syntax }, text)).toThrow(FormatError);
});

test.each([
  ["blanks behind a time", { time: "hour", zone }, `2024-01-01${" ".repeat(200_000)}x`],
  ["blanks before a number", { decimal: ",", thousands: " " }, `${" ".repeat(200_000)}x${" ".repeat(200_000)}`],
  ["digits in groups", { decimal: ",", thousands: "." }, `${"1.".repeat(200_000)}x`],
] as const)("hostile %s are refused in time that is linear in them", (_, step, text) => {
  expect(() => run(step, text)).toThrow(FormatError);
});
