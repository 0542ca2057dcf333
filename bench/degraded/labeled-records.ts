import { columnsOf } from "../../format/columns.ts";
import type { FittedSpec } from "../../format/fitted-spec.ts";
import { labelOf } from "../../format/raw-value.ts";
import { ClickLog } from "../../trainer/data/click-log.ts";
import { type RawRecord, rawRecord } from "../../trainer/data/raw-record.ts";

/** A log's records as a client would send them, and their labels. Throws where a record has none. */
export async function labeledRecords(
  { fields, label }: Pick<FittedSpec, "fields" | "label">,
  paths: readonly string[],
): Promise<{ records: RawRecord[]; labels: Uint8Array }> {
  await using log = await ClickLog.open(paths);
  const names = columnsOf(fields);
  const records: RawRecord[] = [];
  const labels: number[] = [];
  for await (const { rows, columns } of log.chunks([...names, label])) {
    for (let row = 0; row < rows; row++) {
      const found = labelOf(columns[names.length]?.[row], log.readNumber);
      if (found === null) throw new Error(`${paths}: record ${records.length} has no label that is 0 or 1`);
      records.push(rawRecord(names, columns, row));
      labels.push(found);
    }
  }
  return { records, labels: Uint8Array.from(labels) };
}
