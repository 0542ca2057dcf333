import type { DuckDBConnection } from "@duckdb/node-api";
import { counted } from "../../format/counted.ts";
import { FormatError, show } from "../../format/errors.ts";
import type { DataSettings } from "../../format/spec.ts";
import type { FileLinks } from "./file-links.ts";
import type { LogFiles } from "./files.ts";
import { GOT_MARK, parseLine } from "./json-line.ts";
import { DOUBLE_QUOTE, findRecord, longLine, MAX_LINE_BYTES, recordsOf } from "./lines.ts";
import type { Scan } from "./scan.ts";
import { delimiterHint } from "./scan-csv.ts";
import { sparseProblem } from "./scan-sparse.ts";
import { ENCODING_HINT, GOT_UTF16, isMarkedUtf8, isUtf16 } from "./text-file.ts";

// Turns errors of DuckDB into errors that say what is wrong in which file, on which line and in which column.

/** A log while it is read. */
export interface LogReading {
  log: LogFiles;
  data: DataSettings;
  links: FileLinks;
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
      const found = await findRecord(file, record - before + scan.text.header, scan.text);
      return found ? `${file}, line ${found.line}` : file;
    }
    before += count;
  }
  return log.name;
}

/** The error to throw in place of one of DuckDB's. */
export async function explain(reading: LogReading, error: unknown): Promise<FormatError> {
  if (error instanceof FormatError) return error;
  const message = reading.links.restore((error as Error).message);
  const { log } = reading;
  if (/CSV Error on Line/.test(message)) return explainText(reading, message);
  if (log.format === "csv" || log.format === "tsv") {
    const found = (await explainLineEnds(reading)) ?? (await explainLongLine(reading)) ?? (await explainBytes(reading));
    if (found) return found;
  }
  if (log.format === "jsonl" || log.format === "libsvm" || log.format === "libffm") {
    const found = await explainLines(log);
    if (found) return found;
  }
  if (log.format === "parquet" && /Invalid string encoding/.test(message)) {
    const found = await explainParquetText(reading);
    if (found) return found;
  }
  // DuckDB names the file that it cannot read.
  const file = log.files.find((name) => message.includes(`"${name}"`) || message.includes(`'${name}'`));
  return new FormatError(file ?? log.name, firstLine(message));
}

/** The error of SQL that the user wrote. */
export function explainSql({ log, links, scan }: LogReading, place: string, error: unknown): FormatError {
  const message = links.restore((error as Error).message);
  if (/Permission Error|Loading external extensions/.test(message))
    return new FormatError(place, "got SQL that reads or writes something else, expected SQL over the log's columns");
  const unknown = /Referenced column "(.*?)" not found|Table with name (.*?) does not exist/.exec(message);
  if (unknown?.[1] !== undefined) {
    const names = (scan?.columns ?? []).map(({ name }) => show(name)).join(", ");
    return new FormatError(place, `no column ${show(unknown[1])}; got ${names}${scan?.hint ?? ""}`);
  }
  const malformed = log.format === "jsonl" && /Malformed JSON/.test(message);
  // A CAST to VARCHAR would keep the quotes, and a type in data.types is refused for a field's key.
  const hint = malformed ? " (a key of JSON lines is JSON in SQL: key ->> '$' is its text, a CAST its number)" : "";
  return new FormatError(place, `${firstLine(message)}${hint}`);
}

/** The error of a value that is not of the type that `data.types` names. */
export function explainCast({ log }: LogReading, place: string, value: unknown, type: string): FormatError {
  return new FormatError(place, `got ${log.format === "jsonl" ? value : show(value)}, expected ${type}`);
}

/** A name that only we gave: see ROW, LINE and FILE_COLUMN. */
const OWN_NAME = new RegExp(`"?${String.fromCharCode(1)}[a-z0-9]+"?`, "g");

/** A message of DuckDB without its advice, the lines that point into the SQL, and the names that only we gave. */
function firstLine(message: string): string {
  const lines = message.split("\n").map((line) => line.trim());
  const first = lines.find((line) => line !== "") ?? "";
  return first.replaceAll(OWN_NAME, "the log");
}

async function explainText(reading: LogReading, message: string): Promise<FormatError> {
  const { log, scan } = reading;
  const file = log.files.find((name) => message.includes(`file = ${name}\n`)) ?? log.files[0] ?? log.name;
  const record = Number(/CSV Error on Line: (\d+)/.exec(message)?.[1]);
  const layout = scan?.text ?? { delimiter: null };
  const { delimiter } = layout;
  // DuckDB's number of a line is that of a record, blank lines counted: line breaks within quotes do not count.
  const found = await findRecord(file, record - 1, { ...layout, blanks: true });
  const place = `${file}, line ${found?.line ?? record}`;
  const nameOf = (cell: number): string | undefined => scan?.cells(file)[cell];
  const width = /Expected Number of Columns: (\d+) Found: (\d+)/.exec(message);
  if (width) {
    const hint = found ? widthHint(found.bytes, reading, Number(width[1])) : "";
    return new FormatError(place, `got ${counted(Number(width[2]), "column")}, expected ${width[1]}${hint}`);
  }
  if (/not utf-8|Invalid unicode/i.test(message)) {
    const first = await findRecord(file, 0, { delimiter: null, blanks: true });
    if (first && isUtf16(first.bytes)) return new FormatError(`${file}, line 1`, GOT_UTF16);
    const cell = found && delimiter !== null ? badCell(found.bytes, delimiter) : null;
    return badBytes(place, cell === null ? undefined : nameOf(cell));
  }
  if (/Maximum line size/i.test(message)) return longLine(place);
  if (/unterminated quote/i.test(message))
    return new FormatError(place, "got a quote that is never closed, or text behind a quoted cell");
  const cast = /converting column "c(\d+)". Could not convert string "(.*)" to '([^'\n]*)'/s.exec(message);
  if (cast) return explainCast(reading, `${place}: column ${nameOf(Number(cast[1]))}`, cast[2], cast[3] ?? "");
  const reason = message
    .split("\n")
    .slice(1)
    .find((line) => line !== "" && !line.startsWith("Original Line"));
  return new FormatError(place, reason ?? firstLine(message));
}

