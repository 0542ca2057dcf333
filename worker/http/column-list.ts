import { RequestError, show } from "../../format/errors.ts";
import type { Column, ColumnarRecords } from "../../runtime/columns.ts";
import { BodyList } from "./body-list.ts";

// A list of records as columns:
//
//   {"count": 3, "columns": {"price": typed array of 3 numbers, "tags": [["a"], null, ["b", "c"]],
//                            "brand": {"values": ["acme", "initech"], "at": typed array of 3 numbers: [0, 1, 0]}}}
//
// It means the list of its rows. null is a value that is absent.

/** Records or candidates that came as columns. */
export class ColumnList extends BodyList implements ColumnarRecords {
  override readonly length: number;
  override readonly bytes: number;
  columns: ReadonlyMap<string, Column>;

  /** `bytes`: those of the body that they are of. */
  constructor(count: number, columns: ReadonlyMap<string, Column>, bytes: number) {
    super();
    this.length = count;
    this.columns = columns;
    this.bytes = bytes;
  }

  override *[Symbol.iterator](): Generator<object> {
    for (let i = 0; i < this.length; i++) {
      const row: Record<string, unknown> = {};
      for (const [name, { values, at }] of this.columns) {
        const value = values[at === null ? i : (at[i] as number)] ?? null;
        if (value !== null) Object.defineProperty(row, name, { value, enumerable: true });
      }
      yield row;
    }
  }

  override forget(): void {
    this.columns = new Map();
  }
}

/**
 * The list that an object with a count and columns means; anything else as it is, for a schema to refuse. Throws
 * RequestError where the columns do not fit together.
 */
export function columnList(value: unknown, name: string, bytes: number): unknown {
  if (typeof value !== "object" || value === null || !("columns" in value)) return value;
  const { count, columns, ...others } = value as { count?: unknown; columns: unknown };
  const [other] = Object.keys(others);
  if (other !== undefined) throw new RequestError(`${name}.${other}`, "unknown key, expected count and columns");
  if (!isCount(count)) throw new RequestError(`${name}.count`, `got ${show(count)}, expected a number of records`);
  if (typeof columns !== "object" || columns === null || isValues(columns))
    throw new RequestError(`${name}.columns`, `got ${show(columns)}, expected an object of columns`);
  const entries = Object.entries(columns).map(
    ([column, given]) => [column, readColumn(given, count, name, column)] as const,
  );
  return new ColumnList(count, new Map(entries), bytes);
}

function readColumn(given: unknown, count: number, list: string, name: string): Column {
  const refuse = (problem: string): RequestError =>
    new RequestError(`${list}.columns`, `of the column ${show(name)} ${problem}`);
  if (isValues(given)) {
    if (given.length !== count) throw refuse(`got ${given.length} values, expected ${count}`);
    return { values: given, at: null };
  }
  if (typeof given !== "object" || given === null || !("values" in given) || !("at" in given))
    throw refuse(`got ${show(given)}, expected a list, or an object of values and at`);
  const { values, at } = given;
  if (!isValues(values)) throw refuse(`got values ${show(values)}, expected a list`);
  if (!isValues(at) || at.length !== count)
    throw refuse(`got at ${isValues(at) ? `of ${at.length} numbers` : show(at)}, expected ${count} numbers`);
  for (let i = 0; i < count; i++) {
    const v = at[i];
    if (!isCount(v) || v >= values.length)
      throw refuse(`got ${show(v)} at ${i}, expected the number of one of its ${values.length} values`);
  }
  return { values, at: at as ArrayLike<number> };
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0;
}

function isValues(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}
