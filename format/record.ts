import { FormatError, show } from "./errors.ts";
import type { FittedField, FittedSpec } from "./fitted-spec.ts";
import type { Hash64 } from "./hash.ts";
import { isRounded, numberOf, type RawValue, textOf } from "./raw-value.ts";
import { type RowKeyHash, rowKeyHash } from "./row-key.ts";
import { splineEncoder } from "./spline.ts";
import { upperBound } from "./upper-bound.ts";

/** Bytes of an entry: a key of two words, and a value. */
const KEY_BYTES = 8;
const VALUE_BYTES = 4;
const ENTRY_BYTES = KEY_BYTES + VALUE_BYTES;

/** Entries that the arrays of many grow by at a time. Those of fewer double. */
const MAX_GROWTH = 2 ** 18;

/**
 * Records as entries, pairs of a row key and a value. The entries of record b and field f are those from `offsets[b·F +
 * f]` up to, and without, `offsets[b·F + f + 1]`: one for most fields, several for a multi-valued one, none where a
 * missing value adds nothing. The embedding of a field is the sum of value · row over its entries.
 */
export class EncodedRecords {
  /** Number of records, B. */
  count = 0;
  /** Number of entries. */
  entries = 0;
  /** B·F + 1 positions of entries. The array is longer than that while it grows. */
  offsets: Uint32Array;
  /** Row keys, two words (low, high) for each entry. The key 0 stands for the field's OOV row. */
  keys: Uint32Array;
  /** The number that each entry's row is multiplied by. */
  values: Float32Array;

  readonly #reserve: (bytes: number) => void;

  /**
   * `cells`: B·F, if it is known. Room is made for as many entries, or for `entries` of them. `reserve` is told how
   * many bytes the arrays are to take, before they do; what it throws, `add` throws, too.
   */
  constructor(cells = 1024, entries = cells, reserve: (bytes: number) => void = () => {}) {
    const room = Math.max(1, entries);
    this.#reserve = reserve;
    reserve(4 * (cells + 1) + ENTRY_BYTES * room);
    this.offsets = new Uint32Array(cells + 1);
    this.keys = new Uint32Array(2 * room);
    this.values = new Float32Array(room);
  }

  /** Bytes of memory that the arrays take. */
  get bytes(): number {
    return this.offsets.byteLength + ENTRY_BYTES * this.values.length;
  }

  clear(): void {
    this.count = 0;
    this.entries = 0;
  }

  add(lo: number, hi: number, value: number): void {
    const entry = this.entries;
    if (entry === this.values.length) this.#grow();
    this.keys[2 * entry] = lo;
    this.keys[2 * entry + 1] = hi;
    this.values[entry] = value;
    this.entries++;
  }

  reserveOffsets(length: number): void {
    if (length <= this.offsets.length) return;
    this.#reserve(this.bytes + 8 * length);
    this.offsets = grown(this.offsets, new Uint32Array(2 * length));
  }

  #grow(): void {
    const before = this.values.length;
    const room = before + Math.min(before, MAX_GROWTH);
    // While the keys are copied, the old and the new ones are there, and the old values.
    this.#reserve(this.bytes + KEY_BYTES * room);
    this.keys = grown(this.keys, new Uint32Array(2 * room));
    this.#reserve(this.offsets.byteLength + ENTRY_BYTES * room + VALUE_BYTES * before);
    this.values = grown(this.values, new Float32Array(room));
  }
}

function grown<T extends Uint32Array | Float32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

type EncodeField = (raw: RawValue, out: EncodedRecords, place: string) => void;

export type FieldSide = FittedField["side"];

/**
 * Turns raw records into row keys. It is the one encoding for training, for the parity check and for serving, so that
 * they cannot differ. FORMAT.md, "Record encoding", defines it, and `test/golden/records.json` has examples.
 */
export class RecordEncoder {
  readonly fields: readonly FittedField[];
  readonly #position: ReadonlyMap<string, number>;
  readonly #encode: readonly EncodeField[];
  readonly #sides: readonly FieldSide[];
  readonly #raw: RawValue[];

  constructor(spec: FittedSpec) {
    this.fields = spec.fields;
    this.#position = new Map(spec.fields.map((field, i) => [field.name, i]));
    this.#encode = spec.fields.map((field) => fieldEncoder(field, spec.hashKey));
    this.#sides = spec.fields.map(({ side }) => side);
    this.#raw = new Array(spec.fields.length);
  }

  /**
   * Appends one record, given as an object. With `side`, only the fields of that side get entries; those of the other
   * side get none, not even for a missing value. Throws FormatError on an unknown field, a field of the other side, or
   * a value of the wrong type.
   */
  encodeObject(record: unknown, out: EncodedRecords, place: string, side?: FieldSide): void {
    if (typeof record !== "object" || record === null || Array.isArray(record)) {
      throw new FormatError(place, `got ${show(record)}, expected an object of fields`);
    }
    const raw = this.#raw.fill(undefined);
    for (const name of Object.keys(record)) {
      const position = this.#position.get(name);
      if (position === undefined) throw new FormatError(`${place}.${name}`, "unknown field");
      const own = this.#sides[position];
      if (side && own !== side)
        throw new FormatError(`${place}.${name}`, `got a field of the ${own}, expected the ${side}'s`);
      raw[position] = (record as Record<string, RawValue>)[name];
    }
    this.encodeValues(raw, out, place, side);
  }