/** What an error about a line's number of cells adds. */
function widthHint(line: Uint8Array, { scan, data }: LogReading, expected: number): string {
  const { delimiter, quote = DOUBLE_QUOTE } = scan?.text ?? { delimiter: null };
  if (delimiter === null) return "";
  const text = new TextDecoder().decode(line);
  // Without a header only the line can tell; with one, it was the header that was divided wrongly.
  if (data.columns) return delimiterHint(text, { delimiter, quote, blanks: true }, expected);
  return expected === 1 ? (scan?.hint ?? "") : "";
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

/** Looks for a line that ends otherwise than those before it, of which DuckDB says no more than that it is there. */
async function explainLineEnds({ log, scan }: LogReading): Promise<FormatError | null> {
  if (!scan?.text) return null;
  for (const file of log.files) {
    let first: string | undefined;
    for await (const { end, lastLine } of recordsOf(file, { ...scan.text, blanks: true })) {
      if (end === null) break;
      first ??= end;
      if (end !== first)
        return new FormatError(
          `${file}, line ${lastLine}`,
          `got a line that ends in ${end}, expected ${first} as before`,
        );
    }
  }
  return null;
}

/** Looks for a record that DuckDB's buffer does not hold, of which it says only that it cannot read the file. */
async function explainLongLine({ log, scan }: LogReading): Promise<FormatError | null> {
  if (!scan?.text) return null;
  for (const file of log.files)
    for await (const { line, bytes } of recordsOf(file, { ...scan.text, blanks: true }))
      if (bytes.length > MAX_LINE_BYTES) return longLine(`${file}, line ${line}`);
  return null;
}

/** Looks for a cell that is not UTF-8, of which DuckDB says nothing that helps where only some columns are read. */
async function explainBytes({ log, scan }: LogReading): Promise<FormatError | null> {
  if (!scan?.text?.delimiter) return null;
  for (const file of log.files) {
    for await (const { line, bytes } of recordsOf(file, { ...scan.text, blanks: true })) {
      const cell = badCell(bytes, scan.text.delimiter);
      if (cell !== null) return badBytes(`${file}, line ${line}`, scan.cells(file)[cell]);
    }
  }
  return null;
}

/** Looks for the column of Parquet with bytes that are not UTF-8. */
async function explainParquetText({ log, scan, connection }: LogReading): Promise<FormatError | null> {
  for (const file of log.files) {
    for (const { name, sql } of scan?.columns ?? []) {
      try {
        await connection.run(`SELECT max(hash(${sql})) FROM ${scan?.relation([file])}`);
      } catch (error) {
        if (!/Invalid string encoding/.test((error as Error).message)) continue;
        return new FormatError(`${file}: column ${name}`, "got bytes that are not UTF-8, expected text in UTF-8");
      }
    }
  }
  return null;
}

function badBytes(place: string, column: string | undefined): FormatError {
  const where = column === undefined ? place : `${place}: column ${column}`;
  return new FormatError(where, `got bytes that are not UTF-8${ENCODING_HINT}`);
}

/** Looks for the first line that is not of its format. */
async function explainLines({ files, format }: LogFiles): Promise<FormatError | null> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  for (const file of files) {
    for await (const { line, bytes } of recordsOf(file, { delimiter: null, blanks: false })) {
      const place = `${file}, line ${line}`;
      if (line === 1 && isUtf16(bytes)) return new FormatError(place, "got UTF-16, expected UTF-8");
      if (bytes.length > MAX_LINE_BYTES) return longLine(place);
      if (line > 1 && isMarkedUtf8(bytes)) return new FormatError(place, GOT_MARK);
      let text: string;
      try {
        text = decoder.decode(bytes);
      } catch {
        return new FormatError(place, "got bytes that are not UTF-8");
      }
      if (format === "jsonl") {
        try {
          parseLine(text, place);
        } catch (error) {
          if (error instanceof FormatError) return error;
          throw error;
        }
        // DuckDB's JSON has no place for half a character, which a request's may have.
        if (/\\u[dD][89abAB]/.test(text) && hasLoneSurrogate(text))
          return new FormatError(place, "got an unpaired surrogate, expected none where SQL computes with the log");
      } else if (format === "libsvm" || format === "libffm") {
        const found = sparseProblem(format, text);
        if (found) return new FormatError(`${place}: column ${found.column}`, found.problem);
      }
    }
  }
  return null;
}

/** Whether a JSON text escapes a surrogate that is not part of a pair. */
function hasLoneSurrogate(json: string): boolean {
  return !json
    .replaceAll(/\\u([0-9a-fA-F]{4})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)))
    .isWellFormed();
}
