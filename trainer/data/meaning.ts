import {
  ANY,
  DOUBLE,
  type DuckDBConnection,
  DuckDBScalarFunction,
  type DuckDBType,
  DuckDBTypeId as Id,
  VARCHAR,
} from "@duckdb/node-api";
import { FormatError } from "../../format/errors.ts";
import { type NumberReader, numberReader } from "../../format/prepare/decimal.ts";
import { NO_SCRATCH, type Prepare } from "../../format/prepare/prepared-values.ts";
import type { DecimalStep } from "../../format/prepare/steps.ts";
import { labelOf, numberOf, type RawValue } from "../../format/raw-value.ts";
import { cellSql, fromJson, isJson, toRawValue, valueSql } from "./cell.ts";
import { groupText } from "./group-text.ts";
import { literal } from "./sql.ts";
import { timeOf } from "./time.ts";

// SQL of what a column's values mean. DuckDB calls the functions that the encoder calls, so that a log is divided,
// sampled and measured by the values that are then encoded. A call takes half a microsecond a value. Where most values
// are plain, such as short numbers in digits, SQL computes their meaning itself, and calls for the others only;
// test/trainer/data/meaning.test.ts compares the two.

/** What a value is asked for: text as records are grouped by it, a time as seconds since 1970, a label of 0 or 1. */
export type Meaning = "number" | "label" | "time" | "text";

/** SQL of whether a value is plain, and of the meaning that it then has. */
type Plain = [when: string, then: string];

interface Judge {
  /**
   * The meaning of a value, null where it has none. Never throws: DuckDB may ask about values that no row has, such as
   * all of a Parquet file's dictionary.
   */
  of(raw: RawValue): number | string | null;
  plain(x: string, kind: Kind): Plain[];
}

/** Types of columns, as far as plain values of them look alike. */
type Kind = "integer" | "boolean" | "double" | "decimal" | "date" | "text" | "json" | "other";

const DIGITS = "[0-9]{1,15}"; // which float64 holds
const NUMBER = String.raw`${DIGITS}(\.${DIGITS})?`;
const STAMP = String.raw`[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z?)?`;
/** JSON text in printable ASCII, nothing of it escaped. */
const JSON_TEXT = String.raw`"[ !#-\[\]-~]*"`;

type Judges = Record<Meaning, Judge>;

/** `number`: what reads the log's numbers. `text`: a pattern of texts that are plain numbers. */
function judgesOf(number: NumberReader, text: string): Judges {
  const plainNumbers = (x: string, kind: Kind): Plain[] => plainNumbersOf(x, kind, text);
  return {
    number: {
      of: (raw) => numberOrNull(number(raw)),
      plain: (x, kind) => [[`${x} IS NULL`, "NULL"], ...plainNumbers(x, kind)],
    },
    label: {
      of: (raw) => labelOf(raw, number),
      plain(x, kind) {
        if (kind === "boolean") return [[`${x} IS NOT NULL`, `CAST(${x} AS DOUBLE)`]];
        if (kind === "integer") return [[`${x} IN (0, 1)`, `CAST(${x} AS DOUBLE)`]];
        return kind === "text" || kind === "json" ? [[`${x} IN ('0', '1')`, `CAST(${x} AS DOUBLE)`]] : [];
      },
    },
    time: {
      of: (raw) => timeOf(raw, number),
      plain(x, kind) {
        if (kind === "date") return [[`year(${x}) BETWEEN 1 AND 9999`, `epoch(${x})`]];
        const time = `TRY_CAST(${x} AS TIMESTAMP)`;
        const stamp: Plain = [`${matches(x, STAMP)} AND ${time} IS NOT NULL`, `epoch(${time})`];
        if (kind === "text") return [...plainNumbers(x, kind), stamp];
        return kind === "boolean" ? [] : plainNumbers(x, kind);
      },
    },
    text: {
      of: groupText,
      plain(x, kind) {
        if (kind === "text") return [["TRUE", `coalesce(${x}, '')`]];
        if (kind === "integer" || kind === "boolean") return [["TRUE", `coalesce(CAST(${x} AS VARCHAR), '')`]];
        if (kind !== "json") return [];
        return [
          [matches(x, DIGITS), x],
          [matches(x, JSON_TEXT), `substr(${x}, 2, length(${x}) - 2)`],
        ];
      },
    },
  };
}

function numberOrNull(x: number | null): number | null {
  return Number.isNaN(x) ? null : x;
}

/** The plain numbers of a type. `text`: a pattern of texts that are such. */
function plainNumbersOf(x: string, kind: Kind, text: string): Plain[] {
  switch (kind) {
    case "integer":
    case "boolean":
      return [[`${x} IS NOT NULL`, `CAST(${x} AS DOUBLE)`]];
    case "double":
      return [[`abs(${x}) < 1e38`, x]]; // which float32 holds; NaN is above all numbers
    case "decimal":
      return [[`${x} IS NOT NULL`, `CAST(CAST(${x} AS VARCHAR) AS DOUBLE)`]]; // its own cast to DOUBLE rounds twice
    case "text":
      return [[matches(x, text), `CAST(${x} AS DOUBLE)`]];
    case "json":
      return [[matches(x, NUMBER), `CAST(${x} AS DOUBLE)`]];
    default:
      return [];
  }
}

