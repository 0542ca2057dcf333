import { identifier } from "../../../trainer/data/sql.ts";

const CONTEXT = "ctx.";

/**
 * SQL of the column of a field, such as `list` or `ctx.device`. DuckDB takes names that differ in the case of their
 * letters for one, so that a field of the context has its name in hex digits.
 */
export function fieldColumn(field: string): string {
  if (!field.startsWith(CONTEXT)) return identifier(field);
  return identifier(CONTEXT + Buffer.from(field.slice(CONTEXT.length)).toString("hex"));
}
