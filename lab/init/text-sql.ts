import type { LogFormat } from "../../trainer/data/files.ts";
import { identifier } from "../../trainer/data/sql.ts";

/** SQL of a column's values as texts, in a log of a format: JSON would have quotes around them. NULL where missing. */
export function textSql(name: string, format: LogFormat): string {
  return format === "jsonl" ? `(${identifier(name)} ->> '$')` : `CAST(${identifier(name)} AS VARCHAR)`;
}
