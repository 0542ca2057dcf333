import type { DuckDBConnection, DuckDBType } from "@duckdb/node-api";
import { DuckDBTypeId } from "@duckdb/node-api";
import { FormatError } from "../../format/errors.ts";
import { isTextType } from "../../format/field-checks.ts";
import { isRefused, isText, typeName, valueSql } from "./cell.ts";
import { FILE_COLUMN, fileOption } from "./partitions.ts";
import type { LogColumn, Scan, ScanInput } from "./scan.ts";
import { byName, runsOf, unionOf } from "./schemas.ts";
import { identifier, literal, wholeText } from "./sql.ts";

/** A column of one file. */
interface ParquetColumn {
  /** DuckDB's name for it: another one where two differ in case only. */
  sql: string;
  type: DuckDBType;
}

type Schema = ReadonlyMap<string, ParquetColumn>;

/**
 * Parquet. Each file has types of its own. A column that has several is carried as JSON, in which each value is what it
 * would be in a log of its file alone; only what computes with it needs one type, which `data.types` can give it.
 */
export async function scanParquet(input: ScanInput): Promise<Scan> {
  const { log, data, links, connection } = input;
  // Text is often not marked as such in Parquet.
  const read = (files: readonly string[]): string =>
    `read_parquet([${files.map((file) => literal(links.of(file))).join(", ")}], binary_as_string = true,
      hive_partitioning = false${fileOption(input)})`;

  const schemas = new Map<string, Schema>();
  for (const file of log.files) schemas.set(file, await schemaOf(connection, file, links.of(file), read([file])));
  const schema = (file: string): Schema => schemas.get(file) ?? new Map();
  const { names, partial } = byName(log.files, (file) => [...schema(file).keys()]);

  const declared = new Map(Object.entries(data.types));
  const columns: LogColumn[] = [];
  const lists: ((own: Schema) => string)[] = []; // SQL of each column over a file
  for (const name of names) {
    const problem = typeProblem(name, log.files, schema);
    if (problem?.refused) {
      partial.set(name, problem.error);
      continue;
    }
    const sql = `c${columns.length}`;
    const type = declared.get(name);
    const toText = type !== undefined && isTextType(type);
    const isKept = toText && log.files.every((file) => areTheirTexts(schema(file).get(name)));
    const made = type !== undefined && !isKept && { made: type };
    if (type !== undefined && !problem)
      columns.push({ name, sql: `CAST(${sql} AS ${type})`, cast: { from: sql, type }, ...made });
    else columns.push({ name, sql, ...(problem && type === undefined && { problem: problem.error }), ...made });
    lists.push((own) => {
      const column = own.get(name);
      if (!column) throw new Error(`a file without the column ${name}`);
      if (!problem) return `${column.sql} AS ${sql}`;
      return `${type === undefined ? jsonSql(column) : `CAST(${column.sql} AS ${type})`} AS ${sql}`;
    });
  }

  function relation(files: readonly string[]): string {
    const kind = (file: string): string =>
      JSON.stringify([...schema(file)].map(([name, { sql, type }]) => [name, sql, typeName(type)]));
    const parts = runsOf(files, kind).map((run) => {
      const own = schema(run[0]);
      const list = lists.map((sqlOf) => sqlOf(own));
      if (data.hive) list.push(identifier(FILE_COLUMN));
      return `(SELECT ${list.length > 0 ? list.join(", ") : "1"} FROM ${read(run)})`;
    });
    return unionOf(parts);
  }

  return { relation, columns, hidden: [], partial, text: null, cells: () => [], warnings: [] };
}

