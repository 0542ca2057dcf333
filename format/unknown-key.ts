import type * as v from "valibot";
import { FormatError, show } from "./errors.ts";
import { parseWith } from "./parse.ts";

// Settings that people write: a key that is none is mostly a slip of the pen, and what it was meant to be is near.

/**
 * Checks settings against `schema`, as `parseWith` does. A key that the schema does not know is named first, with the
 * known key that is nearest to it, as it is often why another one is missing; and so is a list in an object's place,
 * which valibot takes for an object without keys.
 */
export function parseSettings<Schema extends v.GenericSchema>(
  schema: Schema,
  input: unknown,
  source: string,
): v.InferOutput<Schema> {
  const fault = findFault(schema, input);
  if (fault) throw new FormatError(fault.path === "" ? source : `${source}${placed(fault.path)}`, fault.problem);
  return parseWith(schema, input, source);
}

/** A path behind the name of its source: an element of a list stands right after it. */
function placed(path: string): string {
  return path.startsWith("[") ? path : `: ${path}`;
}

/** Names that `v.record` leaves out without a word, since they are properties of every object. */
export const LEFT_OUT: readonly string[] = ["__proto__", "constructor", "prototype"];

interface Fault {
  path: string;
  problem: string;
}

/** The first key, in the order in which the input is written, that is unknown where it stands, or list that is none. */
function findFault(schema: v.GenericSchema, input: unknown, path = ""): Fault | null {
  if (typeof input !== "object" || input === null) return null;
  const bare = unwrapped(schema);
  if (Array.isArray(input)) {
    if (isObject(bare) || isVariant(bare)) return { path, problem: `got ${show(input)}, expected Object` };
    if (!isArray(bare)) return null;
    return first(input.entries(), ([i, item]) => findFault(bare.item, item, `${path}[${i}]`));
  }
  const at = (key: string): string => (path === "" ? key : `${path}.${key}`);
  if (isRecord(bare)) {
    const { value: kept } = bare["~run"]({ value: input }, {});
    return first(Object.entries(input), ([key, value]) =>
      LEFT_OUT.includes(key) && !Object.hasOwn(kept as object, key)
        ? { path: at(key), problem: "got a name that JavaScript keeps for itself, expected another" }
        : findFault(bare.value, value, at(key)),
    );
  }
  const options = isVariant(bare)
    ? optionsFor(bare, input)
    : isUnion(bare)
      ? formsFor(bare, input)
      : isObject(bare)
        ? [bare]
        : [];
  if (options.length === 0) return null;
  const known = [...new Set(options.flatMap(({ entries }) => Object.keys(entries)))];
  return first(Object.entries(input), ([key, value]) => {
    if (!known.includes(key)) return { path: at(key), problem: `unknown key, expected ${near(key, known)}` };
    const [only, ...others] = options;
    const inner = others.length === 0 ? only?.entries[key] : undefined;
    return inner ? findFault(inner, value, at(key)) : null;
  });
}

function first<Item, Found>(items: Iterable<Item>, find: (item: Item) => Found | null): Found | null {
  for (const item of items) {
    const found = find(item);
    if (found !== null) return found;
  }
  return null;
}

type ObjectSchema = v.GenericSchema & { entries: Record<string, v.GenericSchema> };
type VariantSchema = v.GenericSchema & { key: string; options: readonly v.GenericSchema[] };

/** The schema that says what an input's keys are: the one that an optional schema wraps. */
function unwrapped(schema: v.GenericSchema): v.GenericSchema {
  return "wrapped" in schema ? unwrapped(schema.wrapped as v.GenericSchema) : schema;
}

function isArray(schema: v.GenericSchema): schema is v.GenericSchema & { item: v.GenericSchema } {
  return schema.type === "array";
}

function isRecord(schema: v.GenericSchema): schema is v.GenericSchema & { value: v.GenericSchema } {
  return schema.type === "record";
}

function isVariant(schema: v.GenericSchema): schema is VariantSchema {
  return schema.type === "variant";
}

function isObject(schema: v.GenericSchema): schema is ObjectSchema {
  return schema.type === "strict_object";
}

function isUnion(schema: v.GenericSchema): schema is v.GenericSchema & { options: readonly v.GenericSchema[] } {
  return schema.type === "union";
}

/** The forms of a union whose first key an input has: all where it has none. */
function formsFor({ options }: { options: readonly v.GenericSchema[] }, input: object): ObjectSchema[] {
  const all = options.map(unwrapped).filter(isObject);
  const chosen = all.filter(({ entries }) => Object.hasOwn(input, Object.keys(entries)[0] ?? ""));
  return chosen.length > 0 ? chosen : all;
}

/** The forms that an input can have by the key that tells them apart: all where it lacks that key. */
function optionsFor({ key, options }: VariantSchema, input: object): ObjectSchema[] {
  const all = options.map(unwrapped).filter(isObject);
  const value = Object.hasOwn(input, key) ? (input as Record<string, unknown>)[key] : undefined;
  const chosen = all.filter(({ entries }) => (entries[key] as { literal?: unknown }).literal === value);
  return value === undefined ? all : chosen;
}

/** The known key that was meant, as far as that can be guessed; otherwise all known keys. */
function near(key: string, known: readonly string[]): string {
  const [nearest] = known
    .map((name) => ({ name, edits: editDistance(key.toLowerCase(), name.toLowerCase()) }))
    .sort((a, b) => a.edits - b.edits);
  if (nearest && nearest.edits <= Math.max(1, key.length * MAX_EDITS)) return show(nearest.name);
  return `one of ${known.map(show).join(", ")}`;
}

/** A key is taken for another one that differs in at most this share of its letters. */
const MAX_EDITS = 0.4;

/** How many letters have to be put in, left out, replaced or swapped with the next one (optimal string alignment). */
function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    const [before = [], beforeThat = []] = [rows[i - 1], rows[i - 2]];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (before[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(replaced, (before[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        row[j] = Math.min(row[j] as number, (beforeThat[j - 2] ?? 0) + 1);
    }
    rows.push(row);
  }
  return rows[a.length]?.[b.length] ?? 0;
}
