import { chaskey, wordsOf } from "./chaskey.ts";
import { murmur64 } from "./murmur.ts";
import { isMissing, numberOf, prepared, textOf } from "./prepare.ts";
import { at, RecordError } from "./refusal.ts";
import type { Field, Spec } from "./spec.ts";

// Section 2: from a raw record to entries.

/** Row key, 0 for the field's OOV row; f32 value. */
export interface Entry {
  key: bigint;
  value: number;
}

/** The row key of a text of the field that is encoded. */
type KeyOf = (text: string) => bigint;

/** The row key of a text of a field. Without a hash key it is that of formats 4 and 5. */
export function keyOf(hashKey: string | null, field: string, text: string): bigint {
  const utf8 = new TextEncoder();
  if (hashKey !== null) {
    const own = chaskey(utf8.encode(field), wordsOf(Buffer.from(hashKey, "hex")));
    const [lo, hi] = chaskey(utf8.encode(text), own);
    return (BigInt(hi) << 32n) | BigInt(lo);
  }
  const seed = Number(murmur64(utf8.encode(field), 0) & 0xffff_ffffn);
  return murmur64(utf8.encode(text), seed);
}

function missingEntries(field: Field, keyOf: KeyOf): Entry[] {
  if (typeof field.missing === "number") return [numericEntry(field.missing, field, keyOf)];
  if (field.missing === "skip") return [];
  return [{ key: field.missing === "own" ? keyOf("") : 0n, value: 1 }];
}

function categoricalKey({ encoding }: Field, text: string, keyOf: KeyOf): bigint {
  const key = keyOf(text);
  if (encoding.kind !== "hash") return key;
  const bucket = (key & 0xffff_ffffn) % BigInt(encoding.buckets);
  return keyOf(String(bucket));
}

/** The bins of the Criteo challenge's winners: ⌊(ln x)²⌋ above 2. */
function log2Bin(x: number): string {
  return x > 2 ? String(Math.floor(Math.log(x) ** 2)) : `s${Math.floor(x)}`;
}

function numericEntry(raw: unknown, field: Field, keyOf: KeyOf): Entry {
  const { name, encoding } = field;
  const x = numberOf(raw);
  if (encoding.kind === "log2") return { key: keyOf(log2Bin(x)), value: 1 };
  if (encoding.kind === "boundaries") {
    const below = encoding.boundaries.filter((boundary) => boundary <= x).length;
    return { key: keyOf(String(below)), value: 1 };
  }
  if (encoding.kind !== "value") throw new RecordError(`${name}: ${encoding.kind} is no encoding of numbers`);
  const value = Math.fround((x - encoding.shift) * encoding.factor);
  if (!Number.isFinite(value)) throw new RecordError(`${name}: ${raw} is scaled to no finite f32`);
  return { key: keyOf("value"), value };
}

function multiEntries(raw: unknown, field: Field, keyOf: KeyOf): Entry[] {
  const elements = Array.isArray(raw) ? raw : textOf(raw).split(field.separator);
  const kept = elements.filter((element) => !isMissing(element)).slice(0, field.maxValues);
  if (kept.length === 0) return missingEntries(field, keyOf);
  const value = field.pooling === "mean" ? Math.fround(1 / kept.length) : 1;
  return kept.map((element) => ({ key: categoricalKey(field, textOf(element), keyOf), value }));
}

function entriesOf(raw: unknown, field: Field, keyOf: KeyOf): Entry[] {
  if (isMissing(raw)) return missingEntries(field, keyOf);
  if (field.type === "numeric") return [numericEntry(raw, field, keyOf)];
  if (field.type === "multi-categorical") return multiEntries(raw, field, keyOf);
  return [{ key: categoricalKey(field, textOf(raw), keyOf), value: 1 }];
}

/** The column of a field, which its values come from. */
function columnOf({ name, from = name }: Field): string {
  return from;
}

function preparedValue(record: Record<string, unknown>, field: Field): unknown {
  const column = columnOf(field);
  return prepared(Object.hasOwn(record, column) ? record[column] : null, field);
}

/** The text of a cross's two parts together; missing where one is. */
function crossOf(record: Record<string, unknown>, cross: [string, string], spec: Spec): string | null {
  const parts = cross.map((name) => spec.fields.filter((field) => field.name === name));
  const values = parts.map((found) => preparedValue(record, at(found, 0)));
  if (values.some(isMissing)) return null;
  const [a = "", b = ""] = values.map(textOf);
  return `${a.length}:${a}:${b}`;
}

/** The entries of each field, in the order of the spec. */
export function encode(record: Record<string, unknown>, spec: Spec): Entry[][] {
  const columns = spec.fields.filter(({ cross }) => cross === undefined).map(columnOf);
  const unknown = Object.keys(record).find((key) => !columns.includes(key));
  if (unknown !== undefined) throw new RecordError(`got "${unknown}", which is no field's column`);
  return spec.fields.map((field) => {
    const value = field.cross ? crossOf(record, field.cross, spec) : preparedValue(record, field);
    return entriesOf(value, field, (text) => keyOf(spec.hashKey, field.name, text));
  });
}