async function schemaOf(connection: DuckDBConnection, file: string, link: string, relation: string): Promise<Schema> {
  const found = await connection.runAndReadAll(
    `SELECT ${wholeText("name")}, coalesce(num_children, 0) FROM parquet_schema(${literal(link)})`,
  );
  const [, ...nodes] = found.getRows(); // the first is the root
  const names: string[] = [];
  for (let at = 0; at < nodes.length; at = afterNode(nodes, at)) names.push(String(nodes[at][0]));
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new FormatError(file, `got the column "${twice}" twice, expected names that differ`);
  const empty = await connection.run(`SELECT * FROM ${relation} LIMIT 0`);
  const types = empty.columnTypes();
  const sqlNames = empty.columnNames();
  return new Map(names.map((name, i) => [name, { sql: identifier(sqlNames[i]), type: types[i] }]));
}

/** The number of the node that follows a node and all that is below it. */
function afterNode(nodes: readonly (readonly unknown[])[], at: number): number {
  let next = at + 1;
  for (let child = 0; child < Number(nodes[at]?.[1]); child++) next = afterNode(nodes, next);
  return next;
}

/** Columns of these types are one column: what DuckDB makes of them has the same digits. */
const INTEGERS: readonly DuckDBTypeId[] = [
  DuckDBTypeId.TINYINT,
  DuckDBTypeId.SMALLINT,
  DuckDBTypeId.INTEGER,
  DuckDBTypeId.BIGINT,
  DuckDBTypeId.UTINYINT,
  DuckDBTypeId.USMALLINT,
  DuckDBTypeId.UINTEGER,
  DuckDBTypeId.UBIGINT,
];

/** Whether the values of a file's column mean the same as their texts in DuckDB. */
function areTheirTexts(column: ParquetColumn | undefined): boolean {
  if (!column) return true;
  const { typeId } = column.type;
  return isText(column.type) || INTEGERS.includes(typeId) || typeId === DuckDBTypeId.SQLNULL;
}

/** Why a column is no column of one type, and whether a file's type has no raw values. Null where it is one. */
function typeProblem(
  name: string,
  files: readonly string[],
  schema: (file: string) => Schema,
): { error: FormatError; refused: boolean } | null {
  let first: { file: string; type: DuckDBType } | undefined;
  for (const file of files) {
    const type = schema(file).get(name)?.type;
    if (!type || type.typeId === DuckDBTypeId.SQLNULL) continue;
    first ??= { file, type };
    const { type: expected } = first;
    if (typeName(type) === typeName(expected)) continue;
    if (INTEGERS.includes(type.typeId) && INTEGERS.includes(expected.typeId)) continue;
    const problem = `column "${name}": got ${typeName(type)}, expected ${typeName(expected)} as in ${first.file}`;
    const refused = isRefused(type) || isRefused(expected);
    return { error: new FormatError(file, refused ? problem : `${problem}, or a type in data.types`), refused };
  }
  return null;
}

/** Beyond it, a JSON number would not be read as the same integer. */
const MAX_SAFE = Number.MAX_SAFE_INTEGER;

/** SQL of a column as JSON text of the raw values that a client would send. */
function jsonSql({ sql, type }: ParquetColumn): string {
  return valueJson(valueSql(sql, type), type);
}

function valueJson(sql: string, type: DuckDBType): string {
  switch (type.typeId) {
    case DuckDBTypeId.BIGINT:
    case DuckDBTypeId.UBIGINT:
    case DuckDBTypeId.HUGEINT:
    case DuckDBTypeId.UHUGEINT:
      return `CASE WHEN ${sql} BETWEEN -${MAX_SAFE} AND ${MAX_SAFE} THEN to_json(${sql})
        ELSE to_json(CAST(${sql} AS VARCHAR)) END`;
    case DuckDBTypeId.DECIMAL:
      return `CASE WHEN ${sql} BETWEEN -${MAX_SAFE} AND ${MAX_SAFE} OR ${sql} <> trunc(${sql}) THEN to_json(${sql})
        ELSE to_json(CAST(CAST(${sql} AS HUGEINT) AS VARCHAR)) END`;
    default:
      if ("valueType" in type) return `to_json(list_transform(${sql}, lambda x: ${valueJson("x", type.valueType)}))`;
      return `to_json(${sql})`;
  }
}
