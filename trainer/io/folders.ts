import { type BigIntStats, mkdirSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { readFault, systemFault } from "./system-fault.ts";

/**
 * Makes a folder, and those above it that are missing. Returns the paths that it made, the innermost first. Throws
 * UserError, which names `file`, where the system refuses to.
 */
export function makeFolder(path: string, file = path): string[] {
  const made: string[] = [];
  try {
    for (const folder of missing(resolve(path))) {
      if (make(folder)) made.unshift(folder);
    }
  } catch (error) {
    throw systemFault(file, error);
  }
  return made;
}

/**
 * What is at a path, links followed; undefined where nothing is. Throws FormatError where the system does not say, as
 * of a link to itself. Files have numbers of 64 bits.
 */
export function statsOf(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    // No file has such a name, but the text may be a glob.
    if ((error as NodeJS.ErrnoException).code === "ENAMETOOLONG") return undefined;
    throw readFault(path, error);
  }
}

/** The folders on the way to a path that are not there, the outermost first. */
function missing(path: string): string[] {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ? [] : [...missing(dirname(path)), path];
}

/** Node's own recursive mkdir tells of a disk that can only be read, or of a file on the way, as ENOENT. */
function make(folder: string): boolean {
  try {
    mkdirSync(folder);
    return true;
  } catch (error) {
    // Another process may have been faster.
    if (statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return false;
    throw error;
  }
}
