import { closeSync, openSync, readSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { UserError } from "../errors.ts";
import { readWhole, writeWhole } from "./files.ts";
import { statsOf } from "./folders.ts";
import { readFault } from "./system-fault.ts";

// A result goes to a file that a user names, where something else may be by mistake: a spec, a model, the
// report of another command. Only what the same command has written before is replaced, which is told by how it begins.

/** What a command writes into a file that a user names. */
export interface ResultKind {
  /** What an error calls it: "JSON of compare". */
  what: string;
  /** Whether a file is one, by how its text begins: at most `BEGIN_BYTES` of it. */
  isOne(begin: string): boolean;
  /** A name that such a file has as a part of something else: where the second is beside it. */
  ownedAs?: readonly [name: string, beside: string];
}

/** More than a command's first line takes. */
const BEGIN_BYTES = 65_536;

/** JSON as `toJson` writes it, of an object with this first key, or one of these. */
export function jsonResult(command: string, ...keys: readonly string[]): ResultKind {
  const begins = keys.map((key) => `{\n  ${JSON.stringify(key)}: `);
  return { what: `JSON of ${command}`, isOne: (begin) => begins.some((text) => begin.startsWith(text)) };
}

/** Throws UserError where another file than an earlier result of the kind, or an empty one, has the name. */
export function checkResultPlace(path: string, kind: ResultKind): void {
  if (mayReplace(path, kind)) return;
  throw new UserError(`${path}: got a file that is there and is no ${kind.what}, expected a new name, or that of one`);
}

/** Writes a whole result or nothing. Throws UserError, also where it would take the place of another file. */
export function writeResult(path: string, content: string, kind: ResultKind): void {
  if (!hasContent(path, content)) checkResultPlace(path, kind);
  writeWhole(path, content);
}

function mayReplace(path: string, { isOne, ownedAs }: ResultKind): boolean {
  if ((sizeOf(path) ?? 0) === 0) return true;
  if (ownedAs && basename(path) === ownedAs[0] && sizeOf(join(dirname(path), ownedAs[1])) !== undefined) return false;
  return isOne(beginOf(path));
}

function hasContent(path: string, content: string): boolean {
  return sizeOf(path) === Buffer.byteLength(content) && readWhole(path).toString() === content;
}

/** Bytes of a file; undefined where nothing has the name. */
function sizeOf(path: string): number | undefined {
  const stats = statsOf(path);
  return stats && Number(stats.size);
}

/** Throws FormatError where the file cannot be read. */
function beginOf(path: string): string {
  let file: number | null = null;
  try {
    file = openSync(path, "r");
    const begin = Buffer.alloc(BEGIN_BYTES);
    return begin.toString("utf8", 0, readSync(file, begin));
  } catch (error) {
    throw readFault(path, error);
  } finally {
    if (file !== null) closeSync(file);
  }
}
