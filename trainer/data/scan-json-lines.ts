import { pointerOf } from "../../format/json-pointer.ts";
import type { LogColumn, Scan, ScanInput } from "./scan.ts";
import { identifier, literal, wholeText } from "./sql.ts";
import { LINE, linesOf } from "./whole-lines.ts";

/** The most keys that become columns where SQL may look at any of them. */
const MAX_KEYS = 10_000;

/**
 * JSON lines: each is parsed whole, by the parser that reads requests, so that a record means what it would mean there.
 * Any key is a column; a line without it lacks the value. Only keys that SQL of the user looks at are columns of the
 * relation. `data.types` says what is made of a value; the others are JSON.
 */
export async function scanJsonLines(input: ScanInput): Promise<Scan> {
  const { log, data } = input;
  const relation = (files: readonly string[]): string => linesOf(input, files);
  const types = new Map(Object.entries(data.types));
  const { names, warnings } = await referencedKeys(input, relation(log.files), types);
  const columns = names.map((name): LogColumn => {
    const type = types.get(name);
    const sql = jsonKeySql(name);
    if (type === undefined) return { name, sql, key: true };
    const made = `from_json_strict(${sql}, ${literal(JSON.stringify(type))})`;
    return { name, sql: made, cast: { from: sql, type }, made: type };
  });
  const text = { header: 0, delimiter: null, blanks: false };
  return { relation, columns, hidden: [LINE], partial: new Map(), text, cells: () => [], warnings };
}

/** SQL of the value of a key, as JSON; NULL where a line lacks it. */
export function jsonKeySql(name: string): string {
  return `json_extract(${LINE}, ${literal(pointerOf([name]))})`;
}

/** SQL of the keys of a line's object; NULL where the line is no JSON. */
export const KEYS = `TRY(json_keys(${LINE}))`;

/** SQL of how many keys a line's object has. */
export const KEY_COUNT = `TRY(len(json_keys(${LINE})))`;

/**
 * The keys that SQL of the user looks at, as the log writes them, and those with types. A key that no line has is a
 * column all the same: it is missing everywhere, and a warning says so.
 */
async function referencedKeys(
  { log, connection, references }: ScanInput,
  relation: string,
  types: ReadonlyMap<string, string>,
): Promise<{ names: string[]; warnings: string[] }> {
  const names = new Set(types.keys());
  if (references?.size === 0 && names.size === 0) return { names: [], warnings: [] };
  const typed = `key IN (${listOf(names)})`;
  const chosen = references ? `WHERE lower(key) IN (${listOf(references)}) OR ${typed}` : "";
  const found = await connection.runAndReadAll(
    `SELECT ${wholeText("key")} FROM (SELECT DISTINCT unnest(json_keys(${LINE})) AS key FROM ${relation}) ${chosen}
     ORDER BY (${typed}) IS NOT TRUE, key LIMIT ${MAX_KEYS}`,
  );
  const keys = new Set(found.getRows().map(([key]) => String(key)));
  const missing = (name: string): string =>
    `${log.name}: no line has the key ${identifier(name)}, so it is missing in all records`;
  const warnings = [...names].filter((name) => !keys.has(name)).map(missing);
  for (const key of keys) if (!key.includes("\0")) names.add(key);
  const known = new Set([...names].map((name) => name.toLowerCase()));
  for (const name of references ?? []) {
    if (known.has(name)) continue;
    names.add(name);
    warnings.push(missing(name));
  }
  return { names: [...names], warnings };
}

/** SQL of a list of names, which is never empty. */
function listOf(names: Iterable<string>): string {
  return ["NULL", ...[...names].map(literal)].join(", ");
}
