import { isUtf8 } from "node:buffer";
import { open } from "node:fs/promises";
import { damageOf, LINE_DELIMITER, MAX_LINE_BYTES } from "../../../trainer/data/lines.ts";
import { openText } from "../../../trainer/data/text-file.ts";
import { WholeFile } from "../../../trainer/io/files.ts";

// DuckDB stops at bytes that are not UTF-8, at lines that are too long and at zeros behind a gzip file, reads past a CR
// that stands alone, and takes a compressed file that was cut off for a shorter one. One bad line must not cost a log
// its analysis, so a file with such a line is read from a copy that has a short text in its place, which is no JSON and
// is counted as a bad line.

const TAB = 9;
const NEWLINE = 10;
const RETURN = 13;
const SPACE = 32;

/** What stands in a copy for lines that DuckDB could not read. */
const UNREADABLE = Buffer.from("unreadable");
/** What stands in a copy where the file is damaged: what comes behind is lost. */
const CUT_OFF = Buffer.from("cut off");
const LINE_END = Buffer.from([NEWLINE]);
/** U+FEFF at a file's beginning, which DuckDB takes for no text. */
const MARK = Buffer.from("\uFEFF");

/** Whether DuckDB reads all lines of a file, and what stands there, as it is. */
export async function isClean(path: string): Promise<boolean> {
  for await (const part of parts(path))
    if (part.damage !== null || part.bytes.length > MAX_LINE_BYTES || !isPlain(part.bytes)) return false;
  return true;
}

/** Bytes at the end of a gzip file that say how long its text is. */
const GZIP_LENGTH_BYTES = 4;

/** Whether a gzip file ends with zeros in the place of that length: of padding, or of a last part without text. */
export async function isPadded(path: string): Promise<boolean> {
  if (!path.endsWith(".gz")) return false;
  await using file = await open(path);
  const { size } = await file.stat();
  const { buffer } = await file.read(Buffer.alloc(GZIP_LENGTH_BYTES), { position: size - GZIP_LENGTH_BYTES });
  return buffer.every((byte) => byte === 0);
}

/**
 * Writes a copy of a file with as many lines that are not blank, of which DuckDB can read each. Returns whether it
 * could have read all of them. Throws UserError.
 */
export async function writeCleanCopy(path: string, copy: string): Promise<boolean> {
  using file = new WholeFile(copy);
  const { clean } = await appendLines(path, file);
  file.finish();
  return clean;
}

/** What was written of a file. */
export interface AppendedLines {
  /** Lines that are not blank. */
  rows: number;
  /** Whether DuckDB could read all of them. */
  clean: boolean;
  bytes: number;
}

/** Writes a file's lines that are not blank, of which DuckDB can read each, behind others. Throws UserError. */
export async function appendLines(path: string, out: WholeFile): Promise<AppendedLines> {
  let [rows, clean, written, isStart] = [0, true, 0, true];
  for await (const { bytes, damage } of parts(path)) {
    const lines: Uint8Array[] = [];
    const text = isStart && bytes.subarray(0, MARK.length).equals(MARK) ? bytes.subarray(MARK.length) : bytes;
    for (const line of damage === null ? linesOf(text) : [CUT_OFF]) {
      if (isBlank(line)) continue;
      const isGood = damage === null && line.length <= MAX_LINE_BYTES && isPlain(line);
      clean &&= isGood;
      rows++;
      lines.push(isGood || damage !== null ? line : UNREADABLE, LINE_END);
    }
    const good = Buffer.concat(lines);
    out.write(good);
    written += good.length;
    isStart = false;
  }
  return { rows, clean, bytes: written };
}

/** A line of a file that is wanted by its number among those that are not blank, from 0. */
export interface FoundLine {
  /** Its number in the file, from 1. */
  number: number;
  text: string;
}

/** Finds lines by their numbers among those that are not blank. Ends where the file is damaged. */
export async function findLines(path: string, wanted: ReadonlySet<number>): Promise<Map<number, FoundLine>> {
  const found = new Map<number, FoundLine>();
  let [number, row] = [0, 0];
  for await (const { bytes, damage } of parts(path)) {
    if (damage !== null) return found;
    for (const line of linesOf(bytes)) {
      number++;
      if (isBlank(line)) continue;
      if (wanted.has(row)) {
        const text = line.length > MAX_LINE_BYTES ? "" : Buffer.from(line).toString("utf8");
        found.set(row, { number, text });
      }
      row++;
      if (found.size === wanted.size) return found;
    }
  }
  return found;
}

/** What the system or a decoder says of a file that is damaged; null of one that is not. */
export async function damageText(path: string): Promise<string | null> {
  for await (const { damage } of parts(path)) if (damage !== null) return damage;
  return null;
}

interface Part {
  /** Whole lines, without the end of the last one. */
  bytes: Buffer;
  /** Why the file ends here, where it is damaged; null elsewhere. */
  damage: string | null;
}

/** A file in parts of whole lines. Where it is damaged, the last part says how. */
async function* parts(path: string): AsyncGenerator<Part> {
  let rest: Uint8Array[] = [];
  try {
    for await (const chunk of openText(path)) {
      const end = chunk.lastIndexOf(NEWLINE);
      if (end < 0) {
        rest.push(chunk);
        continue;
      }
      yield { bytes: Buffer.concat([...rest, chunk.subarray(0, end)]), damage: null };
      rest = [chunk.subarray(end + 1)];
    }
  } catch (error) {
    yield { bytes: Buffer.alloc(0), damage: damageOf(path, error).problem };
    return;
  }
  const bytes = Buffer.concat(rest);
  if (bytes.length > 0) yield { bytes, damage: null };
}

function* linesOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let start = 0; start <= bytes.length; ) {
    const end = bytes.indexOf(NEWLINE, start);
    const stop = end < 0 ? bytes.length : end;
    yield bytes.subarray(start, stop > start && bytes[stop - 1] === RETURN ? stop - 1 : stop);
    start = stop + 1;
  }
}

/** Whether a line has nothing but spaces, tabs and CRs. */
function isBlank(line: Uint8Array): boolean {
  return line.every((byte) => byte === SPACE || byte === TAB || byte === RETURN);
}

/** Whether lines are UTF-8 without what DuckDB would take for something else than text. */
function isPlain(bytes: Uint8Array): boolean {
  if (!isUtf8(bytes) || bytes.includes(LINE_DELIMITER) || bytes.includes(0)) return false;
  for (let at = bytes.indexOf(RETURN); at >= 0; at = bytes.indexOf(RETURN, at + 1))
    if (at + 1 < bytes.length && bytes[at + 1] !== NEWLINE) return false;
  return true;
}
