import { INTEGER } from "@duckdb/node-api";
import { FormatError } from "../../format/errors.ts";
import { isJson } from "./cell.ts";
import { type LogDatabase, ROW } from "./log-database.ts";
import { type LogRelation, requireColumn, SOURCE, type TypedColumn } from "./log-relation.ts";
import type { Sampling } from "./negatives.ts";
import { randomBits } from "./split.ts";
import { identifier } from "./sql.ts";

// Negatives for a log of positives: behind each record with label 1 come some with label 0, which have its context and
// the item fields of another item. They are drawn by hashes of the record's number, so that each reading of a log draws
// the same ones, whatever the threads. All tables are those of the log's database, on disk where memory is too small.

/** The column that says which row a negative has its item from; NULL for a record of the log itself. */
export const ITEM_ROW = identifier("\u0001itemrow");

/** For whom negatives are drawn. Rows are chosen by SQL over the log's relation. */
export interface SamplingChoice {
  label: string;
  /** The rows that are read, and whose positives get negatives. */
  wanted: string;
  /** The rows whose items are drawn. */
  items: string;
  /** The rows whose positives are known: no negative is one of them. */
  known: string;
  /** What is drawn for and the seed: other ones give other draws. */
  purpose: string;
  seed: number;
}

/**
 * An item that is a positive of the context is drawn again so many times; then one of those that are left is drawn. So
 * few contexts are compared with all items: those whose positives are most of what can be drawn.
 */
const ATTEMPTS = 16;

const TABLES = {
  rows: identifier("\u0001facts"),
  items: identifier("\u0001items"),
  known: identifier("\u0001known"),
  pending: identifier("\u0001pending"),
  drawn: identifier("\u0001drawn"),
  draws: identifier("\u0001draws"),
  allowed: identifier("\u0001allowed"),
};
const SAMPLED = identifier("\u0001sampled");

/**
 * The rows that are wanted, each positive followed by its negatives. A log without the column of labels has positives
 * only; one with some labels of 0 keeps these records. Throws FormatError where a column is unknown, or where there are
 * fewer than two items to draw from.
 */
export async function sampleNegatives(
  database: LogDatabase,
  relation: LogRelation,
  sampling: Sampling,
  choice: SamplingChoice,
): Promise<LogRelation> {
  const label = await labelColumn(database, relation, choice.label);
  requireBy(database, relation, sampling.by);
  const items = sampling.item.map((name) => requireColumn(relation, database, name));
  const context = sampling.context.map((name) => requireColumn(relation, database, name));

  // 1. Of each row what the draws depend on.
  await factsOfRows(database, relation, label, requireColumn(relation, database, sampling.by), context, choice);

  // 2. The items, and what is known to be a positive.
  const total = await listItems(database, sampling);

  // 3. The draws.
  const missing = await draw(database, sampling, choice, total);

  // 4. The rows with their negatives, in the order of the log.
  const columns = await writeRows(database, relation, items, label, choice);
  for (const table of Object.values(TABLES)) await database.run(`DROP TABLE IF EXISTS ${table}`);
  const replaced = new Set(columns.map(({ name }) => name));
  return {
    ...relation,
    sql: SAMPLED,
    columns: [...relation.columns.filter(({ name }) => !replaced.has(name)), ...columns],
    warnings: [...relation.warnings, ...(missing === null ? [] : [`${database.log.name}: ${missing}`])],
  };
}

/** The column of labels; null where the log has none, as all its records are positives. */
async function labelColumn(database: LogDatabase, relation: LogRelation, name: string): Promise<TypedColumn | null> {
  const { log } = database;
  const isColumn = relation.columns.some((column) => column.name === name) || relation.partial.has(name);
  if (!isColumn && log.format !== "jsonl") return null;
  const column = requireColumn(relation, database, name);
  if (!column.key) return column;
  // Any key is a column of JSON lines: what counts is whether a line has it.
  const found = await database.fetchRow(`SELECT 1 FROM ${relation.sql} WHERE ${column.sql} IS NOT NULL LIMIT 1`);
  return found.length > 0 ? column : null;
}

function requireBy(database: LogDatabase, relation: LogRelation, by: string): void {
  try {
    requireColumn(relation, database, by);
  } catch (error) {
    throw error instanceof FormatError ? new FormatError("data.negatives.by", error.message) : error;
  }
}

