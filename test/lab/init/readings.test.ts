import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { RawValue } from "../../../format/raw-value.ts";
import { type Column, columnOf } from "../../../lab/init/column.ts";
import { followsFrom, isAttributeOf, saysTheSame } from "../../../lab/init/dependency.ts";
import { dialectOf } from "../../../lab/init/dialect.ts";
import { modelNameFor } from "../../../lab/init/init.ts";
import { chooseLabel, labelSql, labelsOf } from "../../../lab/init/label.ts";
import { leakOf } from "../../../lab/init/leak.ts";
import { listStyleOf } from "../../../lab/init/lists.ts";
import { logNumbers } from "../../../lab/init/log-numbers.ts";
import { missingTexts } from "../../../lab/init/missing.ts";
import { styleOf } from "../../../lab/init/numbers.ts";
import { makePlan } from "../../../lab/init/plan.ts";
import { timeStyleOf } from "../../../lab/init/times.ts";
import { ColumnCollector } from "../../../trainer/profile/column-sample.ts";

function column(name: string, values: readonly RawValue[]): Column {
  const collector = new ColumnCollector(name);
  for (const value of values) collector.add(value);
  return columnOf(collector.finish(), false);
}

const repeated = <Value>(times: number, of: (i: number) => Value): Value[] =>
  Array.from({ length: times }, (_, i) => of(i));

describe("numbers", () => {
  test.each([
    ["as programs write them", ["1", "2.5", "-3e4"], false, null],
    ["with a decimal comma", ["41,20", "3,5", "7"], false, { decimal: "," }],
    ["with points between thousands", ["1.234,50", "12,00"], false, { decimal: ",", thousands: "." }],
    ["with commas between thousands", ["1,234.50", "12.00"], false, { decimal: ".", thousands: "," }],
    ["with blanks between thousands", ["1 234,50", "12,00"], false, { decimal: ",", thousands: " " }],
    ["groups of three after commas", ["1,234", "12,500", "999"], false, { decimal: ".", thousands: "," }],
    ["the same where commas are before fractions", ["1,234", "12,500", "999"], true, { decimal: "," }],
    ["groups of three after points, in Europe", ["1.234", "12.500", "999"], true, { decimal: ",", thousands: "." }],
    ["the same elsewhere", ["1.234", "12.500", "999"], false, null],
  ])("%s", (_name, texts, european, style) => {
    expect(styleOf(texts, european).style).toEqual(style);
  });

  test("a word among many of them is taken for missing, and several are a text", () => {
    const prices = repeated(100, (i) => (i === 7 ? "free" : `${i},50`));
    expect(column("price", prices)).toMatchObject({ strangers: ["free"], absent: 1, reading: { kind: "number" } });
    const sizes = repeated(100, (i) => (i % 2 ? "large" : String(i)));
    expect(column("size", sizes).reading.kind).toBe("text");
  });

  test.each([
    ["$", ["$1,234.50", "$ 99.00", "$.50"], { decimal: ".", thousands: "," }, [1234.5, 99, 0.5]],
    ["€", ["12,50 €", "-3,00€"], { decimal: "," }, [12.5, -3]],
    ["CHF", ["CHF 1'200.50", "CHF 7.00"], { decimal: ".", thousands: "'" }, [1200.5, 7]],
    ["%", ["5 %", "7.5 %"], null, [5, 7.5]],
  ])("with the mark %s", (mark, texts, style, numbers) => {
    expect(column("price", texts)).toMatchObject({ reading: { kind: "number", mark, style }, numbers });
  });

  test("with several marks, or with letters, are texts", () => {
    expect(column("price", ["$5", "€5", "7"]).reading.kind).toBe("text");
    expect(column("price", ["$5", "€5"]).reading.kind).toBe("text");
    expect(column("shop", ["F1", "F2"]).reading.kind).toBe("text");
    expect(column("price", ["-$5", "$5"]).reading.kind).toBe("text"); // the sign is not beside the digits
  });

  test("zeros before digits, and 3.0 for 3", () => {
    expect(column("shop", ["007", "010"]).reading).toMatchObject({ kind: "number", padded: true, pointZero: false });
    expect(column("shop", ["7.0", "10.0"]).reading).toMatchObject({ kind: "number", padded: false, pointZero: true });
  });
});

