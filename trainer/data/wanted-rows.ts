import { FormatError, show } from "../../format/errors.ts";
import { typeName } from "./cell.ts";
import { histogramOf } from "./histogram.ts";
import { type LogDatabase, ROW } from "./log-database.ts";
import { type LogRelation, requireColumn } from "./log-relation.ts";
import { inPart, isKept, type Part, timeBounds, timeSql } from "./split.ts";

/** Which of a log's rows are read. */
export interface RowChoice {
  /** The log's column of labels, which down-sampling looks at. */
  label: string;
  /** The part of the log that `data.split` makes; the whole log where it is not given. */
  part?: Part;
  /** Whether the log is trained on, so that its negatives are down-sampled. */
  training?: boolean;
}

/** SQL of a relation of the rows that are wanted. A split by time reads the whole log for its bounds. */
export async function wantedRows(
  database: LogDatabase,
  relation: LogRelation,
  { label, part, training }: RowChoice,
): Promise<string> {
  const { negatives } = database.data;
  const conditions: string[] = [];
  if (part) conditions.push(await partSql(database, relation, part));
  if (training && negatives) conditions.push(isKept(negatives, ROW, requireColumn(relation, database, label).sql));
  return conditions.length > 0 ? `(SELECT * FROM ${relation.sql} WHERE ${conditions.join(" AND ")})` : relation.sql;
}

async function partSql(database: LogDatabase, relation: LogRelation, part: Part): Promise<string> {
  const { split } = database.data;
  if (!split) throw new FormatError("data.split", "missing, expected how one log becomes three");
  if (split.kind === "random") return inPart(split, part, ROW, "", null);
  const { sql, type } = requireColumn(relation, database, split.by);
  if (split.kind === "hash") return inPart(split, part, ROW, sql, null);
  const time = timeSql(sql, typeName(type));
  const [row, value] = await database.fetchRow(
    `SELECT ${ROW}, CAST(${sql} AS VARCHAR) FROM ${relation.sql} WHERE ${time} IS NULL LIMIT 1`,
  );
  if (row !== undefined)
    throw new FormatError(
      `${await database.place(row)}: column ${split.by}`,
      `got ${show(value)}, expected a number or a time`,
    );
  const [count] = await database.fetchRow(`SELECT count(*) FROM ${relation.sql}`);
  const bounds = await timeBounds(split, Number(count), histogramOf(database, time, relation.sql));
  return inPart(split, part, ROW, time, bounds);
}
