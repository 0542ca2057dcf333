import { columnOf, columnsOf } from "./columns.ts";
import type { FittedField, FittedSpec } from "./fitted-spec.ts";
import type { Step } from "./prepare/steps.ts";

// A record as a client would send it, made up: it shows nothing of a log.

/** December 31, 2024, 23:59:00, a Tuesday, as each directive of a time's format writes it. */
const DIRECTIVES: Record<string, string> = {
  ...{ Y: "2024", y: "24", m: "12", d: "31", j: "366", b: "Dec", B: "December", a: "Tue", A: "Tuesday" },
  ...{ H: "23", I: "11", p: "PM", M: "59", S: "00", f: "0", z: "+0000", "%": "%" },
  ...{ F: "2024-12-31", T: "23:59:00", R: "23:59", D: "12/31/24" },
};
const SECONDS = 1_735_689_540;

/** A record that a model encodes: a value for each column, in the form that the steps of its fields read. */
export function exampleRecord({ fields }: FittedSpec): Record<string, unknown> {
  const values = columnsOf(fields).map((column) => {
    const own = fields.filter((field) => columnOf(field) === column);
    const telling = own.flatMap(({ prepare = [] }) => prepare).find((step) => valueFor(step) !== undefined);
    return [column, telling === undefined ? plainValue(own) : valueFor(telling)] as const;
  });
  return Object.fromEntries(values);
}

/** A value that a step reads; undefined where it reads any. */
function valueFor(step: Step): unknown {
  if (typeof step === "string") return undefined;
  if ("list" in step) return step.list === "json" ? '["one", "two"]' : "['one', 'two']";
  if ("decimal" in step) return `1${step.thousands ?? ""}234${step.decimal}5`;
  if (!("time" in step)) return undefined;
  const { format, unit } = step;
  if (unit !== undefined) return unit === "s" ? SECONDS : 1000 * SECONDS;
  if (format === undefined) return "2024-12-31T23:59:00Z";
  return format.replace(/%(.)/gs, (_, letter: string) => DIRECTIVES[letter] ?? "");
}

function plainValue(fields: readonly FittedField[]): unknown {
  const types = new Set(fields.map(({ type }) => type));
  if (types.has("numeric")) return 1;
  return types.has("multi-categorical") ? ["one", "two"] : "text";
}
