import * as v from "valibot";
import { columnOf, type FieldOrigin } from "./columns.ts";
import { show } from "./errors.ts";
import { MAX_STEPS, type Step, stepProblem } from "./prepare/steps.ts";

// What a spec's fields must be together, beyond the form of each: where their values come from, and what prepares them.

/** What the checks look at, of the feature spec and of the fitted spec. */
interface CheckedField extends FieldOrigin {
  type: string;
  side: string;
  prepare?: readonly Step[];
  servedAs?: "given";
}

interface CheckedSpec {
  label: string;
  fields: readonly CheckedField[];
  /** In a feature spec. */
  data?: { select: Record<string, string>; types: Record<string, string> };
}

/** A rule that is broken: the keys that lead to its place in the spec, and what is wrong. */
interface Problem {
  path: (string | number)[];
  problem: string;
}

/** Refuses fields that contradict each other, at their place in the spec. */
export function fieldsAgree<Spec extends CheckedSpec>() {
  return v.rawCheck<Spec>(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const found = findProblem(dataset.value);
    if (!found) return;
    const [first, ...rest] = found.path.map((key) => ({
      ...{ type: "unknown" as const, origin: "value" as const, input: dataset.value, key, value: undefined },
    }));
    addIssue({ message: found.problem, ...(first && { path: [first, ...rest] }) });
  });
}

/** The type of data.types that leaves a numeric field's numbers as they are. */
const NUMBER_TYPE = /^double$/i;

/** DuckDB's names of its type of text. */
const TEXT_TYPE = /^(varchar|text|string|char|bpchar)$/i;

/** Whether a type of data.types leaves texts, such as the cells of CSV, as they are. */
export function isTextType(type: string): boolean {
  return TEXT_TYPE.test(type.trim());
}

/** What is wrong with a field of a column that data.types gives a type, where its values may become others. */
export function madeProblem(column: string, type: string): string {
  return (
    `got ${show(column)}, which data.types makes ${type}, so that requests would have other values: expected a ` +
    'column without a type, with a CAST in the SQL that needs one, or "servedAs": "given" where callers do send ' +
    "what the type makes of it"
  );
}

/** Whether a type of data.types leaves the values of a field's column as they are, in every log. */
export function keepsValues(type: string, field: Pick<CheckedField, "type" | "servedAs">): boolean {
  return field.servedAs !== undefined || (field.type === "numeric" && NUMBER_TYPE.test(type.trim()));
}

function findProblem({ label, fields, data }: CheckedSpec): Problem | null {
  const types = new Map(Object.entries(data?.types ?? {}));
  const computed = new Set(Object.keys(data?.select ?? {}).map((name) => name.toLowerCase()));
  const sides = new Map<string, CheckedField>();
  for (const [i, field] of fields.entries()) {
    const at = (key: string, problem: string, ...rest: number[]): Problem => ({
      path: ["fields", i, key, ...rest],
      problem,
    });
    if (field.cross) {
      const problem = crossProblem(field, field.cross, fields);
      if (problem) return at(problem.key, problem.text);
      continue;
    }
    if (field.prepare && field.prepare.length > MAX_STEPS)
      return at("prepare", `got ${MAX_STEPS} steps and that of data.decimal, expected at most ${MAX_STEPS} together`);
    const wrong = field.prepare ? stepProblem(field.prepare, field.type) : null;
    if (wrong) return at("prepare", wrong.problem, wrong.step);
    const column = columnOf(field) ?? "";
    const key = field.from === undefined ? "name" : "from";
    if (column === label) return at(key, `got ${show(column)}, which is the label, expected another column`);
    const before = sides.get(column);
    if (before && before.side !== field.side)
      return at(
        "side",
        `got ${show(field.side)} from the column ${show(column)}, which the field ${show(before.name)} has on the side ` +
          `${show(before.side)}, expected one side: a request says a column once`,
      );
    sides.set(column, field);
    if (computed.has(column.toLowerCase()) && field.servedAs === undefined)
      return at(
        key,
        `got ${show(column)}, which data.select computes, so that every caller would have to: expected a column of the ` +
          'log, with "prepare" for what is made of it, or "servedAs": "given" where callers do send the computed value',
      );
    const type = types.get(column);
    // Whether the column is text already, only the log can tell.
    if (type !== undefined && !isTextType(type) && !keepsValues(type, field)) return at(key, madeProblem(column, type));
  }
  return null;
}

function crossProblem(
  field: CheckedField,
  cross: readonly [string, string],
  fields: readonly CheckedField[],
): { key: string; text: string } | null {
  const extra = (["from", "prepare", "servedAs"] as const).find((key) => field[key] !== undefined);
  if (extra)
    return { key: extra, text: `got ${extra} in a cross, which is made of fields that have it, expected none` };
  const got = `got ${show(cross)}`;
  if (cross[0] === cross[1]) return { key: "cross", text: `${got}, expected two different fields` };
  const parts = cross.map((name) => fields.find((other) => other.name === name));
  for (const [p, part] of parts.entries()) {
    const name = show(cross[p]);
    if (!part) return { key: "cross", text: `${got}, expected the names of two other fields: ${name} is none` };
    if (part.type !== "categorical")
      return { key: "cross", text: `${got}, expected two categorical fields: ${name} is ${part.type}` };
    if (part.cross)
      return { key: "cross", text: `${got}, expected two fields with columns: ${name} is a cross itself` };
  }
  const side = parts.some((part) => part?.side === "item") ? "item" : "context";
  if (field.side === side) return null;
  return {
    key: "side",
    text: `got ${show(field.side)}, expected ${show(side)} as of ${cross.map(show).join(" and ")}`,
  };
}
