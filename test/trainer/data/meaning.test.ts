import { rmSync } from "node:fs";
import { join } from "node:path";
import type { DuckDBType } from "@duckdb/node-api";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type NumberReader, numberReader } from "../../../format/prepare/decimal.ts";
import type { DecimalStep } from "../../../format/prepare/steps.ts";
import { labelOf, numberOf, type RawValue } from "../../../format/raw-value.ts";
import { cellSql, isJson, toRawValue } from "../../../trainer/data/cell.ts";
import { DuckDb } from "../../../trainer/data/duckdb.ts";
import { groupText } from "../../../trainer/data/group-text.ts";
import { type Meaning, Meanings } from "../../../trainer/data/meaning.ts";
import { Random } from "../../../trainer/data/random.ts";
import { literal, wholeText } from "../../../trainer/data/sql.ts";
import { timeOf } from "../../../trainer/data/time.ts";
import { testFolder } from "./log-files.ts";

/** A file that tests of Parquet write. */
const NULLS = join(testFolder("meaning"), "nulls.parquet");

let duckdb: DuckDb;
let meanings: Meanings;
beforeAll(async () => {
  duckdb = await DuckDb.open(undefined, [NULLS]);
  meanings = new Meanings(duckdb.connection, null);
});
afterAll(() => duckdb[Symbol.asyncDispose]());

type Expected = Record<Meaning, (raw: RawValue) => number | string | null>;

/** The meanings of a value as TypeScript states them; null where there is none. `number`: what reads the log's. */
function expectedMeanings(number: NumberReader): Expected {
  return {
    number: (raw) => orNull(number(raw)),
    label: (raw) => labelOf(raw, number),
    time: (raw) => timeOf(raw, number),
    text: groupText,
  };
}
const EXPECTED = expectedMeanings(numberOf);
const MEANINGS = Object.keys(EXPECTED) as Meaning[];

function orNull(x: number | null): number | null {
  return Number.isNaN(x) ? null : x;
}

/** What the values of a table's column x are as a log's reader sees them, and what SQL says that they mean. */
async function judged(
  from: string,
  by: { duckdb: DuckDb; meanings: Meanings },
): Promise<{ raw: RawValue; found: Record<Meaning, unknown> }[]> {
  const { duckdb, meanings } = by;
  const type = (await duckdb.connection.run(`SELECT x FROM ${from} LIMIT 0`)).columnTypes()[0] as DuckDBType;
  const column = { sql: "x", type };
  const asked = MEANINGS.map((meaning) => {
    const sql = meanings.sql(meaning, column);
    return meaning === "text" ? wholeText(sql) : sql;
  });
  const result = await duckdb.connection.runAndReadAll(
    `SELECT ${[cellSql("x", type), ...asked].join(", ")} FROM ${from}`,
  );
  return result.getRows().map(([cell = null, ...found]) => ({
    raw: isJson(type) && cell !== null ? parsed(String(cell)) : toRawValue(cell),
    found: Object.fromEntries(MEANINGS.map((meaning, i) => [meaning, found[i]])) as Record<Meaning, unknown>,
  }));
}

function parsed(json: string): RawValue {
  return /^\d{16,}$/.test(json) ? BigInt(json) : JSON.parse(json);
}

async function expectAgreement(from: string, expected = EXPECTED, by = { duckdb, meanings }): Promise<number> {
  const values = await judged(from, by);
  for (const { raw, found } of values)
    expect({ raw, ...found }).toEqual({
      raw,
      ...Object.fromEntries(MEANINGS.map((meaning) => [meaning, expected[meaning](raw)])),
    });
  return values.length;
}

function tableOf(expressions: readonly string[], type = "VARCHAR"): string {
  return `(SELECT unnest([${expressions.map((sql) => `CAST(${sql} AS ${type})`).join(", ")}]) AS x)`;
}