describe("how a log writes its numbers", () => {
  const commas = (name: string): Column => column(name, ["1,5", "20,25", "3"]);
  const points = (name: string): Column => column(name, ["1.5", "20.25", "3"]);
  const grouped = (name: string): Column => column(name, ["1.234,5", "820,25", "300"]);
  const whole = (name: string): Column => column(name, ["1", "20", "3"]);
  const clicks = (yes: string, no: string): Column => column("clicked", [yes, no, no]);
  const comma = { decimal: "," };

  test.each<[string, Column[], object | null]>([
    ["several columns agree", [commas("price"), whole("stock"), commas("width")], comma],
    ["one says more than the others", [commas("price"), grouped("sum")], { decimal: ",", thousands: "." }],
    ["one column alone has a step of its own", [commas("price"), whole("stock")], null],
    ["they do not agree", [commas("price"), commas("width"), points("height")], null],
    ["as programs do", [points("price"), points("width")], null],
    ["weights have no steps", [commas("sample_weight"), points("price"), whole("stock")], comma],
    ["weights as programs write them", [points("sample_weight"), commas("price"), commas("width")], null],
    ["a label has no steps", [clicks("1,0", "0,0"), whole("stock")], comma],
    ["a label as programs write it", [clicks("1.0", "0.0"), commas("price"), commas("width")], null],
    ["times as programs write them", [column("ts", ["1700000000.5", "1700000001"]), commas("a"), commas("b")], null],
  ])("%s", (_, columns, style) => {
    const all = columns.some(({ name }) => name === "clicked") ? columns : [...columns, clicks("1", "0")];
    expect(logNumbers(all, chooseLabel(all, "log"))).toEqual(style);
  });

  test("fields in another style than the log's have a step that says so", () => {
    const label = clicks("1", "0");
    const columns = [commas("sample_weight"), points("price"), grouped("sum"), commas("width"), label];
    const sample = { log: "log", format: "csv" as const, total: 3, records: 3, columns: [], nested: [] };
    const data = { types: {}, hive: false, select: {}, shuffle: 1 };
    const plan = makePlan({ sample, columns, data }, chooseLabel(columns, "log"));
    const steps = plan.columns.flatMap(({ fields }) => fields).map(({ name, prepare }) => [name, prepare]);
    expect(Object.fromEntries(steps)).toEqual({
      price: [{ decimal: "." }],
      sum: [{ decimal: ",", thousands: "." }],
      width: undefined,
    });
    expect(plan.survey.data).toMatchObject(comma);
  });
});

describe("times", () => {
  test.each([
    ["ts", ["2026-09-01T00:00:45.661Z", "2026-09-02T00:00:00Z"], { clock: true }],
    ["day", ["2026-09-01", "2026-09-02"], { clock: false }],
    ["Zeit", ["31.12.2024 23:59", "01.01.2025 00:00"], { format: "%d.%m.%Y %H:%M" }],
    ["when", ["12/31/2024", "01/13/2025"], { format: "%m/%d/%Y" }],
    ["when", ["31/12/2024", "01/01/2025"], { format: "%d/%m/%Y" }],
    ["when", ["01/02/2025", "02/02/2025", "03/02/2025"], { format: "%d/%m/%Y" }],
    ["when", ["02/01/2025", "02/02/2025", "02/03/2025"], { format: "%m/%d/%Y" }],
    ["hour", ["14102100", "14102101"], { format: "%y%m%d%H" }],
    ["date", ["20240131", "20240201"], { format: "%Y%m%d" }],
    ["ts", ["1788221009", "1788221010"], { unit: "s" }],
    ["ts", ["1788221009936", "1788221010000"], { unit: "ms" }],
  ])("%s %j", (name, texts, style) => {
    expect(timeStyleOf(name, texts)).toMatchObject(style);
  });

  test("numbers are times by their name or their order only", () => {
    expect(timeStyleOf("amount", ["1788221009", "1588221010"])).toBeNull();
    expect(timeStyleOf("ts", ["17", "18"])).toBeNull();
    expect(timeStyleOf("city", ["Berlin", "2026-09-01"])).toBeNull();
  });
});

describe("lists", () => {
  const titles = repeated(400, (i) => `Red ${["Coat", "Shirt"][i % 2]}, size ${i % 7} of ${Math.floor(i / 14)}`);
  test.each([
    ["JSON", ['["a", "b"]', "[]", '["c"]'], { syntax: "json" }],
    ["Python", ["['a', \"b's\"]", "[]", "[None, 3]"], { syntax: "python" }],
    ["between bars", ["a|b", "c", "b|c|d"], { separator: "|" }],
    ["between semicolons", ["a; b", "c", "b; c"], { separator: ";" }],
    [
      "between commas",
      repeated(60, (i) => `${["a", "b", "c"][i % 3]},${"defg"[i % 4]},${"hijkl"[i % 5]}`),
      { separator: "," },
    ],
    ["the words of titles", titles, { separator: " ", words: true }],
  ])("%s", (_name, texts, style) => {
    expect(listStyleOf([...new Set(texts)])).toMatchObject(style);
  });

  test.each([
    ["a comma in a few names", repeated(60, (i) => (i === 0 ? "Bonn, Bad Godesberg" : `City ${i}`))],
    ["lists in lists", ["[[1], 2]", "[3]"]],
    ["a bracket alone", ["[x", "[y"]],
  ])("%s are none", (_name, texts) => {
    expect(listStyleOf(texts)).toBeNull();
  });
});

