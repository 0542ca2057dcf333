import { columnOf, columnsOf, partsOf } from "./columns.ts";
import type { EncodedRecords } from "./encoded-records.ts";
import { FormatError } from "./errors.ts";
import type { FittedField, FittedSpec } from "./fitted-spec.ts";
import type { Hash64 } from "./hash.ts";
import { ABSENT, BOOLEAN, DECIMAL, JsonFields, TEXT, WHOLE } from "./json-fields.ts";
import type { RawValue } from "./raw-value.ts";
import { type EncodeField, type FieldSide, fieldEncoder } from "./record.ts";
import { rowKeyHash, rowKeyHashOfBytes } from "./row-key.ts";

/** Adds the entries of a member that was read. Returns false where its value is not simple for the field. */
type EncodeMember = (members: JsonFields, column: number, bytes: Uint8Array, out: EncodedRecords) => boolean;

/**
 * Encodes records from their JSON, as RecordEncoder encodes the objects that JSON.parse makes of them: no object and no
 * text is made on the way, but for fields whose texts are prepared or taken apart. It takes only what is simple
 * (json-fields.ts). All else, what is wrong with a record included, is for RecordEncoder.
 */
export class JsonRecordEncoder {
  readonly #members: JsonFields;
  readonly #columnOf: Int32Array;
  readonly #sides: readonly FieldSide[];
  readonly #columnSides: readonly FieldSide[];
  readonly #encode: readonly EncodeMember[];

  private constructor({ fields, hashKey }: FittedSpec) {
    const columns = columnsOf(fields);
    this.#members = new JsonFields(columns);
    this.#columnOf = Int32Array.from(fields, (field) => columns.indexOf(columnOf(field) ?? ""));
    this.#sides = fields.map(({ side }) => side);
    this.#columnSides = columns.map((column) => fields.find((field) => columnOf(field) === column)?.side ?? "context");
    this.#encode = fields.map((field) => memberEncoder(field, hashKey));
  }

  /** Null for a model with crosses, which join the texts of several fields. */
  static of(spec: FittedSpec): JsonRecordEncoder | null {
    return spec.fields.every((field) => partsOf(field) === null) ? new JsonRecordEncoder(spec) : null;
  }

  /**
   * Appends the record at `bytes[at]`, which ends before `end`. `side`: only its fields get entries, and only they may
   * be there. Returns the position after the record. Returns -1, and appends nothing, where RecordEncoder is to judge.
   */
  encode(bytes: Uint8Array, at: number, end: number, out: EncodedRecords, side?: FieldSide): number {
    const members = this.#members;
    const next = members.read(bytes, at, end);
    if (next < 0 || (side && !this.#hasOnly(side))) return -1;
    const encode = this.#encode;
    const fields = encode.length;
    const base = out.count * fields;
    const entriesBefore = out.entries;
    out.reserveOffsets(base + fields + 1);
    out.offsets[base] = entriesBefore;
    for (let f = 0; f < fields; f++) {
      const isDone =
        (side && this.#sides[f] !== side) ||
        (encode[f] as EncodeMember)(members, this.#columnOf[f] as number, bytes, out);
      if (!isDone) {
        out.entries = entriesBefore;
        return -1;
      }
      out.offsets[base + f + 1] = out.entries;
    }
    out.count++;
    return next;
  }

  #hasOnly(side: FieldSide): boolean {
    const { kinds } = this.#members;
    for (let column = 0; column < kinds.length; column++)
      if (kinds[column] !== ABSENT && this.#columnSides[column] !== side) return false;
    return true;
  }
}

const scratch: Hash64 = { lo: 0, hi: 0 };

function memberEncoder(field: FittedField, hashKey: string | undefined): EncodeMember {
  const encode = fieldEncoder(field, hashKey);
  if (field.type === "categorical" && !field.prepare) return categoricalMember(field, encode, hashKey);
  return valueMember(encode, field.type === "numeric" && !field.prepare);
}

function categoricalMember(
  { name, encoding }: FittedField,
  encode: EncodeField,
  hashKey: string | undefined,
): EncodeMember {
  const hash = rowKeyHashOfBytes(hashKey, name);
  const bucketHash = rowKeyHash(hashKey, name);
  const buckets = encoding.kind === "hash" ? encoding.buckets : 0;
  return (members, column, bytes, out) => {
    const kind = members.kinds[column];
    const [start, end] = [members.starts[column] as number, members.ends[column] as number];
    if (kind === ABSENT || (kind === TEXT && start === end)) encode(undefined, out, "");
    else if (kind === DECIMAL) return false;
    else {
      hash(bytes, start, end, scratch);
      if (buckets > 0) bucketHash(String(scratch.lo % buckets), scratch);
      out.add(scratch.lo, scratch.hi, 1);
    }
    return true;
  };
}

/** Bytes of the longest text that is made of its bytes. For longer ones JSON.parse is quicker. */
const MAX_TEXT = 64;

/** `isNumber`: whether values are numbers mostly, so that texts are left to RecordEncoder. */
function valueMember(encode: EncodeField, isNumber: boolean): EncodeMember {
  return (members, column, bytes, out) => {
    const kind = members.kinds[column];
    let value: RawValue;
    if (kind === WHOLE || kind === DECIMAL) value = members.numbers[column];
    else if (kind === BOOLEAN) value = members.numbers[column] === 1;
    else if (kind === TEXT) {
      const length = (members.ends[column] as number) - (members.starts[column] as number);
      if (length > (isNumber ? 0 : MAX_TEXT)) return false;
      value = String.fromCharCode(...bytes.subarray(members.starts[column], members.ends[column]));
    }
    try {
      encode(value, out, "");
      return true;
    } catch (error) {
      if (error instanceof FormatError) return false;
      throw error;
    }
  };
}
