import type { DuckDBConnection } from "@duckdb/node-api";
import type { FormatError } from "../../format/errors.ts";
import type { DataSettings } from "../../format/spec.ts";
import type { FileLinks } from "./file-links.ts";
import type { LogFiles } from "./files.ts";
import type { TextLayout } from "./lines.ts";

// How DuckDB reads each format: an SQL relation over the files, and the names that its columns have in the log.

/** A column of the log: its name there, and its SQL over the relation. */
export interface LogColumn {
  name: string;
  sql: string;
  /** Why SQL of the user cannot compute with the column, although its values can be read. */
  problem?: FormatError;
  /** Whether the column is a key of JSON lines, whose value is taken from the parsed line. */
  key?: true;
  /** For a column with a type of its own: SQL of what it is made from. */
  cast?: { from: string; type: string };
  /** The type of `data.types` that makes other values of the file's. */
  made?: string;
}

export interface Scan {
  /** SQL that reads these files, in their order. */
  relation(files: readonly string[]): string;
  columns: readonly LogColumn[];
  /** SQL of columns that have no name in the log but are needed to read it. */
  hidden: readonly string[];
  /** Columns that only some of the files have: their names, and the error of whoever asks for one. */
  partial: ReadonlyMap<string, FormatError>;
  /** How a record is found in a file; null where the file is not text. */
  text: (TextLayout & { header: number }) | null;
  /** Names of a file's cells, in their order there. */
  cells(file: string): readonly string[];
  /** What an error about a column that is not there adds: what may be wrong with the settings; empty for nothing. */
  hint?: string;
  /** What the user should know about the files. */
  warnings: readonly string[];
}

/** What a scan is made of. */
export interface ScanInput {
  log: LogFiles;
  data: DataSettings;
  connection: DuckDBConnection;
  links: FileLinks;
  /** Names that SQL of the user looks columns up by, in lower case; null where it may look at any. */
  references: ReadonlySet<string> | null;
}
