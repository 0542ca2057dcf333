import { murmur64 } from "./murmur.ts";
import { RecordError } from "./refusal.ts";
import type { Field, Spec } from "./spec.ts";

// Section 2: from a raw record to entries.

/** Row key, 0 for the field's OOV row; f32 value. */
export interface Entry {
  key: bigint;
  value: number;
}

const NUMBER = /^\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*$/;

/** First 64 bits of the hash of a text under the seed of its field. */
export function keyOf(field: string, text: string): bigint {
  const utf8 = new TextEncoder();
  const seed = Number(murmur64(utf8.encode(field), 0) & 0xffff_ffffn);
  return murmur64(utf8.encode(text), seed);
}

function isMissing(raw: unknown): boolean {
  return raw === null || raw === undefined || raw === "";
}

/** Canonical text. */
function textOf(raw: unknown, field: Field): string {
  const lossy =
    typeof raw === "number" && (!Number.isFinite(raw) || (Number.isInteger(raw) && !Number.isSafeInteger(raw)));
  if (lossy || !["string", "number", "bigint", "boolean"].includes(typeof raw))
    throw new RecordError(
      `${field.name}: got ${typeof raw} ${raw}, expected text, a boolean or a number that JSON keeps`,
    );
  return String(raw);
}

function numberOf(raw: unknown, field: Field): number {
  const isNumber =
    ["number", "bigint", "boolean"].includes(typeof raw) || (typeof raw === "string" && NUMBER.test(raw));
  const x = isNumber ? Number(raw) : Number.NaN;
  if (!Number.isFinite(Math.fround(x))) throw new RecordError(`${field.name}: got ${raw}, expected a finite f32`);
  return x;
}

function missingEntries(field: Field): Entry[] {
  if (typeof field.missing === "number") return [numericEntry(field.missing, field)];
  if (field.missing === "skip") return [];
  return [{ key: field.missing === "own" ? keyOf(field.name, "") : 0n, value: 1 }];
}

function categoricalKey({ name, encoding }: Field, text: string): bigint {
  const key = keyOf(name, text);
  if (encoding.kind !== "hash") return key;
  const bucket = (key & 0xffff_ffffn) % BigInt(encoding.buckets);
  return keyOf(name, String(bucket));
}

/** The bins of the Criteo challenge's winners: ⌊(ln x)²⌋ above 2. */
function log2Bin(x: number): string {
  return x > 2 ? String(Math.floor(Math.log(x) ** 2)) : `s${Math.floor(x)}`;
}

function numericEntry(raw: unknown, field: Field): Entry {
  const { name, encoding } = field;
  const x = numberOf(raw, field);
  if (encoding.kind === "log2") return { key: keyOf(name, log2Bin(x)), value: 1 };
  if (encoding.kind === "boundaries") {
    const below = encoding.boundaries.filter((boundary) => boundary <= x).length;
    return { key: keyOf(name, String(below)), value: 1 };
  }
  if (encoding.kind !== "value") throw new RecordError(`${name}: ${encoding.kind} is no encoding of numbers`);
  const value = Math.fround((x - encoding.shift) * encoding.factor);
  if (!Number.isFinite(value)) throw new RecordError(`${name}: ${raw} is scaled to no finite f32`);
  return { key: keyOf(name, "value"), value };
}

function multiEntries(raw: unknown, field: Field): Entry[] {
  const elements = Array.isArray(raw) ? raw : textOf(raw, field).split(field.separator);
  const kept = elements.filter((element) => !isMissing(element)).slice(0, field.maxValues);
  if (kept.length === 0) return missingEntries(field);
  const value = field.pooling === "mean" ? Math.fround(1 / kept.length) : 1;
  return kept.map((element) => ({ key: categoricalKey(field, textOf(element, field)), value }));
}

function entriesOf(raw: unknown, field: Field): Entry[] {
  if (isMissing(raw)) return missingEntries(field);
  if (field.type === "numeric") return [numericEntry(raw, field)];
  if (field.type === "multi-categorical") return multiEntries(raw, field);
  return [{ key: categoricalKey(field, textOf(raw, field)), value: 1 }];
}

/** The entries of each field, in the order of the spec. */
export function encode(record: Record<string, unknown>, spec: Spec): Entry[][] {
  const unknown = Object.keys(record).find((key) => !spec.fields.some(({ name }) => name === key));
  if (unknown !== undefined) throw new RecordError(`got "${unknown}", which is no field`);
  return spec.fields.map((field) => entriesOf(Object.hasOwn(record, field.name) ? record[field.name] : null, field));
}
