import { columnOf, columnsOf, partsOf } from "./columns.ts";
import type { EncodedRecords } from "./encoded-records.ts";
import { FormatError } from "./errors.ts";
import type { FittedField, FittedSpec } from "./fitted-spec.ts";
import type { Hash64 } from "./hash.ts";
import { ABSENT, CANONICAL, DECIMAL, JsonFields, TEXT } from "./json-fields.ts";
import { type EncodeField, type FieldSide, fieldEncoder } from "./record.ts";
import { rowKeyHash, rowKeyHashOfBytes } from "./row-key.ts";

/** Adds the entries of a member that was read. Returns false where its value is not simple for the field. */
type EncodeMember = (members: JsonFields, column: number, bytes: Uint8Array, out: EncodedRecords) => boolean;

/**
 * Encodes records from their JSON's bytes, as RecordEncoder encodes the objects that JSON.parse makes of them: no
 * object and no text is made on the way, which takes two thirds of the time. It takes only what is simple
 * (json-fields.ts), of models whose fields are simple; all else, what is wrong with a record included, is for
 * RecordEncoder.
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

  /** Null for a model that has a field with several values, with steps, or a cross. */
  static of(spec: FittedSpec): JsonRecordEncoder | null {
    const isSimple = (field: FittedField): boolean =>
      field.type !== "multi-categorical" && field.prepare === undefined && partsOf(field) === null;
    return spec.fields.every(isSimple) ? new JsonRecordEncoder(spec) : null;
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
  return field.type === "numeric" ? numericMember(encode) : categoricalMember(field, encode, hashKey);
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

function numericMember(encode: EncodeField): EncodeMember {
  return (members, column, _bytes, out) => {
    const kind = members.kinds[column];
    if (kind === TEXT && members.starts[column] !== members.ends[column]) return false;
    try {
      encode(kind === CANONICAL || kind === DECIMAL ? members.numbers[column] : undefined, out, "");
      return true;
    } catch (error) {
      if (error instanceof FormatError) return false;
      throw error;
    }
  };
}
