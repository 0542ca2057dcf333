import type { RawValue } from "../../format/raw-value.ts";

/** A column of a sample of records: its different raw values, and which of them each record has. */
export interface ColumnSample {
  name: string;
  /** In the order in which they first appear. Text and number are different values; null stands for undefined too. */
  values: readonly RawValue[];
  /** How many records have each value. */
  counts: readonly number[];
  /** For each record, the number of its value. */
  of: Uint32Array;
}

/** Collects the raw values of a column, record by record. Each different value is in memory once. */
export class ColumnCollector {
  readonly #name: string;
  readonly #values: RawValue[] = [];
  readonly #counts: number[] = [];
  readonly #of: number[] = [];
  /** The number of each value by itself, or by the JSON of a list. */
  readonly #plain = new Map<RawValue, number>();
  readonly #lists = new Map<string, number>();

  constructor(name: string) {
    this.#name = name;
  }

  add(raw: RawValue): void {
    const number = this.#numberOf(raw ?? null);
    this.#counts[number]++;
    this.#of.push(number);
  }

  finish(): ColumnSample {
    return { name: this.#name, values: this.#values, counts: this.#counts, of: Uint32Array.from(this.#of) };
  }

  #numberOf(value: RawValue): number {
    if (typeof value !== "object" || value === null) return numbered(this.#plain, value, () => this.#append(value));
    return numbered(this.#lists, jsonOf(value), () => this.#append(value));
  }

  #append(value: RawValue): number {
    this.#counts.push(0);
    return this.#values.push(value) - 1;
  }
}

function numbered<Key>(known: Map<Key, number>, key: Key, append: () => number): number {
  let number = known.get(key);
  if (number === undefined) {
    number = append();
    known.set(key, number);
  }
  return number;
}

/** JSON of a list, which may hold integers that JSON has no digits for. */
export function jsonOf(value: RawValue): string {
  return JSON.stringify(value, (_, element) => (typeof element === "bigint" ? `${element}n` : element));
}
