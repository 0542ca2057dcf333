import { FormatError, show } from "../../format/errors.ts";
import { cellSql, isJson, toRawValue } from "./cell.ts";
import { Histogram } from "./histogram.ts";
import { type LogDatabase, ROW } from "./log-database.ts";
import { type LogRelation, requireColumn, type TypedColumn } from "./log-relation.ts";
import type { Sampling } from "./negatives.ts";
import { sampleNegatives } from "./sampled-rows.ts";
import { inPart, isKept, isSampled, type Part, timeBounds } from "./split.ts";

/** Which of a log's rows are read. */
export interface RowChoice {
  /** The log's column of labels, which down-sampling looks at. */
  label: string;
  /** The part of the log that `data.split` makes; the whole log where it is not given. */
  part?: Part;
  /** Whether the log is trained on, so that its negatives are down-sampled. */
  training?: boolean;
  /** The negatives that are made of the log's positives, if any are. */
  sampling?: Sampling | null;
  /** The share of the records that is read; each record's number decides whether it belongs to it. */
  sample?: number;
}

/**
 * The rows that are wanted, with the negatives that are made of them. A split by time reads the whole log for its
 * bounds.
 */
export async function wantedRows(
  database: LogDatabase,
  relation: LogRelation,
  { label, part, training = false, sampling, sample }: RowChoice,
): Promise<LogRelation> {
  const inPartSql = part ? await partSql(database, relation) : null;
  const isWanted = inPartSql && part ? inPartSql(part) : "TRUE";
  if (sampling) {
    return await sampleNegatives(database, relation, sampling, {
      label,
      // A training learns nothing of the other parts. Held-out records get the items of the training, by which alone
      // the shares of both labels are alike; what is known to be a positive in any part is no negative.
      wanted: isWanted,
      items: inPartSql ? inPartSql("train") : "TRUE",
      known: training ? isWanted : "TRUE",
      purpose: training ? "training" : (part ?? "held out"),
      seed: training ? sampling.seed : 0,
    });
  }
  const { negatives } = database.data;
  const conditions = inPartSql ? [isWanted] : [];
  if (sample !== undefined) conditions.push(isSampled(sample, ROW));
  if (training && negatives?.rate !== undefined) {
    const { rate, seed } = negatives;
    conditions.push(isKept({ rate, seed }, ROW, database.meaning("label", requireColumn(relation, database, label))));
  }
  if (conditions.length === 0) return relation;
  return { ...relation, sql: `(SELECT * FROM ${relation.sql} WHERE ${conditions.join(" AND ")})` };
}

/** The error for a column's value in a row, whose number its ROW column says. */
export async function refusedValue(
  database: LogDatabase,
  { sql: from }: LogRelation,
  { name, sql, type }: TypedColumn,
  row: unknown,
  expected: string,
): Promise<FormatError> {
  const [cell = null] = await database.fetchRow(`SELECT ${cellSql(sql, type)} FROM ${from} WHERE ${ROW} = ${row}`);
  const got = isJson(type) && cell !== null ? String(cell) : show(toRawValue(cell));
  return new FormatError(`${await database.place(row)}: column ${name}`, `got ${got}, expected ${expected}`);
}

/** SQL of whether a row belongs to a part, for any part. */
async function partSql(database: LogDatabase, relation: LogRelation): Promise<(part: Part) => string> {
  const { split } = database.data;
  if (!split) throw new FormatError("data.split", "missing, expected how one log becomes three");
  if (split.kind === "random") return (part) => inPart(split, part, ROW, "", null);
  const column = requireColumn(relation, database, split.by);
  if (relation.replaced.some((name) => name.toLowerCase() === split.by.toLowerCase()))
    throw new FormatError(
      "data.split.by",
      `got ${show(split.by)}, which is a column of ${database.log.name} and another one in data.select: give the ` +
        "computed one another name, and here the name of the one to split by",
    );
  if (split.kind === "hash") return (part) => inPart(split, part, ROW, database.meaning("text", column), null);
  const time = database.meaning("time", column);
  await using times = await Histogram.of(database, time, relation.sql);
  if (times.without !== null) throw await refusedValue(database, relation, column, times.without, "a number or a time");
  if (times.least < SECONDS.least || times.largest > SECONDS.most) await checkUnit(database, relation, column, time);
  const bounds = await timeBounds(split, times.total, times.values());
  return (part) => inPart(split, part, ROW, time, bounds);
}

/** Numbers beside dates are seconds since 1970 of the years 1973 to 5138. Others are milliseconds or the like. */
const SECONDS = { least: 1e8, most: 1e11 };

/**
 * Throws FormatError where some values of a column are dates, and others are numbers that cannot be seconds. A column
 * of numbers alone may count anything.
 */
async function checkUnit(
  database: LogDatabase,
  { sql: from }: LogRelation,
  column: TypedColumn,
  time: string,
): Promise<void> {
  const isNumber = `${database.meaning("number", column)} IS NOT NULL`;
  const { least, most } = SECONDS;
  const [row, number] = await database.fetchRow(
    `SELECT ${ROW}, ${time} FROM ${from} WHERE (${time} < ${least} OR ${time} > ${most}) AND ${isNumber} LIMIT 1`,
  );
  if (row === undefined) return;
  const [date] = await database.fetchRow(`SELECT ${ROW} FROM ${from} WHERE NOT (${isNumber}) LIMIT 1`);
  if (date === undefined) return;
  throw new FormatError(
    `${await database.place(row)}: column ${column.name}`,
    `got ${number}, expected seconds since 1970, as there is a date in ${await database.place(date)}`,
  );
}
