import type { DuckDBConnection } from "@duckdb/node-api";
import { literal } from "./sql.ts";

/**
 * The names by which SQL expressions look columns up, in lower case; null where they may look at any column, as * does,
 * or where one is not SQL.
 */
export async function columnReferences(
  connection: DuckDBConnection,
  expressions: readonly string[],
): Promise<ReadonlySet<string> | null> {
  const names = new Set<string>();
  const parameters = new Set<string>(); // of lambdas
  for (const expression of expressions) {
    const result = await connection.runAndReadAll(`SELECT json_serialize_sql(${literal(`SELECT (${expression}\n)`)})`);
    const tree: unknown = JSON.parse(String(result.getRows()[0]?.[0]));
    if (!collect(tree, names, parameters)) return null;
  }
  for (const parameter of parameters) names.delete(parameter);
  return names;
}

/** A function that an SQL expression calls and that gives another value at each call, as random does; null for none. */
export async function changingFunction(connection: DuckDBConnection, expression: string): Promise<string | null> {
  const tree = `json_serialize_sql(${literal(`SELECT (${expression}\n)`)})`;
  const found = await connection.runAndReadAll(
    `SELECT function_name FROM duckdb_functions() WHERE stability = 'VOLATILE' AND function_name <> 'error'
     AND function_name IN (SELECT lower(unnest(json_extract_string(${tree}, '$..function_name')))) LIMIT 1`,
  );
  const name = found.getRows()[0]?.[0];
  return name === undefined ? null : String(name);
}

/** Walks DuckDB's syntax tree of a query. Returns whether it names every column that it looks at. */
function collect(node: unknown, names: Set<string>, parameters: Set<string>): boolean {
  if (typeof node !== "object" || node === null) return true;
  if (Array.isArray(node)) return node.every((inner) => collect(inner, names, parameters));
  const { class: kind, column_names, lhs, error } = node as Record<string, unknown>;
  if (kind === "STAR" || error === true) return false;
  if (kind === "COLUMN_REF" && Array.isArray(column_names))
    for (const name of column_names) names.add(String(name).toLowerCase());
  if (kind === "LAMBDA") collect(lhs, parameters, parameters);
  return Object.values(node).every((inner) => collect(inner, names, parameters));
}
