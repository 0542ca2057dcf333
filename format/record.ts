import { columnOf, columnsOf, partsOf } from "./columns.ts";
import type { EncodedRecords } from "./encoded-records.ts";
import { FormatError, show } from "./errors.ts";
import type { FittedField, FittedSpec } from "./fitted-spec.ts";
import type { Hash64 } from "./hash.ts";
import { NO_SCRATCH, preparer, type Scratch } from "./prepare/prepared-values.ts";
import { isRounded, numberOf, type RawValue, textOf } from "./raw-value.ts";
import { type RowKeyHash, rowKeyHash } from "./row-key.ts";
import { pieces } from "./separated.ts";
import { splineEncoder } from "./spline.ts";
import { upperBound } from "./upper-bound.ts";

/** Adds the entries of a field's value. */
export type EncodeField = (raw: RawValue, out: EncodedRecords, place: string) => void;

export type FieldSide = FittedField["side"];

/** For each field the text that crosses take of it, where there is a cross that does. */
export type PartTexts = readonly string[];

/**
 * Turns raw records into row keys. It is the one encoding for training, for the parity check and for serving, so that
 * they cannot differ. FORMAT.md, "Record encoding", defines it, and `test/golden/records.json` has examples.
 */
export class RecordEncoder {
  readonly fields: readonly FittedField[];
  /** The columns that the fields' values come from: the keys of a record. */
  readonly columns: readonly string[];
  /** For each field the number of its column; of a cross, which has none, 0. */
  readonly #columnOf: Int32Array;
  readonly #position: ReadonlyMap<string, number>;
  /** For each column the side of its fields. */
  readonly #columnSides: readonly FieldSide[];
  readonly #encode: readonly EncodeField[];
  readonly #sides: readonly FieldSide[];
  readonly #raw: RawValue[];
  /** What reads the text of a value, of each categorical field that is no cross. */
  readonly #read: readonly (TextReader | null)[];
  /** The numbers of the fields that crosses join, and for each the text of the record that is encoded. */
  readonly #parts: readonly number[];
  readonly #texts: string[];