test("texts that mean missing, but not Namibia among countries", () => {
  expect(missingTexts(["acme", "NaN", "null", " N/A ", "\\N", "-", "n"])).toEqual(["NaN", "null", " N/A ", "\\N", "-"]);
  expect(missingTexts(["DE", "FR", "NA", "null"])).toEqual(["null"]);
  expect(missingTexts(["NA", "big", "small"])).toEqual(["NA"]);
});

describe("columns that follow from others", () => {
  const item = column(
    "item",
    repeated(600, (i) => `i${i % 20}`),
  );
  const price = column(
    "price",
    repeated(600, (i) => (i % 20) % 5),
  );
  const title = column(
    "title",
    repeated(600, (i) => `Title ${i % 20}`),
  );
  const country = column(
    "country",
    repeated(600, (i) => `c${i % 7}`),
  );
  const rare = column(
    "rare",
    repeated(600, (i) => (i === 5 ? "x" : "y")),
  );

  test("an attribute follows from its item, and does not say the same", () => {
    expect(isAttributeOf(price, item)).toBe(true);
    expect(saysTheSame(price, item)).toBe(false);
    expect(saysTheSame(title, item)).toBe(true);
    expect(isAttributeOf(country, item)).toBe(false);
  });

  test("what is nearly always the same follows from nothing", () => {
    expect(followsFrom(rare, item)).toBeGreaterThan(0.99);
    expect(isAttributeOf(rare, item)).toBe(false);
  });
});

describe("columns that tell the label", () => {
  const labels = Uint8Array.from({ length: 1000 }, (_, i) => (i % 10 === 0 ? 1 : 0));
  const of = (value: (i: number) => RawValue) => leakOf(column("x", repeated(1000, value)), labels);
  test.each([
    [
      "there for clicks alone",
      (i: number) => (i % 10 === 0 ? `at ${i}` : ""),
      "missing exactly where there is no click",
    ],
    [
      "a value of clicks alone",
      (i: number) => (i % 20 === 0 ? "bought" : "no"),
      "all 50 records with the value bought",
    ],
    ["a number that is larger for clicks", (i: number) => (i % 10 === 0 ? 50.5 + i : 0.5 + (i % 40)), "its AUC alone"],
  ])("%s", (_name, value, reason) => {
    expect(of(value)?.reason).toContain(reason);
  });

  test.each([
    ["ids of their own", (i: number) => `row ${i}`],
    ["what has nothing to do with it", (i: number) => i % 7],
    ["missing at random", (i: number) => (i % 3 === 0 ? "" : "x")],
  ])("%s do not", (_name, value) => {
    expect(of(value)).toBeNull();
  });
});

