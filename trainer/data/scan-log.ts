import { FormatError } from "../../format/errors.ts";
import { withPartitions } from "./partitions.ts";
import type { Scan, ScanInput } from "./scan.ts";
import { scanCsv } from "./scan-csv.ts";
import { scanJsonLines } from "./scan-json-lines.ts";
import { scanParquet } from "./scan-parquet.ts";
import { scanSparse } from "./scan-sparse.ts";

/** Makes the scan of a log's format. Throws FormatError where the settings of its data do not fit the format. */
export async function scanLog(input: ScanInput): Promise<Scan> {
  const { log, data } = input;
  if (data.columns && log.format !== "csv" && log.format !== "tsv")
    throw new FormatError("data.columns", `got names for ${log.format}, expected them for CSV or TSV only`);
  return withPartitions(await scanFormat(input), input);
}

function scanFormat(input: ScanInput): Promise<Scan> | Scan {
  switch (input.log.format) {
    case "csv":
      return scanCsv(input, ",");
    case "tsv":
      return scanCsv(input, "\t");
    case "jsonl":
      return scanJsonLines(input);
    case "parquet":
      return scanParquet(input);
    case "libsvm":
    case "libffm":
      return scanSparse(input, input.log.format);
  }
}