  constructor(spec: FittedSpec) {
    const { fields, hashKey } = spec;
    this.fields = fields;
    this.columns = columnsOf(fields);
    this.#position = new Map(this.columns.map((column, i) => [column, i]));
    this.#columnOf = Int32Array.from(fields, (field) => this.#position.get(columnOf(field) ?? "") ?? 0);
    this.#columnSides = this.columns.map(
      (column) => fields.find((field) => columnOf(field) === column)?.side ?? "context",
    );
    this.#sides = fields.map(({ side }) => side);
    this.#raw = new Array(this.columns.length);
    const numberOfField = new Map(fields.map(({ name }, f) => [name, f]));
    const numbersOf = (parts: readonly string[] | null): number[] =>
      (parts ?? []).map((name) => numberOfField.get(name) ?? 0);
    this.#read = fields.map((one) => (one.type === "categorical" && !partsOf(one) ? textReader(one) : null));
    this.#parts = [...new Set(fields.flatMap((one) => numbersOf(partsOf(one))))];
    this.#texts = fields.map(() => "");
    this.#encode = fields.map((field, f) => {
      const parts = partsOf(field);
      if (!parts && !this.#parts.includes(f)) return fieldEncoder(field, hashKey);
      const add = textEncoder(field as CategoricalField, hashKey);
      if (!parts) return (_raw, out) => add(this.#texts[f] as string, out);
      const [a = 0, b = 0] = numbersOf(parts);
      return (_raw, out) => add(crossText(this.#texts[a] as string, this.#texts[b] as string), out);
    });
  }

  /**
   * Appends one record, given as an object. Throws FormatError on a key that is no field's column, or a value of the
   * wrong type.
   */
  encodeObject(record: unknown, out: EncodedRecords, place: string): void {
    this.encodeValues(this.#valuesOf(record, place), out, place);
  }

  /**
   * Appends the context's part of records: only its fields get entries; the item's get none, not even for a missing
   * value. Returns the texts that crosses of both sides need of it, for `encodeItem`. Throws FormatError as
   * `encodeObject` does, and on a field of the item.
   */
  encodeContext(record: unknown, out: EncodedRecords, place: string): PartTexts {
    this.#append(this.#valuesOf(record, place, "context"), out, place, "context");
    return [...this.#texts];
  }

  /**
   * Appends the item's part of a record, as `encodeContext` does the context's. `context`: the texts of the context for
   * which the item is, or none where it is for any: then there MUST NOT be a cross of both sides.
   */
  encodeItem(record: unknown, out: EncodedRecords, place: string, context: PartTexts = []): void {
    this.#append(this.#valuesOf(record, place, "item"), out, place, "item", context);
  }

  /** The prepared text of one value of the categorical field at `position`; "" where it is missing. */
  textOf(position: number, raw: RawValue, place: string): string {
    return this.#read[position]?.(raw, place, NO_SCRATCH) ?? "";
  }

  /** Appends the entries of one value of the field at `position`. They become part of no record. */
  encodeValue(position: number, raw: RawValue, out: EncodedRecords, place: string): void {
    if (this.#parts.includes(position)) this.#texts[position] = this.#read[position]?.(raw, place, out) ?? "";
    (this.#encode[position] as EncodeField)(raw, out, place);
  }

  /** Appends one record, given as values in the order of the columns. */
  encodeValues(raw: ArrayLike<RawValue>, out: EncodedRecords, place: string): void {
    this.#append(raw, out, place);
  }

  /** `side`: only the fields of that side get entries. `context`: the texts of the other side's parts of crosses. */
  #append(
    raw: ArrayLike<RawValue>,
    out: EncodedRecords,
    place: string,
    side?: FieldSide,
    context: PartTexts = [],
  ): void {
    const encode = this.#encode;
    const numbers = this.#columnOf;
    const fields = encode.length;
    const base = out.count * fields;
    const entriesBefore = out.entries;
    out.reserveOffsets(base + fields + 1);
    out.offsets[base] = entriesBefore;
    try {
      for (let i = 0; i < this.#parts.length; i++) {
        const f = this.#parts[i] as number;
        const own = !side || this.#sides[f] === side;
        const read = own ? this.#read[f] : null;
        this.#texts[f] = (read ? read(raw[numbers[f] as number], place, out) : context[f]) ?? "";
      }
      for (let f = 0; f < fields; f++) {
        if (!side || this.#sides[f] === side) (encode[f] as EncodeField)(raw[numbers[f] as number], out, place);
        out.offsets[base + f + 1] = out.entries;
      }
    } catch (error) {
      out.entries = entriesBefore;
      throw error;
    }
    out.count++;
  }

  /** A record's values in the order of the columns. */
  #valuesOf(record: unknown, place: string, side?: FieldSide): RawValue[] {
    checkRecord(record, place);
    const raw = this.#raw.fill(undefined);
    for (const name of Object.keys(record)) {
      const position = this.#position.get(name);
      if (position === undefined) throw new FormatError(`${place}.${name}`, this.#unknown(name));
      const own = this.#columnSides[position];
      if (side && own !== side)
        throw new FormatError(`${place}.${name}`, `got a field of the ${own}, expected the ${side}'s`);
      raw[position] = (record as Record<string, RawValue>)[name];
    }
    return raw;
  }

  /** What is wrong with a key that is no column. */
  #unknown(name: string): string {
    const field = this.fields.find((known) => known.name === name);
    if (!field) return `unknown field, expected one of ${this.columns.map(show).join(", ")}`;
    const parts = partsOf(field)?.map((part) => columnOf(this.fields.find((known) => known.name === part) ?? field));
    const made = parts ? parts.map(show).join(" and ") : show(columnOf(field));
    return `got a field's name, expected ${made}, which the field is made of`;
  }
}

/** Throws FormatError where a record, or a part of one, is no object. */
export function checkRecord(record: unknown, place: string): asserts record is object {
  if (typeof record !== "object" || record === null || Array.isArray(record))
    throw new FormatError(place, `got ${show(record)}, expected an object of fields`);
}

/**
 * The text of a cross: the UTF-16 units of the first part's text in digits, a colon, the first text, a colon, and the
 * second, so that no two pairs have one text. It is missing where a part is.
 */
export function crossText(first: string, second: string): string {
  return first === "" || second === "" ? "" : `${first.length}:${first}:${second}`;
}

const scratch: Hash64 = { lo: 0, hi: 0 };

/** The text of a numeric field's only row when its encoding is `value`. */
export const VALUE_ROW = "value";

type CategoricalField = Extract<FittedField, { type: "categorical" }>;

/** What adds entries of a field's values. */
interface Entries {
  rowKey: RowKeyHash;
  text: AddText;
  /** Of a bucket where the encoding is `hash`. */
  value: AddText;
  missing(out: EncodedRecords): void;
}

function entriesOf(field: FittedField, hashKey: string | undefined): Entries {
  const rowKey = rowKeyHash(hashKey, field.name);
  const text: AddText = (of, value, out) => {
    rowKey(of, scratch);
    out.add(scratch.lo, scratch.hi, value);
  };
  const { encoding, missing } = field;
  return {
    rowKey,
    text,
    value:
      encoding.kind === "hash"
        ? (of, value, out) => {
            rowKey(of, scratch);
            text(String(scratch.lo % encoding.buckets), value, out);
          }
        : text,
    missing(out) {
      if (missing === "own") text("", 1, out);
      else if (missing === "oov") out.add(0, 0, 1);
    },
  };
}

/** Reads the text of a categorical field's value, prepared; "" where it is missing. */
type TextReader = (raw: RawValue, place: string, scratch: Scratch) => string;

function textReader(field: FittedField): TextReader {
  const fault = faultOf(field);
  const prepare = preparer(field);
  if (!prepare) return (raw, place) => toText(raw, fault, place);
  return (raw, place, scratch) => toText(prepare(raw, place, scratch), fault, place);
}

/** Adds the entry of a categorical field's text. */
function textEncoder(
  field: CategoricalField,
  hashKey: string | undefined,
): (text: string, out: EncodedRecords) => void {
  const { value, missing } = entriesOf(field, hashKey);
  return (text, out) => {
    if (text === "") missing(out);
    else value(text, 1, out);
  };
}

/** What adds the entries of a field that is no cross, nor a part of one. */
export function fieldEncoder(field: FittedField, hashKey: string | undefined): EncodeField {
  const encode = plainEncoder(field, hashKey);
  const prepare = preparer(field);
  if (!prepare) return encode;
  return (raw, out, place) => encode(prepare(raw, place, out), out, place);
}

/** Encodes values as the field's steps leave them. */
function plainEncoder(field: FittedField, hashKey: string | undefined): EncodeField {
  const add = entriesOf(field, hashKey);
  const fault = faultOf(field);

  if (field.type === "numeric") {
    const addNumber = numberEncoder(field.encoding, add.rowKey, add.text);
    return (raw, out, place) => {
      const x = toNumber(raw, fault, place);
      if (x !== null) addNumber(x, out, fault, place);
      else if (typeof field.missing === "number") addNumber(field.missing, out, fault, place);
      else add.missing(out);
    };
  }

  if (field.type === "categorical") {
    const { value, missing } = add;
    return (raw, out, place) => {
      const text = toText(raw, fault, place);
      if (text === "") missing(out);
      else value(text, 1, out);
    };
  }

  const { separator, pooling, maxValues } = field;
  return (raw, out, place) => {
    const list: Iterable<RawValue> = Array.isArray(raw) ? raw : pieces(toText(raw, fault, place), separator);
    const texts: string[] = [];
    for (const value of list) {
      if (texts.length === maxValues) break;
      const text = toText(value, fault, place);
      if (text !== "") texts.push(text);
    }
    if (texts.length === 0) return add.missing(out);
    const weight = pooling === "mean" ? 1 / texts.length : 1;
    for (const text of texts) add.value(text, weight, out);
  };
}

type AddText = (text: string, value: number, out: EncodedRecords) => void;
type NumericEncoding = Extract<FittedField, { type: "numeric" }>["encoding"];

type AddNumber = (x: number, out: EncodedRecords, fault: Fault, place: string) => void;

function numberEncoder(encoding: NumericEncoding, rowKey: RowKeyHash, add: AddText): AddNumber {
  switch (encoding.kind) {
    case "value":
      return (x, out, fault, place) => {
        const value = (x - encoding.shift) * encoding.factor;
        if (!Number.isFinite(Math.fround(value)))
          throw fault(place, `got ${x}, expected a number that float32 holds once it is scaled`);
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

/** Makes the error of a value of a field, at its column within `place`. */
type Fault = (place: string, problem: string) => FormatError;

function faultOf(field: FittedField): Fault {
  const column = columnOf(field) ?? field.name;
  const which = column === field.name ? "" : ` for the field ${show(field.name)}`;
  return (place, problem) => new FormatError(`${place}.${column}`, `${problem}${which}`);
}

function toText(raw: RawValue, fault: Fault, place: string): string {
  const text = textOf(raw);
  if (text !== null) return text;
  throw fault(
    place,
    isRounded(raw)
      ? `got ${raw}, expected integers beyond 2^53 as text`
      : `got ${show(raw)}, expected a string, a number, true, false or null`,
  );
}

function toNumber(raw: RawValue, fault: Fault, place: string): number | null {
  const x = numberOf(raw);
  if (Number.isNaN(x)) throw fault(place, `got ${show(raw)}, expected a number`);
  return x;
}
