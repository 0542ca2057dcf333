import type { DataSettings } from "../../format/spec.ts";
import { ClickLog } from "../data/click-log.ts";
import { startTask } from "../terminal/progress.ts";
import { ColumnCollector, type ColumnSample } from "./column-sample.ts";

/** Records that are drawn at random from a log, all of its columns. */
export interface LogSample {
  /** The log's name. */
  log: string;
  /** Records of the log, and of the sample. */
  total: number;
  records: number;
  columns: readonly ColumnSample[];
}

/**
 * Reads at most some `most` records of a log, in their order: the whole log where it has no more, otherwise each
 * record with the same chance, which its number in the log decides. Throws FormatError where there is no such log, or
 * a damaged one.
 */
export async function sampleLog(paths: readonly string[], data: DataSettings, most: number): Promise<LogSample> {
  using task = startTask("read", null, "records");
  const total = await countOf(paths, data);
  await using log = await ClickLog.open(paths, { data, ...(total > most && { sample: most / total }) });
  const names = await log.names();
  const collectors = names.map((name) => new ColumnCollector(name));
  let records = 0;
  for await (const chunk of log.chunks(names)) {
    for (const [c, collector] of collectors.entries())
      for (let row = 0; row < chunk.rows; row++) collector.add(chunk.columns[c]?.[row]);
    records += chunk.rows;
    task.advance(chunk.rows);
  }
  task.done(records < total ? `a sample of ${total.toLocaleString("en")}` : "");
  return { log: log.path, total, records, columns: collectors.map((collector) => collector.finish()) };
}

async function countOf(paths: readonly string[], data: DataSettings): Promise<number> {
  await using log = await ClickLog.open(paths, { data });
  return await log.count();
}
