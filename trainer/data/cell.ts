import {
  DuckDBArrayValue,
  DuckDBDecimalValue,
  DuckDBListValue,
  DuckDBTimestampTZValue,
  type DuckDBType,
  DuckDBTypeId,
  type DuckDBValue,
} from "@duckdb/node-api";
import type { RawValue } from "../../format/raw-value.ts";
import { wholeText } from "./sql.ts";

// A cell of a Parquet file becomes the raw value that a client would send for it as JSON, so that both get one row key:
//
//   integers of every width    number or bigint: their digits
//   DECIMAL                    the number: 17.50 is 17.5, and 17.00 is 17
//   FLOAT                      the shortest decimal that is this float32: 17.1, and not 17.100000381469727
//   DOUBLE, BOOLEAN, text      unchanged; text may be stored as such or as plain bytes
//   DATE, TIME, TIMESTAMP      2024-01-31 and 2024-01-31 23:59:00, with a fraction where there is one
//   TIMESTAMP with time zone   the time stamp in UTC with +00 after it, whatever this machine's zone is
//   lists                      lists of these values; a NULL in one is a missing element
//   STRUCT, MAP, UNION         refused, since no value of a record is like them; so is VARIANT, which may be any

DuckDBTimestampTZValue.timezoneOffsetInMinutes = 0;

const REFUSED: readonly DuckDBTypeId[] = [
  DuckDBTypeId.STRUCT,
  DuckDBTypeId.MAP,
  DuckDBTypeId.UNION,
  DuckDBTypeId.VARIANT,
];

/** Whether a column of this type cannot be read, since it has no raw values. */
export function isRefused(type: DuckDBType): boolean {
  return REFUSED.includes(type.typeId) || ("valueType" in type && isRefused(type.valueType));
}

/** Whether a column is JSON text, which DuckDB takes for a kind of VARCHAR. */
export function isJson(type: DuckDBType): boolean {
  return type.typeId === DuckDBTypeId.VARCHAR && type.alias === "JSON";
}

/** A type's name in SQL. That of JSON is its own, and not that of the text which it is. */
export function typeName(type: DuckDBType): string {
  if (isJson(type)) return "JSON";
  return type.typeId === DuckDBTypeId.LIST && "valueType" in type ? `${typeName(type.valueType)}[]` : String(type);
}

/** Whether a column is text, and not JSON. */
export function isText(type: DuckDBType): boolean {
  return type.typeId === DuckDBTypeId.VARCHAR && !isJson(type);
}

function hasText(type: DuckDBType): boolean {
  return isText(type) || ("valueType" in type && hasText(type.valueType));
}

/** SQL of a column's values: a float32 through its text, which DuckDB writes as the shortest decimal. */
export function valueSql(sql: string, type: DuckDBType): string {
  if (type.typeId === DuckDBTypeId.FLOAT) return `CAST(CAST(${sql} AS VARCHAR) AS DOUBLE)`;
  if ("valueType" in type && type.valueType.typeId === DuckDBTypeId.FLOAT)
    return `CAST(CAST(${sql} AS VARCHAR[]) AS DOUBLE[])`;
  return sql;
}

/** SQL to fetch a column's values with, which `toRawValue` takes. */
export function cellSql(sql: string, type: DuckDBType): string {
  if (isText(type)) return wholeText(sql);
  return "valueType" in type && hasText(type.valueType)
    ? `list_transform(${sql}, lambda element: ${cellSql("element", type.valueType)})`
    : valueSql(sql, type);
}

export function toRawValue(value: DuckDBValue): RawValue {
  if (value === null || typeof value !== "object") return value;
  if (value instanceof DuckDBListValue || value instanceof DuckDBArrayValue) return value.items.map(toRawValue);
  if (value instanceof DuckDBDecimalValue) {
    const unit = 10n ** BigInt(value.scale);
    return value.value % unit === 0n ? value.value / unit : Number(String(value));
  }
  return String(value);
}

/** A number that is not finite, as DuckDB's JSON has it, and a list of numbers with such ones. */
const NOT_FINITE = /^(NaN|-?Infinity)$/;
const SOME_NOT_FINITE = /^\[[^"[\]{}]*(NaN|Infinity)[^"[\]{}]*\]$/;

/** The raw value of JSON text, which may have numbers that are not finite. Throws SyntaxError. */
export function fromJson(text: string): RawValue {
  if (NOT_FINITE.test(text)) return Number(text);
  if (SOME_NOT_FINITE.test(text)) return text.slice(1, -1).split(",").map(fromJson);
  return JSON.parse(text) as RawValue;
}
