import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { FormatError } from "../../format/errors.ts";
import { readFault } from "../io/system-fault.ts";
import { compressedEnding, openText, type TextEncoding } from "./text-file.ts";

// Where a record is in a text file. Only error messages and headers need it, so the file is read again from its start.

/** The longest record of a text file, in bytes. */
export const MAX_LINE_BYTES = 2 ** 24;

const TAB = 9;
const NEWLINE = 10;
const RETURN = 13;
const SPACE = 32;

/** What quotes a cell where `data.quote` does not say. */
export const DOUBLE_QUOTE = '"';

/** How records stand in a text file. */
export interface TextLayout {
  /** What separates the cells of a line, any of which may be quoted; null where a line is one text. */
  delimiter: string | null;
  /** What quotes a cell; "" for nothing. Default: a double quote. */
  quote?: string | undefined;
  /** Default: UTF-8. The bytes of a record are in UTF-8 whatever the file has. */
  encoding?: TextEncoding | undefined;
  /** Whether a blank line is a record. Lines of spaces and tabs are blank where a line is one text. */
  blanks: boolean;
}

/** How cells stand in a line. */
export type CellLayout = TextLayout & { delimiter: string; quote: string };

/** What ends a line. */
export type LineEnd = "LF" | "CRLF" | "CR";

export interface TextRecord {
  /** The number of the line that the record begins on, from 1. */
  line: number;
  bytes: Uint8Array;
  /** What ends the record; null where the file does. */
  end: LineEnd | null;
  /** The number of the line that it ends on. */
  lastLine: number;
  /** Whether the file ends within quotes. */
  unclosed: boolean;
}

/**
 * The records of a text file. A quote counts where a cell begins with one: it is closed by the next single quote, and
 * line ends before that are part of the record. Throws FormatError where the file cannot be read.
 */
export async function* recordsOf(
  path: string,
  { delimiter, quote = DOUBLE_QUOTE, encoding, blanks }: TextLayout,
): AsyncGenerator<TextRecord> {
  const separator = delimiter?.charCodeAt(0);
  const quoteByte = quote.charCodeAt(0); // NaN, which no byte is, where nothing quotes
  let line = 1; // of the byte that comes next
  let start = 1; // the line on which this record began
  let parts: Uint8Array[] = []; // the record so far, without what the present chunk has of it
  let afterReturn = false; // whether the last byte was a CR that may be the first half of a CRLF
  let inQuotes = false;
  let quotable = separator !== undefined; // whether a quote that comes next opens, or opens again after a closing one

  function record(end: LineEnd | null): TextRecord[] {
    const bytes = Buffer.concat(parts);
    const found = { line: start, bytes, end, lastLine: line, unclosed: inQuotes };
    parts = [];
    quotable = separator !== undefined;
    const blank = separator === undefined ? bytes.every(isSpace) : bytes.length === 0;
    return blanks || inQuotes || !blank ? [found] : [];
  }

  for await (const chunk of readText(path, encoding)) {
    let from = 0; // where the record begins in the chunk
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i];
      if (afterReturn) {
        afterReturn = false;
        const paired = byte === NEWLINE;
        if (!inQuotes) {
          yield* record(paired ? "CRLF" : "CR");
          from = paired ? i + 1 : i;
          start = line + 1;
        }
        line++;
        if (paired) continue;
      }
      if (byte === RETURN) {
        afterReturn = true;
        if (!inQuotes) parts.push(Buffer.from(chunk.subarray(from, i)));
        if (!inQuotes) from = i + 1;
      } else if (byte === NEWLINE) {
        if (!inQuotes) {
          parts.push(chunk.subarray(from, i));
          yield* record("LF");
          from = i + 1;
          start = line + 1;
        }
        line++;
      } else if (inQuotes) {
        if (byte === quoteByte) inQuotes = false;
        quotable = byte === quoteByte;
      } else if (byte === quoteByte) {
        inQuotes = quotable;
        quotable = false;
      } else {
        quotable = byte === separator || (quotable && byte === SPACE); // DuckDB lets spaces stand before the quote
      }
    }
    parts.push(Buffer.from(chunk.subarray(from)));
  }
  if (afterReturn) yield* record("CR");
  else if (inQuotes || parts.some(({ length }) => length > 0)) yield* record(null);
}

function isSpace(byte: number): boolean {
  return byte === SPACE || byte === TAB;
}

/** Record n of a text file, from 0; null where the file has fewer. */
export async function findRecord(path: string, n: number, layout: TextLayout): Promise<TextRecord | null> {
  let number = 0;
  for await (const record of recordsOf(path, layout)) if (number++ === n) return record;
  return null;
}

