// Which columns of a log, and keys of a request's record, the fields' values come from.

/** The part of a field that says where its values come from, in the feature spec and in the fitted spec. */
export interface FieldOrigin {
  name: string;
  /** The column; that of the field's name where none is given. */
  from?: string;
  /** For a cross: the names of the two fields whose values it joins. */
  cross?: readonly [string, string];
}

/** The column that a field's values come from; null for a cross, which has none of its own. */
export function columnOf({ name, from, cross }: FieldOrigin): string | null {
  return cross ? null : (from ?? name);
}

/** The names of the two fields that a cross joins; null for a field that is none. */
export function partsOf({ cross }: FieldOrigin): readonly [string, string] | null {
  return cross ?? null;
}

/** The columns of some fields, each once, in the order in which the fields first use them. */
export function columnsOf(fields: readonly FieldOrigin[]): string[] {
  return [...new Set(fields.map(columnOf).filter((column) => column !== null))];
}

/** Whether a field is a cross of a field of the context and one of the item. */
export function crossesSides(field: FieldOrigin, fields: readonly (FieldOrigin & { side: string })[]): boolean {
  const sides = field.cross?.map((part) => fields.find(({ name }) => name === part)?.side);
  return sides !== undefined && sides[0] !== sides[1];
}