function matches(x: string, pattern: string): string {
  return `regexp_full_match(${x}, ${literal(pattern)})`;
}

const INTEGERS = new Set([
  ...[Id.TINYINT, Id.SMALLINT, Id.INTEGER, Id.BIGINT],
  ...[Id.UTINYINT, Id.USMALLINT, Id.UINTEGER, Id.UBIGINT],
]);

function kindOf(type: DuckDBType): Kind {
  if (isJson(type)) return "json";
  const { typeId } = type;
  if (INTEGERS.has(typeId)) return "integer";
  if (typeId === Id.DATE || typeId === Id.TIMESTAMP || typeId === Id.TIMESTAMP_TZ) return "date";
  if (typeId === Id.DOUBLE || typeId === Id.FLOAT) return "double"; // `cellSql` gives DOUBLE of FLOAT
  if (typeId === Id.DECIMAL) return "decimal";
  if (typeId === Id.BOOLEAN) return "boolean";
  return typeId === Id.VARCHAR ? "text" : "other";
}

/** The meanings of a log's values, as functions that a database has. */
export class Meanings {
  readonly #connection: DuckDBConnection;
  readonly #judges: Judges;
  #prepared = 0;

  /** Makes the functions known to a database, on any of its connections. `style`: how the log writes its numbers. */
  constructor(connection: DuckDBConnection, style: DecimalStep | null) {
    this.#connection = connection;
    this.#judges = judgesOf(numberReader(style), style ? DIGITS : NUMBER);
    for (const meaning of Object.keys(this.#judges) as Meaning[]) {
      const { of } = this.#judges[meaning];
      register(connection, functionName(meaning, false), meaning, of);
      register(connection, functionName(meaning, true), meaning, (text) => of(text === null ? null : looseJson(text)));
    }
  }

  /** SQL of the meaning of a column's values: DOUBLE, or VARCHAR of a text; NULL where a value has none. */
  sql(meaning: Meaning, { sql, type }: { sql: string; type: DuckDBType }): string {
    const { x, asked: argument, kind } = askedValue(sql, type);
    const plain = this.#judges[meaning].plain(x, kind).map(([when, then]) => `WHEN ${when} THEN ${then}`);
    const asked = `${functionName(meaning, kind === "json")}(${argument})`;
    return plain.length > 0 ? `CASE ${plain.join(" ")} ELSE ${asked} END` : asked;
  }

  /**
   * SQL of a column's values as numbers once a field's steps have prepared them; NULL where a value has none, and where
   * it is refused.
   */
  preparedNumber(prepare: Prepare, { sql, type }: { sql: string; type: DuckDBType }): string {
    const { asked, kind } = askedValue(sql, type);
    const name = `prepared_number_${this.#prepared++}`;
    register(this.#connection, name, "number", (raw) => {
      try {
        const value = kind === "json" && raw !== null ? looseJson(raw) : raw;
        return numberOrNull(numberOf(prepare(value, "", NO_SCRATCH)));
      } catch (error) {
        if (error instanceof FormatError) return null; // it is refused, with its place, when it is encoded
        throw error;
      }
    });
    return `${name}(${asked})`;
  }
}

/** SQL of a column's value as SQL computes with it, and as the functions take it. */
function askedValue(sql: string, type: DuckDBType): { x: string; asked: string; kind: Kind } {
  const kind = kindOf(type);
  // A column of nothing but NULL is said to be INTEGER, but has a type of its own, which no function takes.
  if (kind !== "json" && kind !== "integer") return { x: valueSql(sql, type), asked: cellSql(sql, type), kind };
  const x = `CAST(${sql} AS ${kind === "json" ? "VARCHAR" : type})`;
  return { x, asked: x, kind };
}

function functionName(meaning: Meaning, json: boolean): string {
  return `raw_${meaning}${json ? "_of_json" : ""}`;
}

const LONG_INTEGER = /^-?[1-9]\d{15,}$/;

/** A JSON value. Of an integer beyond 2^53 every digit is kept, and what is not JSON stays text. */
function looseJson(text: RawValue): RawValue {
  const json = String(text);
  if (LONG_INTEGER.test(json)) return BigInt(json);
  try {
    return fromJson(json);
  } catch {
    return json;
  }
}

function register(connection: DuckDBConnection, name: string, meaning: Meaning, of: Judge["of"]): void {
  connection.registerScalarFunction(
    DuckDBScalarFunction.create({
      name,
      parameterTypes: [ANY],
      returnType: meaning === "text" ? VARCHAR : DOUBLE,
      specialHandling: true, // or it would not be called for NULL
      mainFunction(_info, input, output) {
        for (const [i, value] of input.getColumnValues(0).entries()) output.setItem(i, of(toRawValue(value)));
        output.flush();
      },
    }),
  );
}
