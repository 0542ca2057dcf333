import type { RawValue } from "../../format/raw-value.ts";
import type { ClickLog } from "./click-log.ts";
import { groupText } from "./group-text.ts";
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

/** A column to read. `separator`: the text between its values where a record can have several. */
export interface ColumnRequest {
  name: string;
  separator: string | null;
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
  for await (const chunk of log.chunks(requests.map(({ name }) => name))) {
    for (const [c, column] of columns.entries()) {
      const separator = requests[c]?.separator ?? null;
      for (let row = 0; row < chunk.rows; row++) {
        for (const value of valuesOf(chunk.columns[c]?.[row], separator)) column.of.push(column.index.numberOf(value));
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

function valuesOf(raw: RawValue, separator: string | null): string[] {
  if (separator === null) return [groupText(raw)];
  const list = Array.isArray(raw) ? raw.map(groupText) : groupText(raw).split(separator);
  return [...new Set(list)];
}
