import { columnOf, columnsOf, partsOf } from "../format/columns.ts";
import * as c from "../format/constants.ts";
import { EncodedRecords } from "../format/encoded-records.ts";
import type { FittedField, FittedSpec } from "../format/fitted-spec.ts";
import { type FieldSide, fieldEncoder } from "../format/record.ts";
import { rowKeyWords } from "../format/row-key.ts";
import * as abi from "./abi.ts";

/** By what the kernel encodes a model's records from their JSON. */
export interface EncoderPlan {
  /** As abi.ts lays it out. */
  bytes: Uint8Array;
  columns: number;
  /** Whether texts are hashed with keys of Chaskey. */
  isKeyed: boolean;
  /** By field: the number of its column where the host makes its entries; -1 where the kernel does. */
  hostColumns: Int32Array;
}

/**
 * The plan of a model; null where it has crosses, which join the texts of several fields. `hasPages`: whether pages
 * have rows of it.
 */
export function encoderPlan({ fields, hashKey }: FittedSpec, hasPages: boolean): EncoderPlan | null {
  if (fields.some((field) => partsOf(field) !== null)) return null;
  const columns = columnsOf(fields);
  const names = columns.map((column) => new TextEncoder().encode(column));
  const fieldsAt = columns.length * abi.PLAN_COLUMN_BYTES;
  let at = fieldsAt + fields.length * abi.PLAN_FIELD_BYTES;
  const bytes = new Uint8Array(names.reduce((sum, { length }) => sum + length, at));
  const plan = new DataView(bytes.buffer);
  names.forEach((name, i) => {
    const column = i * abi.PLAN_COLUMN_BYTES;
    const side = fields.find((field) => columnOf(field) === columns[i])?.side ?? "context";
    plan.setUint32(column + abi.PLAN_NAME, at, true);
    plan.setUint32(column + abi.PLAN_NAME_BYTES, name.length, true);
    plan.setUint32(column + abi.PLAN_COLUMN_SIDE, sideCode(side), true);
    bytes.set(name, at);
    at += name.length;
  });
  const columnsOfFields = fields.map((field) => columns.indexOf(columnOf(field) ?? ""));
  fields.forEach((field, f) => {
    const entry = fieldsAt + f * abi.PLAN_FIELD_BYTES;
    writeField(new DataView(bytes.buffer, entry), field, columnsOfFields[f] as number, hashKey, hasPages);
  });
  const hostColumns = Int32Array.from(fields, (field, f) =>
    kindOf(field) === abi.FIELD_OF_HOST ? (columnsOfFields[f] as number) : -1,
  );
  return { bytes, columns: columns.length, isKeyed: hashKey !== undefined, hostColumns };
}

export function sideCode(side: FieldSide | undefined): number {
  if (side === undefined) return abi.ANY_SIDE;
  return side === "item" ? c.SIDE_ITEM : c.SIDE_CONTEXT;
}

function writeField(
  entry: DataView,
  field: FittedField,
  column: number,
  hashKey: string | undefined,
  hasPages: boolean,
): void {
  const { encoding } = field;
  entry.setUint32(abi.PLAN_FIELD_COLUMN, column, true);
  entry.setUint32(abi.PLAN_FIELD_SIDE, sideCode(field.side), true);
  entry.setUint32(abi.PLAN_FIELD_KIND, kindOf(field), true);
  entry.setUint32(abi.PLAN_BUCKETS, encoding.kind === "hash" ? encoding.buckets : 0, true);
  rowKeyWords(hashKey, field.name).forEach((word, i) => {
    entry.setInt32(abi.PLAN_HASH_KEY + 4 * i, word, true);
  });
  entry.setUint32(abi.PLAN_IN_PAGES, Number(field.kv && hasPages), true);
  entry.setUint32(abi.PLAN_COUNTS_UNSEEN, Number(encoding.kind !== "hash"), true);
  if (kindOf(field) === abi.FIELD_OF_HOST) return;
  const missing = new EncodedRecords(1);
  fieldEncoder(field, hashKey)(undefined, missing, "");
  entry.setUint32(abi.PLAN_HAS_MISSING, missing.entries, true);
  for (let word = 0; word < 2; word++)
    entry.setUint32(abi.PLAN_MISSING_KEY + 4 * word, missing.keys[word] as number, true);
}

function kindOf({ type, prepare, encoding }: FittedField): number {
  if (type !== "categorical" || prepare) return abi.FIELD_OF_HOST;
  return encoding.kind === "hash" ? abi.FIELD_OF_BUCKET : abi.FIELD_OF_TEXT;
}