const NUMBERS = [
  "0",
  "1",
  "17",
  "007",
  "0.0",
  "-0",
  "1.0",
  "1e0",
  "1E+2",
  " 1",
  "1 ",
  "\t1\n",
  "+1",
  ".5",
  "5.",
  ".",
  "1e400",
];
const NEAR_LIMITS = [
  "3.4028235e38",
  "3.4028236e38",
  "1e38",
  "9007199254740993",
  "123456789012345678",
  "999999999999999",
];
const NO_NUMBERS = [
  "0x1",
  "1_000",
  "NaN",
  "nan",
  "inf",
  "-Infinity",
  "true",
  "True",
  "false",
  "1,5",
  "٣",
  "１",
  "1e",
  "--1",
  "1 2",
];
const BLANKS = [
  "",
  " ",
  "null",
  "\u00a01",
  "1\ufeff",
  "\ufeff1",
  "\ufeff",
  "\ufeff\ufeffa",
  "1\u200b",
  "\u0000",
  "1\u0000",
  "\ud800",
  "é",
  '"1"',
  "[1]",
  "{}",
];
const DATES = [
  "2024-01-31",
  "2024-1-5",
  "2024/01/31",
  "2024-02-30",
  "2024-02-29",
  "0001-01-01",
  "9999-12-31",
  "0000-01-01",
];
const STAMPS = [
  "2024-01-31T23:59:59",
  "2024-01-31 23:59:59.123456",
  "2024-01-31 23:59:59.1234567",
  "2024-01-31 24:00:00",
];
const ODD_STAMPS = [
  "2024-01-31 23:59:60",
  "2024-01-31 23:59",
  "2024-01-31 24:00:01",
  "2024-01-31 23:60:00",
  "2024-13-01",
];
const ZONES = ["Z", "z", "+00", "+05:00", "-0530", "+05:30:15", " +02", " UTC", "+24:00", " Europe/Berlin"].map(
  (zone) => `2024-01-31T23:59:59.5${zone}`,
);
const TEXTS = [...NUMBERS, ...NEAR_LIMITS, ...NO_NUMBERS, ...BLANKS, ...DATES, ...STAMPS, ...ODD_STAMPS, ...ZONES];

/** Text made of pieces of others. */
function nasty(random: Random): string {
  const pieces = [
    "0",
    "1",
    "9",
    "12345678",
    ".",
    "-",
    "+",
    "e",
    "E5",
    " ",
    "\u00a0",
    ":",
    "T",
    "Z",
    "2024-",
    "01-",
    "/",
    '"',
    "\\",
    "x",
    "_",
  ];
  return Array.from({ length: 1 + random.integer(7) }, () => pieces[random.integer(pieces.length)]).join("");
}

