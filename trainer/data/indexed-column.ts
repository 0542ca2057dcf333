import type { RawValue } from "../../format/raw-value.ts";
import { type ClickLog, placed } from "./click-log.ts";
import { WordList } from "./word-list.ts";

/**
 * A column of a log by which records are grouped or sliced: its different values, and which of them each record has.
 */
export interface IndexedColumn {
  name: string;
  /** The distinct values, in the order in which they first appear; a missing one is "". */
  values: string[];
  /** [N + 1]: the values of record i are at `of[offsets[i] … offsets[i + 1])`. */
  offsets: Uint32Array;
  /** Indices into `values`. */
  of: Uint32Array;
}

/** What to read: a column, or what a field makes of its columns. */
export interface ColumnRequest {
  name: string;
  /** The columns of the log that it is made of. */
  columns: readonly string[];
  /** The texts of a record's values, given those columns' values. Throws FormatError at a column. */
  valuesOf(raw: readonly RawValue[]): readonly string[];
}

/**
 * Reads columns of a log, in the order of its rows. All different values are in memory, and 4 bytes for each use of
 * one.
 */
export async function readColumns(log: ClickLog, requests: readonly ColumnRequest[]): Promise<IndexedColumn[]> {
  const columns = requests.map(({ name }) => ({
    name,
    index: new ValueIndex(),
    of: new WordList(),
    ends: new WordList(1),
  }));
  if (columns.length === 0) return [];
  const names = [...new Set(requests.flatMap((request) => request.columns))];
  for await (const chunk of log.chunks(names)) {
    for (const [r, column] of columns.entries()) {
      const { columns: own, valuesOf } = requests[r];
      const cells = own.map((name) => chunk.columns[names.indexOf(name)]);
      for (let row = 0; row < chunk.rows; row++) {
        try {
          for (const value of valuesOf(cells.map((column) => column[row])))
            column.of.push(column.index.numberOf(value));
        } catch (error) {
          throw await placed(chunk, row, error);
        }
        column.ends.push(column.of.length);
      }
    }
  }
  return columns.map(({ name, index, of, ends }) => ({
    name,
    values: index.values,
    offsets: ends.toArray(),
    of: of.toArray(),
  }));
}

/** Texts in a Map, of which an engine holds 2²⁴ at most. */
const MAP_ENTRIES = 2 ** 23;

/** Numbers different texts, in the order in which they first appear. */
export class ValueIndex {
  readonly values: string[] = [];
  readonly #mapEntries: number;
  readonly #maps: Map<string, number>[] = [];

  constructor(mapEntries = MAP_ENTRIES) {
    this.#mapEntries = mapEntries;
  }

  /** The number of a text, which is new if it was not seen before. */
  numberOf(value: string): number {
    for (const map of this.#maps) {
      const known = map.get(value);
      if (known !== undefined) return known;
    }
    if (this.values.length === this.#maps.length * this.#mapEntries) this.#maps.push(new Map());
    this.#maps.at(-1)?.set(value, this.values.length);
    return this.values.push(value) - 1;
  }
}
