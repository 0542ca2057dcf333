import type { DuckDBConnection } from "@duckdb/node-api";
import { FormatError, show } from "../../format/errors.ts";
import type { DataSettings } from "../../format/spec.ts";
import type { LogFiles } from "./files.ts";
import { findRecord } from "./lines.ts";
import { isSparseLine, type Scan, SPARSE_TOKEN, wholeLines } from "./scan.ts";

// Turns errors of DuckDB into errors that say what is wrong in which file, on which line and in which column.

/** A log while it is read. */
export interface LogReading {
  log: LogFiles;
  data: DataSettings;
  connection: DuckDBConnection;
  /** Null until it is known how the files are read. */
  scan: Scan | null;
}

/** The place of a log's record n, from 0, as errors name it. */
export async function placeOfRecord({ log, scan, connection }: LogReading, record: number): Promise<string> {
  let before = 0;
  for (const file of log.files) {
    if (!scan) break;
    const counted = await connection.runAndReadAll(`SELECT count(*) FROM ${scan.relation([file])}`);
    const count = Number(counted.getRows()[0]?.[0]);
    if (record < before + count) {
      if (!scan.text) return `${file}, row ${record - before + 1}`;
      const { header, quoted, blanks } = scan.text;
      const found = await findRecord(file, record - before + header, quoted, blanks);
      return found ? `${file}, line ${found.line}` : file;
    }
    before += count;
  }
  return log.name;
}

/** The error to throw in place of one of DuckDB's. */
export async function explain(reading: LogReading, error: unknown): Promise<FormatError> {
  if (error instanceof FormatError) return error;
  const { message } = error as Error;
  const { format } = reading.log;
  if (/CSV Error on Line/.test(message)) return explainText(reading, message);
  if (format === "jsonl" && /Malformed JSON/.test(message)) return explainJson(reading, message);
  const cast = /JSON transform error in file "(.*)", in line (\d+): ([^\n]*)/.exec(message);
  if (cast) return new FormatError(`${cast[1]}, line ${cast[2]}`, cast[3] ?? message);
  if (format === "libsvm" || format === "libffm") {
    const found = await explainSparse(reading, format);
    if (found) return found;
  }
  return new FormatError(reading.log.name, firstLines(message));
}

/** The first lines of a message of DuckDB, without its advice and the lines that point into the SQL. */
export function firstLines(message: string): string {
  const lines = message.split("\n").filter((line) => line.trim() !== "");
  const end = lines.findIndex((line) => /^LINE \d|possible (fix|solution)|^Try /i.test(line));
  return lines.slice(0, end < 0 ? 3 : Math.min(end, 3)).join("; ");
}

async function explainText({ log, scan }: LogReading, message: string): Promise<FormatError> {
  const file = /^ {2}file = (.*)$/m.exec(message)?.[1] ?? log.files[0] ?? log.name;
  const record = Number(/CSV Error on Line: (\d+)/.exec(message)?.[1]);
  // DuckDB's number of a line is that of a record, blank lines counted: line breaks within quotes do not count.
  const found = await findRecord(file, record - 1, scan?.text?.quoted ?? false, true);
  const place = `${file}, line ${found?.line ?? record}`;
  const width = /Expected Number of Columns: (\d+) Found: (\d+)/.exec(message);
  if (width) return new FormatError(place, `got ${width[2]} columns, expected ${width[1]}`);
  if (/not utf-8|Invalid unicode/i.test(message)) {
    const column = found && scan?.text?.delimiter ? badCell(found.bytes, scan.text.delimiter) : null;
    const name = column === null ? undefined : scan?.columns[column]?.name;
    return new FormatError(name === undefined ? place : `${place}: column ${name}`, "got bytes that are not UTF-8");
  }
  if (/unterminated quote/i.test(message)) return new FormatError(place, "got a quote that is never closed");
  const cast = /converting column "(.*?)". Could not convert string "(.*)" to '(.*)'/s.exec(message);
  if (cast) {
    const name = scan?.columns.find(({ sql }) => sql === cast[1])?.name ?? cast[1];
    return new FormatError(`${place}: column ${name}`, `got ${show(cast[2])}, expected ${cast[3]}`);
  }
  const reason = message
    .split("\n")
    .slice(1)
    .find((line) => line !== "" && !line.startsWith("Original Line"));
  return new FormatError(place, reason ?? firstLines(message));
}

/** The number of the first cell of a record that is not UTF-8; null where all are. */
function badCell(record: Uint8Array, delimiter: string): number | null {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let cell = 0;
  let start = 0;
  for (let i = 0; i <= record.length; i++) {
    if (i < record.length && record[i] !== delimiter.charCodeAt(0)) continue;
    try {
      decoder.decode(record.subarray(start, i));
    } catch {
      return cell;
    }
    cell++;
    start = i + 1;
  }
  return null;
}

/** Looks for the line that is not JSON, as DuckDB sometimes names the one after it. */
async function explainJson({ log, connection }: LogReading, message: string): Promise<FormatError> {
  for (const file of log.files) {
    const lines = `SELECT row_number() OVER () AS n, line FROM ${wholeLines([file])}`;
    try {
      const bad = await connection.runAndReadAll(
        `SELECT n, line FROM (${lines}) WHERE line IS NOT NULL AND NOT json_valid(line) LIMIT 1`,
      );
      const [n, line] = bad.getRows()[0] ?? [];
      if (n !== undefined) return new FormatError(`${file}, line ${n}`, `got ${show(line)}, expected a JSON object`);
    } catch (error) {
      const line = /CSV Error on Line: (\d+)/.exec((error as Error).message)?.[1];
      if (line) return new FormatError(`${file}, line ${line}`, "got bytes that are not UTF-8");
    }
  }
  return new FormatError(log.name, firstLines(message));
}

async function explainSparse(
  { log, connection }: LogReading,
  format: keyof typeof SPARSE_TOKEN,
): Promise<FormatError | null> {
  const { name, pattern } = SPARSE_TOKEN[format];
  for (const file of log.files) {
    const lines = `SELECT row_number() OVER () AS n, line FROM ${wholeLines([file])}`;
    const bad = await connection.runAndReadAll(
      `SELECT n, line FROM (${lines}) WHERE line IS NOT NULL AND NOT ${isSparseLine(format)} LIMIT 1`,
    );
    const [n, line] = bad.getRows()[0] ?? [];
    if (n === undefined) continue;
    const tokens = String(line).trim().split(/\s+/).slice(1);
    const at = tokens.findIndex((token) => !new RegExp(`^${pattern}$`).test(token));
    if (at < 0) return new FormatError(`${file}, line ${n}`, `got ${show(line)}, expected a label first`);
    return new FormatError(`${file}, line ${n}: column ${at + 2}`, `got ${show(tokens[at])}, expected ${name}`);
  }
  return null;
}