/** The error to throw for one that came up while a text file was read. */
export function damageOf(path: string, error: unknown): FormatError {
  const fault = readFault(path, error);
  return fault instanceof FormatError
    ? fault
    : new FormatError(path, `got a damaged file: ${(error as Error).message}`);
}

/** A file's text in UTF-8. Throws FormatError where it cannot be read, or not to its end. */
export async function* readText(path: string, encoding?: TextEncoding): AsyncGenerator<Uint8Array> {
  try {
    yield* openText(path, encoding);
  } catch (error) {
    throw damageOf(path, error);
  }
}

/** A byte that no line of JSON, libsvm or libffm has: behind it, DuckDB would read another column. */
export const LINE_DELIMITER = 1;

/**
 * What is wrong with the bytes of a file that DuckDB reads without a word: a compressed file that was cut off,
 * which it takes for a shorter one; a last line beyond MAX_LINE_BYTES, which it leaves out where its buffer does not
 * hold it; in a format that is read line by line (`lines`), a CR alone, behind which it loses a byte, and
 * LINE_DELIMITER. Null where nothing is, and where `signal` ends the search early. Throws what the system says of a
 * file that cannot be read. `read`: what DuckDB reads of the file, where that is a copy in UTF-8.
 */
export async function findDamage(
  path: string,
  lines: boolean,
  signal: AbortSignal,
  read: string = path,
): Promise<FormatError | null> {
  let suspect = false;
  let last = 0; // the byte before this chunk
  let lastLine = new LastLine();
  try {
    if (lines || compressedEnding(path) !== "") {
      for await (const data of openText(path)) {
        if (signal.aborted) return null;
        const chunk = data as Buffer;
        if (lines && (hasSingleReturn(chunk, last) || chunk.includes(LINE_DELIMITER))) {
          suspect = true;
          break;
        }
        last = chunk[chunk.length - 1];
        lastLine.add(chunk);
      }
    }
    if (!lines && compressedEnding(read) === "") lastLine = await lastLineOf(read);
  } catch (error) {
    return damageOf(path, error);
  }
  if (lastLine.bytes > MAX_LINE_BYTES) return longLine(`${path}, line ${await longLineOf(read)}`);
  if (!lines || (!suspect && last !== RETURN)) return null;
  for await (const { bytes, end, lastLine: line } of recordsOf(path, { delimiter: null, blanks: true })) {
    if (end === "CR") return new FormatError(`${path}, line ${line}`, "got a CR alone, expected LF or CRLF");
    if (bytes.includes(LINE_DELIMITER)) return new FormatError(`${path}, line ${line}`, "got a byte 0x01");
  }
  return null;
}

/** The last line that is not empty of what a file's chunks hold so far. */
class LastLine {
  bytes = 0;
  #ended = false;

  add(chunk: Buffer): void {
    let end = chunk.length;
    while (end > 0 && (chunk[end - 1] === NEWLINE || chunk[end - 1] === RETURN)) end--;
    const text = chunk.subarray(0, end);
    const start = 1 + Math.max(text.lastIndexOf(NEWLINE), text.lastIndexOf(RETURN));
    if (end > 0) this.bytes = start > 0 || this.#ended ? end - start : this.bytes + end;
    if (chunk.length > 0) this.#ended = end < chunk.length;
  }
}

/** The last line of a file, as far as it is among so many bytes that it can be told to be too long. */
async function lastLineOf(path: string): Promise<LastLine> {
  const found = new LastLine();
  const { size } = await stat(path);
  if (size > MAX_LINE_BYTES)
    for await (const chunk of createReadStream(path, { start: size - MAX_LINE_BYTES - 3 })) found.add(chunk);
  return found;
}

/** The number of the first line beyond MAX_LINE_BYTES of a file that has one. */
async function longLineOf(path: string): Promise<number> {
  for await (const { line, bytes } of recordsOf(path, { delimiter: null, blanks: true }))
    if (bytes.length > MAX_LINE_BYTES) return line;
  throw new Error(`got no long line in ${path}`);
}

/** The error for a line beyond MAX_LINE_BYTES. */
export function longLine(place: string): FormatError {
  return new FormatError(place, `got a line of more than ${MAX_LINE_BYTES} bytes, expected at most that`);
}

/** Whether a chunk of a file has a CR that no LF follows, but for one at its end. `last`: the byte before the chunk. */
function hasSingleReturn(chunk: Buffer, last: number): boolean {
  if (last === RETURN && chunk[0] !== NEWLINE) return true;
  for (let at = chunk.indexOf(RETURN); at >= 0; at = chunk.indexOf(RETURN, at + 1))
    if (at + 1 < chunk.length && chunk[at + 1] !== NEWLINE) return true;
  return false;
}
