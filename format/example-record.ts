import { columnOf, columnsOf } from "./columns.ts";
import { EncodedRecords } from "./encoded-records.ts";
import { FormatError } from "./errors.ts";
import type { FittedField, FittedSpec } from "./fitted-spec.ts";
import type { Step } from "./prepare/steps.ts";
import type { RawValue } from "./raw-value.ts";
import { type EncodeField, fieldEncoder } from "./record.ts";

// A record as a client would send it, made up: it shows nothing of a log.

/** December 31, 2024, 23:59:00, a Tuesday, as each directive of a time's format writes it. */
const DIRECTIVES: Record<string, string> = {
  ...{ Y: "2024", y: "24", m: "12", d: "31", j: "366", b: "Dec", B: "December", a: "Tue", A: "Tuesday" },
  ...{ H: "23", I: "11", p: "PM", M: "59", S: "00", f: "0", z: "+0000", "%": "%" },
  ...{ F: "2024-12-31", T: "23:59:00", R: "23:59", D: "12/31/24" },
};
const SECONDS = 1_735_689_540;

/** A record that a model encodes: a value for each column, in a form that the steps of all its fields read. */
export function exampleRecord({ fields, hashKey }: FittedSpec): Record<string, unknown> {
  const values = columnsOf(fields).map((column) => {
    const own = fields.filter((field) => columnOf(field) === column);
    const encoders = own.map((field) => fieldEncoder(field, hashKey));
    const told = own.flatMap(({ prepare = [] }) => prepare).map(valueFor);
    // A list's elements go through the steps behind it, and a column may be read whole and as a list.
    const values = [...told, ...told.map((value) => value && [value]), plainValue(own), "text", 1];
    const value = values.find((value) => value !== undefined && encoders.every((encode) => isTaken(value, encode)));
    return [column, value ?? null] as const;
  });
  return Object.fromEntries(values);
}

function isTaken(value: RawValue, encode: EncodeField): boolean {
  try {
    encode(value, new EncodedRecords(1), "");
    return true;
  } catch (error) {
    if (error instanceof FormatError) return false;
    throw error;
  }
}

/** A value that a step reads; undefined where it reads any. */
function valueFor(step: Step): RawValue {
  if (typeof step === "string") return undefined;
  if ("list" in step) return step.list === "json" ? '["one", "two"]' : "['one', 'two']";
  if ("decimal" in step) return `1${step.thousands ?? ""}234${step.decimal}5`;
  if (!("time" in step)) return undefined;
  const { format, unit } = step;
  if (unit !== undefined) return unit === "s" ? SECONDS : 1000 * SECONDS;
  if (format === undefined) return "2024-12-31T23:59:00Z";
  return format.replace(/%(.)/gs, (_, letter: string) => DIRECTIVES[letter] ?? "");
}

function plainValue(fields: readonly FittedField[]): RawValue {
  const types = new Set(fields.map(({ type }) => type));
  if (types.has("numeric")) return 1;
  return types.has("multi-categorical") ? ["one", "two"] : "text";
}
