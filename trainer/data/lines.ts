import { createReadStream } from "node:fs";
import { pipeline } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";

// Where a record is in a text file. Only error messages need it, so the file is read again from its start.

const NEWLINE = 10;
const RETURN = 13;
const QUOTE = 34;

export interface TextLine {
  /** The number of the line, from 1. */
  line: number;
  bytes: Uint8Array;
}

/**
 * Record n, from 0, of a text file, and the line that it begins on; null where the file has fewer. `quoted`: whether a
 * line break within quotes is part of a record. `blanks`: whether a blank line is a record.
 */
export async function findRecord(path: string, n: number, quoted: boolean, blanks: boolean): Promise<TextLine | null> {
  let line = 1;
  let start = 1; // the line on which this record began
  let record = 0;
  let inQuotes = false;
  let blank = true;
  let kept: number[] = [];
  for await (const chunk of open(path)) {
    for (const byte of chunk as Uint8Array) {
      if (byte === QUOTE && quoted) inQuotes = !inQuotes;
      if (byte === NEWLINE) line++;
      if (byte !== NEWLINE || inQuotes) {
        if (byte !== RETURN) blank = false;
        if (record === n) kept.push(byte);
        continue;
      }
      if (!blank || blanks) {
        if (record === n) return { line: start, bytes: Uint8Array.from(kept) };
        record++;
      }
      start = line;
      blank = true;
      kept = [];
    }
  }
  return record === n && !blank ? { line: start, bytes: Uint8Array.from(kept) } : null;
}

/**
 * What is wrong with a compressed file, such as one that was cut off, which DuckDB takes for a shorter one. Null where
 * nothing is, and where `signal` ends the search early.
 */
export async function findDamage(path: string, signal: AbortSignal): Promise<string | null> {
  if (!/\.(gz|zst)$/.test(path)) return null;
  try {
    for await (const _ of open(path)) if (signal.aborted) return null;
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

function open(path: string): AsyncIterable<unknown> {
  const file = createReadStream(path);
  const ignore = (): void => {}; // whoever reads the last stream gets the error
  if (path.endsWith(".gz")) return pipeline(file, createGunzip(), ignore);
  if (path.endsWith(".zst")) return pipeline(file, createZstdDecompress(), ignore);
  return file;
}
