import { statSync } from "node:fs";
import { dirname } from "node:path";
import { FormatError } from "../../format/errors.ts";
import { UserError } from "../errors.ts";

// What the system refuses, told as the user can mend it: the path, the system's word for it, and what to do.

/** What to do about each error of the system, by its code (errno(3)). */
const ADVICE: ReadonlyMap<string, string> = new Map([
  ["ENOSPC", "the disk is full: free some room on it, or write to another one"],
  ["EDQUOT", "the disk quota is used up: free some room, or write to another disk"],
  ["EFBIG", "files may not become so large here: raise the limit (ulimit -f), or write to another disk"],
  ["EACCES", "allow it (chmod, chown), or choose another path"],
  ["EPERM", "allow it (chmod, chown), or choose another path"],
  ["EROFS", "the disk can only be read: write to another one"],
  ["EEXIST", "a link to nothing has this name: remove it, or choose another path"],
  ["EISDIR", "a folder has this name: choose another path"],
  ["ENOTEMPTY", "a folder has this name: choose another path"],
  ["EMFILE", "this process has too many files open: raise the limit (ulimit -n)"],
  ["ENFILE", "the system has too many files open: close some"],
  ["ENAMETOOLONG", "choose a shorter path"],
  ["ELOOP", "a link leads back to itself: choose another path"],
  ["EIO", "the disk does not work as it should"],
]);

/** The system's own words for errors (strerror(3)), as other programs repeat them, and those of SQLite. */
const WORDS: readonly (readonly [string, string])[] = [
  ["No space left on device", "ENOSPC"],
  ["database or disk is full", "ENOSPC"],
  ["Disk quota exceeded", "EDQUOT"],
  ["File too large", "EFBIG"],
  ["Permission denied", "EACCES"],
  ["Read-only file system", "EROFS"],
  ["Too many open files", "EMFILE"],
  ["Input/output error", "EIO"],
];

/**
 * The error to throw for one that came up while `path` was written. What the system refuses, such as room on the disk,
 * the user can mend: that becomes a UserError. Any other error stays as it is.
 */
export function systemFault(path: string, error: unknown): unknown {
  if (!isSystemError(error)) return error;
  return new UserError(`${path}: not written: ${reasonOf(path, error)}`, { cause: error });
}

/** The same for an error that came up while `path` was read: a FormatError, as an input is not as it must be. */
export function readFault(path: string, error: unknown): unknown {
  if (!isSystemError(error)) return error;
  if (error.code === "ENOENT" || error.code === "ENOTDIR") return noSuchFile(path);
  if (error.code === "EISDIR") return new FormatError(path, "got a folder, expected a file");
  return new FormatError(path, reasonOf(path, error));
}

/** The error of a path that is not there. `expected`: what should be there, and other advice. */
export function noSuchFile(path: string, expected?: string): FormatError {
  const file = fileOn(dirname(path));
  const other = path.includes("\ufffd") ? "a name that is not UTF-8 cannot be read: rename it" : expected;
  const reason = file === null ? other : `${file} is a file, where a folder is needed`;
  return new FormatError(path, reason === undefined ? "no such file" : `no such file; ${reason}`);
}

/**
 * The error to throw where another program's text says what the system refused while `path` was written; null where it
 * says nothing of the kind.
 */
export function toldFault(path: string, text: string): UserError | null {
  for (const [words, code] of WORDS) {
    if (text.includes(words))
      return new UserError(`${path}: not written: ${code}: ${words.toLowerCase()}; ${ADVICE.get(code)}`);
  }
  return null;
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "syscall" in error;
}

function reasonOf(path: string, { message, code = "", syscall = "" }: NodeJS.ErrnoException): string {
  // Node's texts end with the call and the paths that it was given: "ENOENT: no such file or directory, open 'x'".
  const text = message.split(`, ${syscall}`, 1)[0] ?? message;
  const file = code === "ENOTDIR" || code === "EEXIST" ? fileOn(path) : null;
  const advice = file ? `${file} is a file, where a folder is needed: choose another path` : ADVICE.get(code);
  return advice ? `${text}; ${advice}` : text;
}

/**
 * What is in the way of a folder: the path itself where it is no folder, or something above it; null where nothing is.
 */
function fileOn(path: string): string | null {
  const found = kindAt(path);
  if (found !== null) return found === "folder" ? null : path;
  return dirname(path) === path ? null : fileOn(dirname(path));
}

/**
 * What is at a path; null where nothing is, and where the system does not say, as of a link to itself: this is asked
 * for an error's text, which is thrown in any case. Otherwise `statsOf` is asked.
 */
function kindAt(path: string): "folder" | "file" | null {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    return found ? (found.isDirectory() ? "folder" : "file") : null;
  } catch {
    return null;
  }
}
