import { tmpdir } from "node:os";
import { pointerOf } from "../../../format/json-pointer.ts";
import { literal } from "../../../trainer/data/sql.ts";
import { type BadLine, nameBadLines } from "./bad-lines.ts";
import { fieldColumn } from "./field-column.ts";
import { LineDatabase } from "./line-database.ts";
import {
  columnsSql,
  EVENT_MEMBERS,
  EXPOSURE_MEMBERS,
  hasKeyTwice,
  IS_EVENT,
  isNotJson,
  MEMBER_NAMES,
  problemSql,
} from "./line-members.ts";
import { experimentFiles } from "./log-files.ts";

/** What the lines of a log are. */
export interface LineCounts {
  lines: number;
  exposures: number;
  events: number;
  bad: number;
  /** Lines whose id, or for events whose (id, type, item, key), a line has that was shown or received earlier. */
  duplicateExposures: number;
  duplicateEvents: number;
  /** Of the duplicates of exposures: those that say another arm, unit or experiment than the first line. */
  contradictions: number;
}

export interface LogOptions {
  /** Fields of `ctx` that become columns, as `fieldColumn` names them. */
  contextFields?: readonly string[];
  /** The folder for what does not fit into memory. */
  temporary?: string;
}

/**
 * The log of experiments in a database. Tables: `exposure`, one row a list, without duplicates, with the columns of
 * EXPOSURE_MEMBERS, `row` and `source`; and `event`, likewise.
 */
export class ExperimentLog implements AsyncDisposable {
  readonly lines: LineDatabase;
  readonly counts: LineCounts;

  private constructor(lines: LineDatabase, counts: LineCounts) {
    this.lines = lines;
    this.counts = counts;
  }

  /** `paths`: files, globs and folders with newline JSON, also .gz and .zst. Throws FormatError where there is none. */
  static async open(paths: readonly string[], options: LogOptions = {}): Promise<ExperimentLog> {
    const { contextFields = [], temporary = tmpdir() } = options;
    await using opened = new AsyncDisposableStack();
    const lines = opened.use(await LineDatabase.open(experimentFiles(paths), temporary));
    await readLines(lines, contextFields);
    const counts = await withoutDuplicates(lines);
    opened.move(); // the log closes them from here on
    return new ExperimentLog(lines, counts);
  }

  /** The first bad lines, with their places. */
  badLines(most: number): Promise<BadLine[]> {
    return nameBadLines(this.lines, most);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lines[Symbol.asyncDispose]();
  }
}

/** Reads every line once into `all_lines`, which say of what kind each is and what is wrong with it. */
async function readLines(lines: LineDatabase, contextFields: readonly string[]): Promise<void> {
  const shape = JSON.stringify(Object.fromEntries(MEMBER_NAMES.map((name) => [name, "JSON"])));
  const context = contextFields.map(
    (name) => `, (members.ctx ->> ${literal(pointerOf([name]))}) AS ${fieldColumn(`ctx.${name}`)}`,
  );
  // Members that both kinds have are read alike, so one table holds both, and each column is of its own kind.
  const own = EVENT_MEMBERS.filter(({ name }) => !EXPOSURE_MEMBERS.some((other) => other.name === name));
  await lines.run(
    `CREATE TABLE all_lines AS
     WITH parsed AS (
       SELECT row, source, line, TRY(from_json(line, ${literal(shape)})) AS members FROM ${lines.lines}
     ), judged AS (
       SELECT row, source, members, ${IS_EVENT} AS is_event,
         CASE WHEN members IS NULL OR ${isNotJson("line")} THEN 'JSON' WHEN ${hasKeyTwice("line")} THEN 'key'
           WHEN ${IS_EVENT} THEN ${problemSql("event")}
           ELSE ${problemSql("exposure")} END AS problem
       FROM parsed
     ), good AS (
       SELECT row, source, coalesce(is_event, false) AS is_event, problem,
         CASE WHEN problem IS NULL THEN members END AS members FROM judged
     )
     SELECT row, source, is_event, problem, ${columnsSql([...EXPOSURE_MEMBERS, ...own])}${context.join("")} FROM good`,
  );
}

async function withoutDuplicates(lines: LineDatabase): Promise<LineCounts> {
  const rest = [...EVENT_MEMBERS.map(({ name }) => name)].filter((name) => name !== "id" && name !== "t");
  const exposureOnly = rest.map((name) => `"${name}"`).join(", ");
  await lines.run(
    `CREATE TABLE exposure AS SELECT * EXCLUDE (is_event, problem, ${exposureOnly})
     FROM all_lines WHERE problem IS NULL AND NOT is_event
     QUALIFY row_number() OVER (PARTITION BY id ORDER BY t, x, phase, arm, u, row) = 1`,
  );
  await lines.run(
    `CREATE TABLE event AS SELECT row, source, id, t, ${exposureOnly} FROM all_lines WHERE problem IS NULL AND is_event
     QUALIFY row_number() OVER (PARTITION BY id, type, item, key ORDER BY received, t, value, row) = 1`,
  );
  const counts = await lines.row<Record<"lines" | "exposures" | "events" | "bad" | "contradictions", number>>(
    `SELECT count(*) AS lines, count(*) FILTER (problem IS NULL AND NOT is_event) AS exposures,
       count(*) FILTER (problem IS NULL AND is_event) AS events, count(*) FILTER (problem IS NOT NULL) AS bad,
       (SELECT count(*) FROM all_lines AS other JOIN exposure AS first USING (id)
        WHERE other.problem IS NULL AND NOT other.is_event
          AND (other.x, other.arm, other.u) IS DISTINCT FROM (first.x, first.arm, first.u)) AS contradictions
     FROM all_lines`,
  );
  const kept = await lines.row<{ exposures: number; events: number }>(
    "SELECT (SELECT count(*) FROM exposure) AS exposures, (SELECT count(*) FROM event) AS events",
  );
  await lines.run(
    "CREATE TABLE bad_line AS SELECT row, source, is_event, problem FROM all_lines WHERE problem IS NOT NULL",
  );
  await lines.run("CREATE TABLE source_start AS SELECT source, min(row) AS start FROM all_lines GROUP BY source");
  await lines.run("DROP TABLE all_lines");
  return {
    ...counts,
    duplicateExposures: counts.exposures - kept.exposures,
    duplicateEvents: counts.events - kept.events,
  };
}