  /** Appends the entries of one value of the field at `position`. They become part of no record. */
  encodeValue(position: number, raw: RawValue, out: EncodedRecords, place: string): void {
    (this.#encode[position] as EncodeField)(raw, out, place);
  }

  /** Appends one record, given as values in the order of the fields. `side` means what it does for `encodeObject`. */
  encodeValues(raw: ArrayLike<RawValue>, out: EncodedRecords, place: string, side?: FieldSide): void {
    const fields = this.#encode.length;
    const base = out.count * fields;
    const entriesBefore = out.entries;
    out.reserveOffsets(base + fields + 1);
    out.offsets[base] = entriesBefore;
    try {
      for (let f = 0; f < fields; f++) {
        if (!side || this.#sides[f] === side) (this.#encode[f] as EncodeField)(raw[f], out, place);
        out.offsets[base + f + 1] = out.entries;
      }
    } catch (error) {
      out.entries = entriesBefore;
      throw error;
    }
    out.count++;
  }
}

const scratch: Hash64 = { lo: 0, hi: 0 };

/** The text of a numeric field's only row when its encoding is `value`. */
export const VALUE_ROW = "value";

function fieldEncoder(field: FittedField, hashKey: string | undefined): EncodeField {
  const rowKey = rowKeyHash(hashKey, field.name);
  const add = (text: string, value: number, out: EncodedRecords): void => {
    rowKey(text, scratch);
    out.add(scratch.lo, scratch.hi, value);
  };
  const addMissing = (out: EncodedRecords): void => {
    if (field.missing === "own") add("", 1, out);
    else if (field.missing === "oov") out.add(0, 0, 1);
  };
  const at = (place: string): string => `${place}.${field.name}`;

  if (field.type === "numeric") {
    const addNumber = numberEncoder(field.encoding, rowKey, add);
    return (raw, out, place) => {
      const x = toNumber(raw, at, place);
      if (x !== null) addNumber(x, out, at, place);
      else if (typeof field.missing === "number") addNumber(field.missing, out, at, place);
      else addMissing(out);
    };
  }

  const { encoding } = field;
  const addText: typeof add =
    encoding.kind === "vocabulary"
      ? add
      : (text, value, out) => {
          rowKey(text, scratch);
          add(String(scratch.lo % encoding.buckets), value, out);
        };

  if (field.type === "categorical") {
    return (raw, out, place) => {
      const text = toText(raw, at, place);
      if (text === "") addMissing(out);
      else addText(text, 1, out);
    };
  }

  const { separator, pooling, maxValues } = field;
  return (raw, out, place) => {
    const list: Iterable<RawValue> = Array.isArray(raw) ? raw : pieces(toText(raw, at, place), separator);
    const texts: string[] = [];
    for (const value of list) {
      if (texts.length === maxValues) break;
      const text = toText(value, at, place);
      if (text !== "") texts.push(text);
    }
    if (texts.length === 0) return addMissing(out);
    const weight = pooling === "mean" ? 1 / texts.length : 1;
    for (const text of texts) addText(text, weight, out);
  };
}

/** Characters up to which a cell is split at once, which is quicker. A longer one may be millions of separators. */
const SPLIT_CHARACTERS = 4096;

function pieces(text: string, separator: string): Iterable<string> {
  return text.length <= SPLIT_CHARACTERS ? text.split(separator) : eachPiece(text, separator);
}

function* eachPiece(text: string, separator: string): Generator<string> {
  let from = 0;
  for (let to = text.indexOf(separator); to >= 0; to = text.indexOf(separator, from)) {
    if (to > from) yield text.slice(from, to);
    from = to + separator.length;
  }
  yield text.slice(from);
}

type AddText = (text: string, value: number, out: EncodedRecords) => void;
type NumericEncoding = Extract<FittedField, { type: "numeric" }>["encoding"];

type AddNumber = (x: number, out: EncodedRecords, at: At, place: string) => void;

function numberEncoder(encoding: NumericEncoding, rowKey: RowKeyHash, add: AddText): AddNumber {
  switch (encoding.kind) {
    case "value":
      return (x, out, at, place) => {
        const value = (x - encoding.shift) * encoding.factor;
        if (!Number.isFinite(Math.fround(value)))
          throw new FormatError(at(place), `got ${x}, expected a number that float32 holds once it is scaled`);
        add(VALUE_ROW, value, out);
      };
    case "log2":
      return (x, out) => add(logSquaredBin(x), 1, out);
    case "boundaries":
      return (x, out) => add(String(upperBound(encoding.boundaries, x)), 1, out);
    case "spline":
      return splineEncoder(encoding.knots, rowKey);
  }
}

/**
 * The bin of the discretization by the Criteo challenge's winners: floor(ln(x)²) above 2, else "s" and the number
 * rounded down.
 */
export function logSquaredBin(x: number): string {
  return x > 2 ? String(Math.floor(Math.log(x) ** 2)) : `s${Math.floor(x)}`;
}

type At = (place: string) => string;

function toText(raw: RawValue, at: At, place: string): string {
  const text = textOf(raw);
  if (text !== null) return text;
  throw new FormatError(
    at(place),
    isRounded(raw)
      ? `got ${raw}, expected integers beyond 2^53 as text`
      : `got ${show(raw)}, expected a string, a number, true, false or null`,
  );
}

function toNumber(raw: RawValue, at: At, place: string): number | null {
  const x = numberOf(raw);
  if (Number.isNaN(x)) throw new FormatError(at(place), `got ${show(raw)}, expected a number`);
  return x;
}
