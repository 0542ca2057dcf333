// A client of the compact form: bodies of JSON as columns in CBOR.
import { encode, Token, Type } from "cborg";

type Row = Record<string, unknown>;

/** Whether all elements of the lists of records are records, as columns can say. */
export function isExpressible(body: object): boolean {
  return Object.entries(body).every(
    ([name, list]) => !RECORD_LISTS.has(name) || (Array.isArray(list) && list.every(isRow)),
  );
}

const RECORD_LISTS: ReadonlySet<string> = new Set(["records", "candidates"]);

function isRow(value: unknown): value is Row {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A body of JSON in the compact form. */
export function compact(body: object): Uint8Array<ArrayBuffer> {
  const members = Object.entries(body).map(([name, value]) => [
    name,
    RECORD_LISTS.has(name) ? columnsOf(value as Row[]) : numbersOr(value),
  ]);
  return Uint8Array.from(encode(Object.fromEntries(members), { typeEncoders: TYPED_ARRAYS }));
}

function columnsOf(rows: readonly Row[]): object {
  const names = new Set(rows.flatMap((row) => Object.keys(row)));
  const columns = Array.from(names, (name) => [name, columnOf(rows.map((row) => row[name] ?? null))]);
  return { count: rows.length, columns: Object.fromEntries(columns) };
}

/** Numbers as a typed array; values that come again once, with the number of each row's; others as they are. */
function columnOf(values: readonly unknown[]): unknown {
  const numbers = numbersOr(values);
  if (numbers !== values) return numbers;
  const distinct = new Map<string, number>();
  const at = values.map((value) => {
    const key = JSON.stringify(value);
    const number = distinct.get(key) ?? distinct.size;
    distinct.set(key, number);
    return number;
  });
  if (distinct.size > values.length / 2) return values;
  const numbersOfRows = distinct.size <= 2 ** 8 ? Uint8Array.from(at) : Uint16Array.from(at);
  return { values: Array.from(distinct.keys(), (key) => JSON.parse(key)), at: numbersOfRows };
}

function numbersOr(value: unknown): unknown {
  const areNumbers = Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === "number");
  return areNumbers ? Float64Array.from(value) : value;
}

/** RFC 8746: the tags of little-endian numbers. */
const TYPED_ARRAYS = {
  Uint8Array: tagged(64),
  Uint16Array: tagged(69),
  Float64Array: tagged(86),
};

function tagged(tag: number): (array: ArrayBufferView) => Token[] {
  return ({ buffer, byteOffset, byteLength }) => [
    new Token(Type.tag, tag),
    new Token(Type.bytes, new Uint8Array(buffer, byteOffset, byteLength)),
  ];
}
