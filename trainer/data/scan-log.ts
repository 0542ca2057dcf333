import { FormatError, show } from "../../format/errors.ts";
import type { DataSettings } from "../../format/spec.ts";
import type { LogFiles } from "./files.ts";
import { withPartitions } from "./partitions.ts";
import type { Scan, ScanInput } from "./scan.ts";
import { scanCsv } from "./scan-csv.ts";
import { scanJsonLines } from "./scan-json-lines.ts";
import { scanParquet } from "./scan-parquet.ts";
import { scanSparse } from "./scan-sparse.ts";

/** Settings that only files of lines with cells have. */
const TABLE_SETTINGS = ["columns", "delimiter", "quote", "encoding"] as const;

/** Makes the scan of a log's format. Throws FormatError where the files do not fit. */
export async function scanLog(input: ScanInput): Promise<Scan> {
  const scan = withPartitions(await scanFormat(input), input);
  return { ...scan, warnings: [...scan.warnings, ...uselessTypes(scan, input)] };
}

/** What is to be said of types for columns that the log lacks; that of JSON lines the scan says itself. */
function uselessTypes({ columns, partial }: Scan, { log, data }: ScanInput): string[] {
  const names = [...columns.map(({ name }) => name), ...partial.keys()];
  const useless = Object.keys(data.types).filter((name) => !names.includes(name));
  return useless.map(
    (name) =>
      `${log.name}: no column ${show(name)}, to which data.types gives a type; got ${names.map(show).join(", ")}`,
  );
}

/** Throws FormatError where settings of the data do not fit a log's format. */
export function checkSettings({ format }: LogFiles, data: DataSettings): void {
  if (format === "csv" || format === "tsv") return;
  if ((format === "libsvm" || format === "libffm") && Object.keys(data.types).length > 0)
    throw new FormatError(
      "data.types",
      `got ${show(data.types)} for ${format}, whose columns have types of their own, expected none`,
    );
  for (const key of TABLE_SETTINGS) {
    const value = data[key];
    if (value !== undefined && value !== "utf-8")
      throw new FormatError(`data.${key}`, `got ${show(value)} for ${format}, expected it for CSV or TSV only`);
  }
}

function scanFormat(input: ScanInput): Promise<Scan> | Scan {
  switch (input.log.format) {
    case "csv":
      return scanCsv(input, "csv");
    case "tsv":
      return scanCsv(input, "tsv");
    case "jsonl":
      return scanJsonLines(input);
    case "parquet":
      return scanParquet(input);
    case "libsvm":
    case "libffm":
      return scanSparse(input, input.log.format);
  }
}
