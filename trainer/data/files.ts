import { accessSync, type BigIntStats, constants, globSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { FormatError } from "../../format/errors.ts";
import type { DataSettings } from "../../format/spec.ts";
import { UserError } from "../errors.ts";
import { statsOf } from "../io/folders.ts";
import { noSuchFile, readFault } from "../io/system-fault.ts";
import { compressedEnding } from "./text-file.ts";

export type LogFormat = NonNullable<DataSettings["format"]>;

/** The files of a log, in the order in which they are read. */
export interface LogFiles {
  /** What the user asked for. */
  name: string;
  format: LogFormat;
  /** Each file once, under the first of its names. */
  files: string[];
  /** What to tell the user about files that were named more than once. */
  warnings: string[];
}

const ENDINGS: Record<LogFormat, readonly string[]> = {
  csv: [".csv"],
  tsv: [".tsv"],
  jsonl: [".jsonl", ".ndjson"],
  parquet: [".parquet"],
  libsvm: [".libsvm", ".svm"],
  libffm: [".libffm", ".ffm"],
};
export const FORMATS = Object.keys(ENDINGS) as readonly LogFormat[];

/** What errors and reports call the log of these paths. */
export function nameOf(paths: readonly string[]): string {
  return paths.join(", ");
}

/**
 * Finds the files of a log. `paths` are files, globs, and folders whose files are found at any depth; their order is
 * kept. A file that several paths or links name is read once. Throws FormatError where one means no file, a file
 * cannot be read or is empty, or the files differ in format.
 */
export function findFiles(paths: readonly string[], format?: LogFormat): LogFiles {
  const name = nameOf(paths);
  const known = new Map<string, string>(); // a file's device and number, and its first name
  const warnings: string[] = [];
  for (const file of paths.flatMap((path) => dataFiles(path, format))) {
    const found = statsOf(file);
    if (!found) throw noSuchFile(file);
    checkLogFile(file, found);
    if (found.size === 0n) throw new FormatError(file, "got an empty file, expected records");
    const identity = `${found.dev}:${found.ino}`;
    const first = known.get(identity);
    if (first === undefined) known.set(identity, file);
    else warnings.push(`${file}: got the file ${first} again; it is read once`);
  }
  const files = [...known.values()];
  const formats = new Set(files.map((file) => format ?? formatOf(file)));
  const [first] = formats;
  if (first === undefined) throw new FormatError(name, "got no file, expected at least one");
  if (formats.size > 1) throw new FormatError(name, `got files of ${[...formats].join(" and ")}, expected one format`);
  return { name, format: first, files, warnings };
}

/** Throws FormatError where a path is no file that can be read, and twice: a log is, by DuckDB in parts at once. */
export function checkLogFile(path: string, found: BigIntStats): void {
  if (!found.isFile()) throw new FormatError(path, `got ${kindOf(found)}, expected a file that can be read twice`);
  try {
    accessSync(path, constants.R_OK);
  } catch (error) {
    throw readFault(path, error);
  }
}

/**
 * The files that a path means: itself, or those below it as a folder. Where nothing has this very name, those that it
 * matches as a glob.
 */
export function filesOf(path: string): string[] {
  if (statsOf(path)) return filesAt(path);
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(path)) throw new FormatError(path, "got a URL, expected a file on this machine");
  const found = /[*?[{]/.test(path) ? globSync(path).sort().flatMap(filesAt) : [];
  if (found.length === 0) throw noSuchFile(path);
  return found;
}

/** A path that is there, or the files below it where it is a folder. */
function filesAt(path: string): string[] {
  return statsOf(path)?.isDirectory() ? filesBelow(path).sort() : [path];
}

/**
 * The files below a folder, at any depth and behind links, each folder once: links may lead in a circle. A link to
 * nothing is among them, as whoever reads it says so. `seen`: the devices and numbers of folders before.
 */
function filesBelow(folder: string, seen = new Set<string>()): string[] {
  const stats = statsOf(folder);
  const identity = `${stats?.dev}:${stats?.ino}`;
  if (seen.size === seen.add(identity).size) return [];
  // Names that begin with a dot or an underscore are no data, as elsewhere: _SUCCESS, .crc.
  const names = namesIn(folder).filter((name) => !/^[._]/.test(name));
  return names.flatMap((name) => {
    const path = join(folder, name);
    const found = statsOf(path);
    if (found?.isDirectory()) return filesBelow(path, seen);
    return found === undefined || found.isFile() ? [path] : [];
  });
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    throw readFault(folder, error);
  }
}

/** The files that a path means; of a folder only those whose names are a log's. */
function dataFiles(path: string, format: LogFormat | undefined): string[] {
  const files = filesOf(path);
  if (!statsOf(path)?.isDirectory()) return files;
  const found = files.filter((file) => format !== undefined || knownFormat(file) !== null);
  if (found.length === 0)
    throw new FormatError(path, `got no log in this folder, expected names that end in ${known()}`);
  return found;
}

/** Throws UserError where a file that is to be written is one of those that are read, which would be lost. */
export function checkNotRead(out: string, files: readonly string[]): void {
  const there = statsOf(out);
  const same = files.find((file) => {
    const read = statsOf(file);
    return there?.ino === read?.ino && there?.dev === read?.dev && there !== undefined;
  });
  if (same !== undefined)
    throw new UserError(`${out}: got ${same}, which is read, as the file to write, expected another`);
}

function kindOf(found: BigIntStats): string {
  if (found.isFIFO()) return "a pipe";
  if (found.isSocket()) return "a socket";
  return found.isDirectory() ? "a folder" : "a device";
}

function knownFormat(file: string): LogFormat | null {
  const plain = file.slice(0, file.length - compressedEnding(file).length);
  for (const format of Object.keys(ENDINGS) as LogFormat[]) {
    for (const ending of ENDINGS[format]) {
      if ((format === "parquet" ? file : plain).endsWith(ending)) return format;
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