describe("SQL says of a value what TypeScript says", () => {
  it.each([
    ["BOOLEAN", ["true", "false", "NULL"]],
    ["TINYINT", ["0", "1", "-1", "NULL"]],
    ["INTEGER", ["0", "1", "17", "NULL"]],
    ["BIGINT", ["0", "1", "9007199254740993", "-9223372036854775808"]],
    ["UBIGINT", ["0", "1", "18446744073709551615"]],
    [
      "HUGEINT",
      ["0", "1", "9007199254740993", "36893488147419103233", "170141183460469231731687303715884105727", "NULL"],
    ],
    ["UHUGEINT", ["1", "340282366920938463463374607431768211455"]],
    ["DECIMAL(9, 2)", ["0", "1", "17", "17.5", "0.1", "-0.01", "NULL"]],
    ["DECIMAL(38, 10)", ["1", "0.1", "1234567890123456789012345678.0123456789", "9007199254740993.3"]],
    ["FLOAT", ["0", "1", "'-0'", "17.1", "3.4e38", "'nan'", "'inf'", "NULL"]],
    ["DOUBLE", ["0", "1", "'-0'", "17", "17.1", "1e38", "3.5e38", "1e21", "1e-7", "1e17", "'nan'", "'-inf'", "NULL"]],
    ["DATE", ["'2024-01-31'", "'0001-01-01'", "'9999-12-31'", "'1969-12-31'", "'infinity'", "NULL"]],
    ["TIMESTAMP", ["'2024-01-31 23:59:59.123456'", "'1969-12-31 23:59:59.5'", "'-infinity'", "NULL"]],
    ["TIMESTAMP_NS", ["'2024-01-31 23:59:59.123456789'", "NULL"]],
    ["TIMESTAMP_S", ["'2024-01-31 23:59:59'"]],
    ["TIMESTAMP_MS", ["'2024-01-31 23:59:59.123'"]],
    ["TIMESTAMPTZ", ["'2024-01-31 23:59:59.123456+05:30'", "'infinity'", "NULL"]],
    ["TIME", ["'12:00:00'", "NULL"]],
    ["INTERVAL", ["INTERVAL 1 DAY"]],
    ["BLOB", ["'17'", "'a\\x00'"]],
    ["BIT", ["'101'", "'0'", "'1'"]],
    ["UUID", ["'a3fd006c-1f67-4dee-9670-17fa4ddbdd6c'"]],
    ["ENUM('0', '1', 'a')", ["'0'", "'1'", "'a'", "NULL"]],
    ["VARCHAR[]", ["['a', NULL, '', 'b']", "['1']", "[]", "NULL"]],
    ["DOUBLE[]", ["[17, 17.5]", "['nan']"]],
    ["FLOAT[]", ["[17.1]"]],
    ["INTEGER[][]", ["[[1], [2, 3]]"]],
    ["DOUBLE[2]", ["[1, 2]"]],
  ])("%s", async (type, values) => {
    expect(await expectAgreement(tableOf(values, type))).toBe(values.length);
  });

  it("a column of which no value is known", async () => {
    await expectAgreement("(SELECT NULL AS x)");
    for (const type of ["VARCHAR", "DOUBLE", "BOOLEAN", "HUGEINT", "TIMESTAMP_NS", "VARCHAR[]"]) {
      await duckdb.connection.run(`COPY (SELECT CAST(NULL AS ${type}) AS x FROM range(3)) TO ${literal(NULLS)}`);
      expect(await expectAgreement(`read_parquet(${literal(NULLS)})`)).toBe(3);
      rmSync(NULLS);
    }
  });

  it("texts, as text and as JSON", async () => {
    const random = new Random(1);
    const texts = [...TEXTS, ...Array.from({ length: 1500 }, () => nasty(random))];
    const sqlOf = (text: string): string =>
      `array_to_string([${Array.from(text, (c) => `chr(${c.codePointAt(0)})`).join(", ") || "''"}], '')`;
    const wellFormed = texts.filter((text) => text.isWellFormed());
    await expectAgreement(tableOf(wellFormed.map((text) => (text.includes("\0") ? sqlOf(text) : literal(text)))));
    await expectAgreement(
      tableOf(
        wellFormed.map((text) => literal(JSON.stringify(text))),
        "JSON",
      ),
    );
  });

  it.each<[string, DecimalStep]>([
    ["a decimal comma", { decimal: "," }],
    ["points between thousands", { decimal: ",", thousands: "." }],
    ["commas between thousands", { decimal: ".", thousands: "," }],
  ])("numbers with %s", async (_, style) => {
    await using other = await DuckDb.open();
    const by = { duckdb: other, meanings: new Meanings(other.connection, style) };
    const random = new Random(3);
    const digits = (): string => String(random.integer(2000)).padStart(random.integer(4), "0");
    const made = Array.from({ length: 500 }, () =>
      [
        digits(),
        ...Array.from({ length: random.integer(3) }, () => [".", ",", "e", "-", " "][random.integer(5)] + digits()),
      ].join(""),
    );
    const texts = ["1,0", "0,0", "1.0", "0.0", "1.000", "1,5", "1.234,5", "1,234.5", ...TEXTS, ...made].filter(
      (text) => text.isWellFormed() && !text.includes("\0"),
    );
    const expected = expectedMeanings(numberReader(style));
    await expectAgreement(tableOf(texts.map(literal)), expected, by);
    const json = texts.map((text) => literal(JSON.stringify(text)));
    await expectAgreement(tableOf([...json, "'1.5'", "'0.0'", "'1700000000.5'"], "JSON"), expected, by);
    await expectAgreement(tableOf(["1.5", "0.5", "NULL"], "DOUBLE"), expected, by);
  });

  it("numbers in JSON", async () => {
    const random = new Random(2);
    const digits = (): string => String(random.integer(10 ** (1 + random.integer(9))));
    const fraction = (): string => (random.integer(2) === 0 ? `.${digits()}${digits()}${digits()}` : "");
    const exponent = (): string => (random.integer(3) === 0 ? `e${random.integer(60) - 30}` : "");
    const numbers = Array.from(
      { length: 1000 },
      () => `${random.integer(4) === 0 ? "-" : ""}${digits()}${fraction()}${exponent()}`,
    );
    const others = [
      "true",
      "false",
      "null",
      "1.0",
      "1e0",
      "-0",
      "9007199254740993",
      "1e400",
      '["a",null,1]',
      '{"a":1}',
      "[[1],2]",
    ];
    expect(await expectAgreement(tableOf([...numbers, ...others].map(literal), "JSON"))).toBe(1011);
  });

  it("numbers in text, to the last digit", async () => {
    const random = new Random(3);
    const numbers = Array.from({ length: 1000 }, () => String(random.uniform() * 10 ** random.integer(18)));
    await expectAgreement(tableOf(numbers.map(literal)));
    await expectAgreement(tableOf(numbers, "DOUBLE"));
    await expectAgreement(tableOf(numbers, "DECIMAL(38, 15)"));
  });
});
