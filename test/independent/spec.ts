import { check } from "./refusal.ts";

// Section 1, fitted spec: what SPEC holds. Rule 6.

export type Encoding =
  | { kind: "vocabulary" }
  | { kind: "hash"; buckets: number }
  | { kind: "value"; shift: number; factor: number }
  | { kind: "log2" }
  | { kind: "boundaries"; boundaries: number[] };

export type Step =
  | "trim"
  | "spaces"
  | "lower"
  | "upper"
  | "nfc"
  | "nfkc"
  | "log"
  | { missing: string[] }
  | { decimal: string; thousands?: string }
  | { time: "hour" | "weekday" | "day" | "month" | "date"; zone?: string; format?: string; unit?: "s" | "ms" }
  | { list: "json" | "python" }
  | { clip: [number, number] }
  | { prefix: number }
  | { capture: string };

export interface Field {
  name: string;
  from?: string;
  prepare?: Step[];
  cross?: [string, string];
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

function checkEncoding(value: unknown, type: string, place: string): void {
  check(isObject(value), RULE, `${place}: got no encoding`);
  const kinds = type === "numeric" ? ["value", "log2", "boundaries"] : ["vocabulary", "hash"];
  const kind = String(value.kind);
  check(kinds.includes(kind), RULE, `${place}: got encoding ${kind}, expected ${kinds}`);
  objectOf(value, ENCODING_KEYS[kind] ?? [], [], RULE);
  const { buckets, shift, factor, boundaries } = value;
  if (kind === "hash") check(isInteger(buckets, 1, 2 ** 31), RULE, `${place}: got ${buckets} buckets`);
  if (kind === "value") check(Number.isFinite(shift) && Number.isFinite(factor), RULE, `${place}: got no finite shift`);
  if (kind === "boundaries") check(ascends(boundaries), RULE, `${place}: boundaries do not ascend`);
}

const STEPS = ["trim", "spaces", "lower", "upper", "nfc", "nfkc", "log"];
const TEXT_STEPS = ["trim", "spaces", "lower", "upper", "nfc", "nfkc", "prefix", "capture"];
const STEP_KEYS: Record<string, string[]> = {
  ...{ missing: [], decimal: ["thousands"], time: ["zone", "format", "unit"], list: [], clip: [], prefix: [] },
  capture: [],
};

function checkStep(step: unknown, place: string): string {
  if (typeof step === "string") {
    check(STEPS.includes(step), RULE, `${place}: got the step ${step}`);
    return step;
  }
  check(isObject(step), RULE, `${place}: got no step`);
  const name = Object.keys(STEP_KEYS).find((key) => Object.hasOwn(step, key)) ?? "";
  objectOf(step, [name], STEP_KEYS[name] ?? [], RULE);
  const { missing, decimal, thousands, time, format, unit, zone = "UTC", list, clip, prefix, capture } = step;
  const rules: Record<string, () => boolean> = {
    missing: () =>
      Array.isArray(missing) &&
      isInteger(missing.length, 1, 1024) &&
      missing.every((text) => isText(text, 0, Infinity)),
    decimal: () =>
      [".", ","].includes(String(decimal)) &&
      (thousands === undefined ||
        (isText(thousands, 1, 1) && /[^\d+\-eE]/.test(String(thousands)) && thousands !== decimal)),
    time: () =>
      ["hour", "weekday", "day", "month", "date"].includes(String(time)) &&
      isZone(zone) &&
      (format === undefined || (isText(format, 1, 64) && unit === undefined)) &&
      (unit === undefined || unit === "s" || unit === "ms"),
    list: () => list === "json" || list === "python",
    clip: () => Array.isArray(clip) && clip.length === 2 && clip.every(Number.isFinite) && clip[0] < clip[1],
    prefix: () => isInteger(prefix, 1, 1024),
    capture: () => isText(capture, 2, 256) && /\((?!\?)/.test(String(capture)),
  };
  check(rules[name]?.() === true, RULE, `${place}: got the step ${JSON.stringify(step)}`);
  return name;
}

function isZone(zone: unknown): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: String(zone) });
    return typeof zone === "string" && /^[A-Za-z]/.test(zone);
  } catch {
    return false;
  }
}