async function factsOfRows(
  database: LogDatabase,
  relation: LogRelation,
  label: TypedColumn | null,
  by: TypedColumn,
  context: readonly TypedColumn[],
  { wanted, items, known }: SamplingChoice,
): Promise<void> {
  const texts = context.map((column) => database.meaning("text", column)).join(", ");
  await database.run(
    `CREATE TABLE ${TABLES.rows} AS SELECT ${ROW} AS r, (${wanted}) AS wanted, (${items}) AS listed, (${known}) AS known,
       ${label === null ? "TRUE" : `coalesce(${database.meaning("label", label)} = 1, FALSE)`} AS positive,
       md5_number_lower(concat_ws(chr(31), ${texts})) AS c, ${database.meaning("text", by)} AS item
     FROM ${relation.sql}`,
  );
}

/** Makes the tables of items and of known positives. Returns the sum of the items' weights in a draw. */
async function listItems(database: LogDatabase, { by, distribution }: Sampling): Promise<bigint> {
  const { rows, items, known } = TABLES;
  const weight = distribution === "uniform" ? "1" : "count(*) FILTER (positive)";
  // An item's number is its place among the items, by the row in which it first appears: `below` is the sum of the
  // weights of those before it.
  await database.run(
    `CREATE TABLE ${items} AS
     SELECT item, first, weight, row_number() OVER byPlace - 1 AS i,
       CAST(sum(weight) OVER byPlace AS BIGINT) - weight AS below
     FROM (SELECT item, min(r) AS first, CAST(${weight} AS BIGINT) AS weight
           FROM ${rows} WHERE listed AND item <> '' GROUP BY item)
     WHERE weight > 0 WINDOW byPlace AS (ORDER BY first ROWS UNBOUNDED PRECEDING)`,
  );
  const [count, total] = await database.fetchRow(`SELECT count(*), CAST(sum(weight) AS BIGINT) FROM ${items}`);
  if (Number(count) < 2)
    throw new FormatError(
      `${database.log.name}: column ${by}`,
      `got ${Number(count) === 1 ? "1 item" : "no item"}, expected at least two for data.negatives to draw from`,
    );
  await database.run(
    `CREATE TABLE ${known} AS SELECT DISTINCT c, i FROM ${rows} JOIN ${items} USING (item) WHERE known AND positive`,
  );
  return BigInt(String(total));
}

/** Draws an item for each negative. Returns what to say where some context has no item left; otherwise null. */
async function draw(
  database: LogDatabase,
  { count }: Sampling,
  { purpose, seed }: SamplingChoice,
  total: bigint,
): Promise<string | null> {
  const { rows, items, known, pending, drawn, draws, allowed } = TABLES;
  const bits = (attempt: string): string =>
    randomBits(`sampled negatives, ${purpose},`, seed, `r, ' ', j, ' ', ${attempt}`);
  await database.run(`CREATE TABLE ${draws} AS SELECT r, 0 AS j, CAST(NULL AS BIGINT) AS i FROM ${rows} WHERE wanted`);
  await database.run(
    `CREATE TABLE ${pending} AS SELECT r, c, CAST(j AS INTEGER) AS j
     FROM ${rows}, range(1, ${count + 1}) AS numbers(j) WHERE wanted AND positive`,
  );
  const [wished] = await database.fetchRow(`SELECT count(*) FROM ${pending}`);
  let left = Number(wished);
  for (let attempt = 0; attempt < ATTEMPTS && left > 0; attempt++) {
    await database.run(
      `CREATE OR REPLACE TABLE ${drawn} AS SELECT r, c, j, i
       FROM (SELECT r, c, j, CAST(${bits(`'${attempt}'`)} % ${total} AS BIGINT) AS x FROM ${pending})
       ASOF JOIN ${items} ON x >= below`,
    );
    await database.run(`INSERT INTO ${draws} SELECT r, j, i FROM ${drawn} ANTI JOIN ${known} USING (c, i)`);
    await database.run(
      `CREATE OR REPLACE TABLE ${pending} AS SELECT r, c, j FROM ${drawn} SEMI JOIN ${known} USING (c, i)`,
    );
    const [still] = await database.fetchRow(`SELECT count(*) FROM ${pending}`);
    left = Number(still);
  }
  if (left === 0) return null;

  // What a context may still get, each item with the sum of the weights of those before it.
  await database.run(
    `CREATE TABLE ${allowed} AS
     SELECT c, i, weight, CAST(sum(weight) OVER byPlace AS BIGINT) - weight AS below,
       CAST(sum(weight) OVER (PARTITION BY c) AS BIGINT) AS total
     FROM (SELECT * FROM (SELECT DISTINCT c FROM ${pending}) CROSS JOIN (SELECT i, weight FROM ${items}))
     ANTI JOIN ${known} USING (c, i)
     WINDOW byPlace AS (PARTITION BY c ORDER BY i ROWS UNBOUNDED PRECEDING)`,
  );
  await database.run(
    `INSERT INTO ${draws} SELECT r, j, i
     FROM (SELECT DISTINCT ON (r, j) r, j, c, CAST(${bits("'left'")} % total AS BIGINT) AS x
           FROM ${pending} JOIN (SELECT DISTINCT c, total FROM ${allowed}) USING (c)) AS last
     JOIN ${allowed} AS a ON a.c = last.c AND x >= below AND x < below + weight`,
  );
  const [made] = await database.fetchRow(`SELECT count(*) FROM ${draws} WHERE j > 0`);
  const lacking = Number(wished) - Number(made);
  if (lacking === 0) return null;
  const text = `of ${Number(wished).toLocaleString("en")} negatives, as all items are positives of their contexts`;
  if (Number(made) === 0) throw new FormatError(`${database.log.name}: data.negatives`, `got none ${text}`);
  return `data.negatives leaves out ${lacking.toLocaleString("en")} ${text}`;
}

