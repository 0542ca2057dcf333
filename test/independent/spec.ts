import { check } from "./refusal.ts";

// Section 1, fitted spec: what SPEC holds. Rule 6.

export type Encoding =
  | { kind: "vocabulary" }
  | { kind: "hash"; buckets: number }
  | { kind: "value"; shift: number; factor: number }
  | { kind: "log2" }
  | { kind: "boundaries"; boundaries: number[] }
  | { kind: "spline"; knots: number[] };

export interface Field {
  name: string;
  type: "categorical" | "numeric" | "multi-categorical";
  side: "context" | "item";
  encoding: Encoding;
  missing: "own" | "oov" | "skip" | number;
  /** Whether a row of the field may be in a page. */
  kv: boolean;
  /** For a multi-categorical field. */
  separator: string;
  pooling: "mean" | "sum";
  maxValues: number;
}

export interface Spec {
  name: string;
  label: string;
  /** 32 hexadecimal digits; null in formats 4 and 5. */
  hashKey: string | null;
  fields: Field[];
}

type Json = Record<string, unknown>;

const RULE = 6;

const ENCODING_KEYS: Record<string, string[]> = {
  vocabulary: ["kind"],
  hash: ["kind", "buckets"],
  value: ["kind", "shift", "factor"],
  log2: ["kind"],
  boundaries: ["kind", "boundaries"],
  spline: ["kind", "knots"],
};

export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An object with all of `required`, some of `optional`, and nothing else. */
export function objectOf(value: unknown, required: string[], optional: string[], rule: number): Json {
  check(isObject(value), rule, "got no object");
  const wrong = Object.keys(value).find((key) => !required.includes(key) && !optional.includes(key));
  check(wrong === undefined, rule, `got "${wrong}", which has no meaning`);
  const absent = required.find((key) => !Object.hasOwn(value, key));
  check(absent === undefined, rule, `got no "${absent}"`);
  return value;
}

function isInteger(value: unknown, low: number, high: number): boolean {
  return Number.isInteger(value) && Number(value) >= low && Number(value) <= high;
}

/** A text of `low` to `high` UTF-16 units. */
function isText(value: unknown, low: number, high: number): boolean {
  return typeof value === "string" && value.length >= low && value.length <= high;
}

function ascends(list: unknown): boolean {
  return (
    Array.isArray(list) &&
    isInteger(list.length, 1, 4096) &&
    list.every((x, i) => Number.isFinite(x) && (i === 0 || list[i - 1] < x))
  );
}

function finiteInF32(list: unknown): boolean {
  return Array.isArray(list) && list.every((x) => Number.isFinite(Math.fround(x)));
}

function checkEncoding(value: unknown, type: string, place: string, format: number): void {
  check(isObject(value), RULE, `${place}: got no encoding`);
  const numeric = ["value", "log2", "boundaries", ...(format >= 7 ? ["spline"] : [])];
  const kinds = type === "numeric" ? numeric : ["vocabulary", "hash"];
  const kind = String(value.kind);
  check(kinds.includes(kind), RULE, `${place}: got encoding ${kind}, expected ${kinds}`);
  objectOf(value, ENCODING_KEYS[kind] ?? [], [], RULE);
  const { buckets, shift, factor, boundaries, knots } = value;
  if (kind === "hash") check(isInteger(buckets, 1, 2 ** 31), RULE, `${place}: got ${buckets} buckets`);
  if (kind === "value") check(Number.isFinite(shift) && Number.isFinite(factor), RULE, `${place}: got no finite shift`);
  if (kind === "boundaries") check(ascends(boundaries), RULE, `${place}: boundaries do not ascend`);
  if (kind === "spline") check(ascends(knots) && finiteInF32(knots), RULE, `${place}: knots do not ascend within f32`);
}

function checkField(value: unknown, format: number): void {
  const multi = isObject(value) && value.type === "multi-categorical" ? ["separator", "pooling", "maxValues"] : [];
  const field = objectOf(value, ["name", "type", "side", "encoding", "kv"], ["missing", ...multi], RULE);
  const { name, type, side, encoding, missing, kv, separator, pooling, maxValues } = field;
  const place = `field ${name}`;
  check(isText(name, 1, 128), RULE, `${place}: got ${name} as a name`);
  check(["categorical", "numeric", "multi-categorical"].includes(String(type)), RULE, `${place}: got type ${type}`);
  check(side === "context" || side === "item", RULE, `${place}: got side ${side}`);
  check(typeof kv === "boolean", RULE, `${place}: got kv ${kv}`);
  const known = missing === undefined || missing === "own" || missing === "oov" || missing === "skip";
  check(known || (type === "numeric" && Number.isFinite(missing)), RULE, `${place}: got missing ${missing}`);
  check(separator === undefined || isText(separator, 1, Infinity), RULE, `${place}: got separator ${separator}`);
  check(pooling === undefined || pooling === "mean" || pooling === "sum", RULE, `${place}: got pooling ${pooling}`);
  check(maxValues === undefined || isInteger(maxValues, 1, 1024), RULE, `${place}: got maxValues ${maxValues}`);
  checkEncoding(encoding, String(type), place, format);
}

/** The fitted spec, checked, with its defaults. `format`: the version of the blob's format. */
export function readSpec(value: unknown, format: number): Spec {
  const keyed = format >= 6 ? ["hashKey"] : [];
  const spec = objectOf(value, ["name", "label", ...keyed, "fields"], [], RULE);
  const { hashKey = null } = spec;
  check(hashKey === null || /^[0-9a-f]{32}$/.test(String(hashKey)), RULE, "got another hashKey");
  check(typeof spec.name === "string" && /^[a-z0-9][a-z0-9._-]{0,63}$/.test(spec.name), RULE, `got name ${spec.name}`);
  check(typeof spec.label === "string", RULE, `got label ${spec.label}`);
  check(Array.isArray(spec.fields) && isInteger(spec.fields.length, 1, 256), RULE, "got no list of 1–256 fields");
  for (const field of spec.fields) checkField(field, format);
  const defaults = { missing: "own", separator: "|", pooling: "mean", maxValues: 50 };
  const fields: Field[] = spec.fields.map((field) => ({ ...defaults, ...field }));

  const names = new Set([spec.label, ...fields.map(({ name }) => name)]);
  check(names.size === fields.length + 1, RULE, "field names and label do not differ");
  const most = ({ type, encoding, maxValues }: Field): number =>
    type === "multi-categorical" ? maxValues : encoding.kind === "spline" ? 2 : 1;
  const entries = fields.reduce((sum, field) => sum + most(field), 0);
  check(entries <= 4096, RULE, `got ${entries} entries of a record, expected at most 4096`);
  return { name: spec.name, label: spec.label, hashKey: hashKey === null ? null : String(hashKey), fields };
}
