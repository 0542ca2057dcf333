import type { DataSettings } from "../../format/spec.ts";
import { ClickLog } from "../data/click-log.ts";
import type { LogFormat } from "../data/files.ts";
import { UserError } from "../errors.ts";
import { startTask } from "../terminal/progress.ts";
import { ColumnCollector, type ColumnSample } from "./column-sample.ts";

/** Records that are drawn at random from a log, all of its columns. */
export interface LogSample {
  /** The log's name. */
  log: string;
  format: LogFormat;
  /** Records of the log, and of the sample. */
  total: number;
  records: number;
  columns: readonly ColumnSample[];
  /** Names of columns that are not among them, as no value of a record is like theirs: STRUCT and the like. */
  nested: readonly string[];
}

/**
 * Columns of a sample: more are no features of one each. A libsvm file of as many indices is one list of them.
 */
const MOST_COLUMNS = 1024;
/** A log is read whole where a sample would leave out little of it. */
const NEARLY = 1.25;

/**
 * Reads at most some `most` records of a log, in their order: the whole log where it has no more, otherwise each
 * record with the same chance, which its number in the log decides. Throws FormatError where there is no such log, or
 * a damaged one.
 */
export async function sampleLog(paths: readonly string[], data: DataSettings, most: number): Promise<LogSample> {
  using task = startTask("read", null, "record");
  const total = await countOf(paths, data);
  await using log = await ClickLog.open(paths, { data, ...(total > NEARLY * most && { sample: most / total }) });
  const all = await log.names();
  const names = all.length > MOST_COLUMNS ? log.columns : all;
  if (names.length > MOST_COLUMNS)
    throw new UserError(`${log.path}: got ${names.length} columns, expected at most ${MOST_COLUMNS}`);
  const read = names.filter((name) => !log.nested.includes(name));
  const collectors = read.map((name) => new ColumnCollector(name));
  let records = 0;
  for await (const chunk of log.chunks(read)) {
    for (const [c, collector] of collectors.entries())
      for (let row = 0; row < chunk.rows; row++) collector.add(chunk.columns[c]?.[row]);
    records += chunk.rows;
    task.advance(chunk.rows);
  }
  task.done(records < total ? `a sample of ${total.toLocaleString("en")}` : "");
  const columns = collectors.map((collector) => collector.finish());
  return { log: log.path, format: log.format, total, records, columns, nested: log.nested };
}

async function countOf(paths: readonly string[], data: DataSettings): Promise<number> {
  await using log = await ClickLog.open(paths, { data });
  return await log.count();
}