/** Writes the table SAMPLED. Returns the columns that a negative does not have from its own row. */
async function writeRows(
  database: LogDatabase,
  relation: LogRelation,
  items: readonly TypedColumn[],
  label: TypedColumn | null,
  { wanted, label: labelName }: SamplingChoice,
): Promise<TypedColumn[]> {
  const name = (kind: string, i: number): string => identifier(`\u0001${kind}${i}`);
  const own = items.map(({ sql }, i) => `${sql} AS ${name("own", i)}`);
  const other = items.map(({ sql }, i) => `${sql} AS ${name("other", i)}`);
  const chosen = items.map(
    (_, i) => `CASE WHEN j = 0 THEN ${name("own", i)} ELSE ${name("other", i)} END AS ${name("item", i)}`,
  );
  const ownLabel = identifier("\u0001ownlabel");
  const otherSource = identifier("\u0001othersource");
  const labelSql = identifier("\u0001label");
  const negative = label && `TRY_CAST('0' AS ${isJson(label.type) ? "JSON" : label.type})`;
  await database.run(
    `CREATE TABLE ${SAMPLED} AS
     SELECT logged.* EXCLUDE (${[...items.map((_, i) => name("own", i)), ownLabel].join(", ")})
         REPLACE (CASE WHEN j = 0 THEN ${SOURCE} ELSE ${otherSource} END AS ${SOURCE}),
       first AS ${ITEM_ROW}, ${chosen.join(", ")}, CASE WHEN j = 0 THEN ${ownLabel} ELSE ${negative ?? "0"} END AS ${labelSql}
     FROM (SELECT *, ${own.join(", ")}, ${label?.sql ?? "1"} AS ${ownLabel} FROM ${relation.sql} WHERE ${wanted}) AS logged
     JOIN ${TABLES.draws} ON logged.${ROW} = r
     LEFT JOIN ${TABLES.items} USING (i)
     LEFT JOIN (SELECT ${ROW} AS other, ${SOURCE} AS ${otherSource}, ${other.join(", ")} FROM ${relation.sql}
                WHERE ${ROW} IN (SELECT first FROM ${TABLES.items})) AS others ON others.other = first
     ORDER BY logged.${ROW}, j`,
  );
  return [
    ...items.map((column, i): TypedColumn => ({ name: column.name, sql: name("item", i), type: column.type })),
    { name: labelName, sql: labelSql, type: label?.type ?? INTEGER },
  ];
}

/** The place of a row of SAMPLED, as errors name it: a negative has two. */
export async function placeOfSampled(database: LogDatabase, row: unknown, itemRow: unknown): Promise<string> {
  const place = await database.place(row);
  return itemRow === null ? place : `${place}, as a negative with the item of ${await database.place(itemRow)}`;
}
