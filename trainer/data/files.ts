import { existsSync, globSync, statSync } from "node:fs";
import { join } from "node:path";
import { FormatError } from "../../format/errors.ts";
import type { DataSettings } from "../../format/spec.ts";

export type LogFormat = NonNullable<DataSettings["format"]>;

/** The files of a log, in the order in which they are read. */
export interface LogFiles {
  /** What the user asked for. */
  name: string;
  format: LogFormat;
  files: string[];
}

const ENDINGS: Record<LogFormat, readonly string[]> = {
  csv: [".csv"],
  tsv: [".tsv"],
  jsonl: [".jsonl", ".ndjson"],
  parquet: [".parquet"],
  libsvm: [".libsvm", ".svm"],
  libffm: [".libffm", ".ffm"],
};
const COMPRESSED = ["", ".gz", ".zst"];

/** What errors and reports call the log of these paths. */
export function nameOf(paths: readonly string[]): string {
  return paths.join(", ");
}

/**
 * Finds the files of a log. `paths` are files, globs, and folders whose files are found at any depth; their order is
 * kept. Throws FormatError where one means no file, a file is empty, or the files differ in format.
 */
export function findFiles(paths: readonly string[], format?: LogFormat): LogFiles {
  const name = nameOf(paths);
  const files = [...new Set(paths.flatMap((path) => dataFiles(path, format)))];
  const formats = new Set(files.map((file) => format ?? formatOf(file)));
  const [first] = formats;
  if (first === undefined) throw new FormatError(name, "got no file, expected at least one");
  if (formats.size > 1) throw new FormatError(name, `got files of ${[...formats].join(" and ")}, expected one format`);
  for (const file of files) {
    if (statSync(file).size === 0) throw new FormatError(file, "got an empty file, expected records");
  }
  return { name, format: first, files };
}

/** The files that a path means: itself, those that match it as a glob, or those below it as a folder. */
export function filesOf(path: string): string[] {
  if (existsSync(path)) {
    if (!statSync(path).isDirectory()) return [path];
    // Names that begin with a dot or an underscore are no data, as elsewhere: _SUCCESS, .crc.
    return globSync("**/*", { cwd: path, exclude: (entry) => /^[._]/.test(entry) })
      .map((file) => join(path, file))
      .filter((file) => statSync(file).isFile())
      .sort();
  }
  const found = /[*?[{]/.test(path) ? globSync(path).sort() : [];
  if (found.length === 0) throw new FormatError(path, "no such file");
  return found;
}

/** The files that a path means; of a folder only those whose names are a log's. */
function dataFiles(path: string, format: LogFormat | undefined): string[] {
  const files = filesOf(path);
  if (files[0] === path || !existsSync(path)) return files;
  const found = files.filter((file) => format !== undefined || knownFormat(file) !== null);
  if (found.length === 0)
    throw new FormatError(path, `got no log in this folder, expected names that end in ${known()}`);
  return found;
}

function knownFormat(file: string): LogFormat | null {
  for (const format of Object.keys(ENDINGS) as LogFormat[]) {
    for (const ending of ENDINGS[format]) {
      if ((format === "parquet" ? [""] : COMPRESSED).some((end) => file.endsWith(ending + end))) return format;
    }
  }
  return null;
}

function formatOf(file: string): LogFormat {
  const format = knownFormat(file);
  if (format) return format;
  throw new FormatError(file, `got a file of unknown format, expected a name that ends in ${known()}, or data.format`);
}

function known(): string {
  return `${Object.values(ENDINGS).flat().join(", ")} (all but Parquet also .gz or .zst)`;
}
