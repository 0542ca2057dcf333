import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { officeLog, serviceLog, shopLog } from "../../testing/messy-logs.ts";

export const MESSY_LOGS = ["shop", "office", "service", "messy"] as const;
type LogName = (typeof MESSY_LOGS)[number];

/** A log as a system exports it, and the spec that one writes for it by hand. */
export interface MessyLog {
  name: LogName;
  path: string;
  /** The name of the spec's file in this folder. */
  hand: string;
  /** Writes the log, or says false where it is to be found and is not there. */
  write(): boolean;
}

/** Logs of so many records in a folder, and that of `cases`, of a shop where few impressions are clicked. */
export function messyLogs(folder: string, records: number, cases: string): MessyLog[] {
  const made = (name: LogName, end: string, make: (records: number) => string): MessyLog => {
    const path = join(folder, `${name}.${end}`);
    return { name, path, hand: `${name}.json`, write: () => written(path, make(records)) };
  };
  const found = join(cases, "messy.csv.gz");
  return [
    made("shop", "csv", shopLog),
    made("office", "csv", officeLog),
    made("service", "jsonl", serviceLog),
    { name: "messy", path: found, hand: "shop.json", write: () => existsSync(found) },
  ];
}

function written(path: string, content: string): true {
  writeFileSync(path, content);
  return true;
}