function checkSteps(steps: unknown, type: string, place: string): void {
  check(Array.isArray(steps) && isInteger(steps.length, 1, 16), RULE, `${place}: got no list of 1–16 steps`);
  const names = steps.map((step) => checkStep(step, place));
  const isDate = (i: number): boolean => steps[i].time === "date";
  names.forEach((name, i) => {
    const after = names
      .slice(0, i)
      .some((before, b) => ["decimal", "clip", "log", "time"].includes(before) && !isDate(b));
    const ofNumbers = name === "clip" || name === "log";
    check(!ofNumbers || type === "numeric", RULE, `${place}: got ${name} in a ${type} field`);
    check(name !== "list" || (type === "multi-categorical" && names.indexOf(name) === i), RULE, `${place}: got list`);
    check(!(after && (name === "decimal" || name === "list")), RULE, `${place}: got ${name} after a number`);
    check(!(after && type === "numeric" && TEXT_STEPS.includes(name)), RULE, `${place}: got ${name} after a number`);
    check(!(type === "numeric" && isDate(i)), RULE, `${place}: got a date in a numeric field`);
  });
}

/** What fields must be together: their columns, and the parts of crosses. */
function checkOrigins(fields: Field[], label: string): void {
  const sides = new Map<string, string>();
  for (const { name, from = name, cross, prepare, side } of fields) {
    if (cross) {
      const parts = cross.map((part) => fields.find((field) => field.name === part));
      check(
        parts.every((part) => part?.type === "categorical" && !part.cross),
        RULE,
        `${name}: got ${cross}`,
      );
      check(cross[0] !== cross[1] && !prepare, RULE, `${name}: got ${cross}`);
      check((side === "item") === parts.some((part) => part?.side === "item"), RULE, `${name}: got side ${side}`);
      continue;
    }
    check(from !== label, RULE, `${name}: got the label`);
    check((sides.get(from) ?? side) === side, RULE, `${name}: got a column of two sides`);
    sides.set(from, side);
  }
}

function checkField(value: unknown, format: number): void {
  const multi = isObject(value) && value.type === "multi-categorical" ? ["separator", "pooling", "maxValues"] : [];
  const origins = format < 7 ? [] : isObject(value) && value.cross !== undefined ? ["cross"] : ["from", "prepare"];
  const field = objectOf(value, ["name", "type", "side", "encoding", "kv"], ["missing", ...multi, ...origins], RULE);
  const { name, type, side, encoding, missing, kv, separator, pooling, maxValues, from, prepare, cross } = field;
  const place = `field ${name}`;
  check(from === undefined || isText(from, 1, 128), RULE, `${place}: got from ${from}`);
  check(cross === undefined || (type === "categorical" && Array.isArray(cross) && cross.length === 2), RULE, place);
  if (prepare !== undefined) checkSteps(prepare, String(type), place);
  check(isText(name, 1, 128), RULE, `${place}: got ${name} as a name`);
  check(["categorical", "numeric", "multi-categorical"].includes(String(type)), RULE, `${place}: got type ${type}`);
  check(side === "context" || side === "item", RULE, `${place}: got side ${side}`);
  check(typeof kv === "boolean", RULE, `${place}: got kv ${kv}`);
  const known = missing === undefined || missing === "own" || missing === "oov" || missing === "skip";
  check(known || (type === "numeric" && Number.isFinite(missing)), RULE, `${place}: got missing ${missing}`);
  check(separator === undefined || isText(separator, 1, Infinity), RULE, `${place}: got separator ${separator}`);
  check(pooling === undefined || pooling === "mean" || pooling === "sum", RULE, `${place}: got pooling ${pooling}`);
  check(maxValues === undefined || isInteger(maxValues, 1, 1024), RULE, `${place}: got maxValues ${maxValues}`);
  checkEncoding(encoding, String(type), place);
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
  const entries = fields.reduce((sum, { type, maxValues }) => sum + (type === "multi-categorical" ? maxValues : 1), 0);
  checkOrigins(fields, spec.label);
  check(entries <= 4096, RULE, `got ${entries} entries of a record, expected at most 4096`);
  return { name: spec.name, label: spec.label, hashKey: hashKey === null ? null : String(hashKey), fields };
}
