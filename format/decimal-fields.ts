import { decimalStep } from "./data-settings.ts";
import { type DecimalStep, type Step, stepName } from "./prepare/steps.ts";

interface NumberField {
  type: string;
  prepare?: Step[];
}

/**
 * A feature spec whose numeric fields have the step that reads the log's numbers, as `data.decimal` and
 * `data.thousands` say them; a field that has a step of its own which reads numbers or times stays as it is. So the
 * step travels with the model. A spec that has been through this once stays the same.
 */
export function withDecimalSteps<
  Field extends NumberField,
  Spec extends { fields: Field[]; data: Parameters<typeof decimalStep>[0] },
>(spec: Spec): Spec {
  const step = decimalStep(spec.data);
  if (!step) return spec;
  return { ...spec, fields: spec.fields.map((field) => (field.type === "numeric" ? withStep(field, step) : field)) };
}

function withStep<Field extends NumberField>(field: Field, step: DecimalStep): Field {
  const { prepare = [] } = field;
  const names = prepare.map(stepName);
  if (names.includes("decimal") || names.includes("time")) return field;
  // Behind what changes texts, and before what takes numbers.
  const first = names.findIndex((name) => name === "clip" || name === "log");
  const at = first < 0 ? prepare.length : first;
  return { ...field, prepare: [...prepare.slice(0, at), step, ...prepare.slice(at)] };
}