describe("the label", () => {
  const fields = [
    column(
      "user",
      repeated(10, (i) => `u${i % 3}`),
    ),
    column(
      "n",
      repeated(10, (i) => i % 4),
    ),
  ];
  const label = (name: string, values: RawValue[], asked?: string) =>
    chooseLabel([...fields, column(name, values)], "log.csv", asked);

  test.each([
    ["clicked", repeated(10, (i) => i % 2), true],
    ["is_click", repeated(10, (i) => i % 2 === 0), true],
    ["anything", repeated(10, (i) => String(i % 2)), true],
    ["Klick", repeated(10, (i) => (i % 2 ? "Ja" : "nein ")), false],
  ])("%s", (name, values, plain) => {
    expect(label(name, values)).toMatchObject({ plain, column: { name } });
  });

  test("words become 0 and 1 by SQL", () => {
    const words = label("click", ["yes", "no", "yes", "", "no"]);
    expect(labelSql(words, "csv")).toBe(
      `CASE lower(trim(CAST("click" AS VARCHAR))) WHEN 'yes' THEN 1 WHEN 'no' THEN 0 END`,
    );
    expect([...labelsOf(words)]).toEqual([1, 0, 1, 255, 0]);
    const alone = label("click", ["1", "", "1"]);
    expect(labelSql(alone, "csv")).toBe(`CASE lower(trim(CAST("click" AS VARCHAR))) WHEN '1' THEN 1 ELSE 0 END`);
    expect([...labelsOf(alone)]).toEqual([1, 0, 1]);
  });

  test.each([
    ["income", ["<=50K", ">50K", " >50K", "<=50K"], ">50K"],
    ["income", [">50K.", ">50K.", "<=50K."], ">50K."],
    ["class", ["good", "bad", "good"], "bad"],
    ["class", ["noinsurance", "insurance", "insurance"], "insurance"],
    ["churn", ["not churned", "churned", "churned"], "churned"],
    ["class", [1, 2, 1], "2"],
    ["income_per_year", ["<=50K", ">50K", "<=50K"], ">50K"],
  ])("%s of two other values, %j: %s means a click", (name, values, yes) => {
    const found = label(name, values);
    expect(found).toMatchObject({ yes, plain: false });
    expect([...labelsOf(found)]).toEqual(values.map((value) => Number(String(value).trim() === yes)));
    expect(label(name, values, name).yes).toBe(yes);
  });

  test("of two values is what a person says", () => {
    const words = repeated(9, (i) => (i % 3 ? "mail" : "a=b"));
    expect(() => label("channel", words)).toThrow("got no column of two values such as 0 and 1");
    expect(label("channel", words, "channel")).toMatchObject({ yes: "a=b", no: "mail" });
    expect(label("channel", words, "channel").reason).toContain("--label 'channel=mail' takes the other");
    expect(label("channel", words, "channel=mail")).toMatchObject({ yes: "mail", no: "a=b" });
    expect(label("channel", words, "channel=a=b")).toMatchObject({ yes: "a=b", no: "mail" });
    expect(
      label(
        "click",
        repeated(4, (i) => i % 2),
        "click=0",
      ),
    ).toMatchObject({ yes: "0", no: "1", plain: false });
    expect(() => label("channel", words, "channel=post")).toThrow('expected one of its values after "=":');
  });

  test("of usual words comes before another name's two values", () => {
    const sold = column(
      "sold",
      repeated(10, (i) => i % 2),
    );
    const two = [
      column(
        "response",
        repeated(10, (i) => (i % 2 ? "mail" : "phone")),
      ),
      sold,
    ];
    expect(chooseLabel(two, "log.csv").column).toBe(sold);
  });

  test("of a name that says so comes before another's opposites", () => {
    const married = column(
      "married",
      repeated(10, (i) => (i % 2 ? "married" : "not married")),
    );
    expect(label("class", ["good", "bad", "good"]).yes).toBe("bad");
    const both = [
      ...fields,
      married,
      column(
        "class",
        repeated(10, (i) => (i % 3 ? "good" : "bad")),
      ),
    ];
    expect(chooseLabel(both, "log.csv").column.name).toBe("class");
  });

  test("is refused with what there is", () => {
    const rating = repeated(10, (i) => i % 3);
    expect(() => label("rating", rating)).toThrow("log.csv: got no column of two values such as 0 and 1");
    expect(() => label("rating", rating)).toThrow('\n  rating: "0" 4 times, "1" 3 times, "2" 3 times');
    expect(() => label("rating", rating, "rating")).toThrow(
      "log.csv: got --label rating, whose values are not two, expected 0 and 1 or two others",
    );
    expect(() => label("rating", rating, "click")).toThrow("got --label click, expected one of user, n, rating");
    expect(() => label("click", ["1", "1"])).toThrow('log.csv: got click "1" in all records, expected records without');
    const two = [...fields, column("a", [1, 0, 1]), column("b", [0, 0, 1])];
    expect(() => chooseLabel(two, "log.csv")).toThrow("got 2 columns that can be the label, expected --label with one");
  });
});

describe("how a file is written", () => {
  const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-dialect-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const rows = (delimiter: string): string =>
    repeated(30, (i) => [`"x${delimiter}${i}"`, `${i},5`, i % 2].join(delimiter)).join("\n");
  test.each([
    ["commas", `a,b\n${repeated(9, (i) => `${i},x`).join("\n")}`, {}],
    ["semicolons", `name;price;click\n${rows(";")}`, { delimiter: ";" }],
    ["tabs", `name\tprice\tclick\n${rows("\t")}`, { delimiter: "\t" }],
    ["no header", repeated(9, (i) => `${i},x`).join("\n"), { columns: ["c1", "c2"] }],
    ["numbers for names", `0,1,2\n${repeated(9, (i) => `a,b,${i}`).join("\n")}`, {}],
    ["a header of two lines", `"a\nb";c\n${repeated(9, (i) => `${i};x`).join("\n")}`, { delimiter: ";" }],
    ["windows-1252", Buffer.from("stadt;x\nKöln;1\nKöln;2\n", "latin1"), { delimiter: ";", encoding: "windows-1252" }],
    ["UTF-16", Buffer.from("\ufeffstadt,x\nKöln,1\n", "utf16le"), { encoding: "utf-16" }],
  ])("%s", async (name, content, dialect) => {
    const path = join(folder, `${name}.csv`);
    writeFileSync(path, content);
    expect(await dialectOf(path, "csv")).toEqual(dialect);
  });
});

test("a model's name is that of the log's file, in letters that it may have", () => {
  expect(modelNameFor(["logs/Größe 2.csv.gz"])).toBe("gr-e-2");
  expect(modelNameFor(["---.csv"])).toBe("model");
});
