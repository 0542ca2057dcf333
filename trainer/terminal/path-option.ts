import { InvalidArgumentError } from "commander";
import { checkPlace } from "../io/files.ts";
import { statsOf } from "../io/folders.ts";

/**
 * A parser of an option that names a file to write. Where the system would not let it be written is better said before
 * hours of work. Throws UserError there.
 */
export function fileToWrite(path: string): string {
  if (path === "") throw new InvalidArgumentError("got no text, expected the name of a file");
  if (isFolder(path)) throw new InvalidArgumentError("got a folder, expected the name of a file");
  checkPlace(path);
  return path;
}

/** A parser of an option that names a folder to read. */
export function existingFolder(path: string): string {
  if (!isFolder(path)) throw new InvalidArgumentError(`got ${path}, expected a folder that is there`);
  return path;
}

function isFolder(path: string): boolean {
  return statsOf(path)?.isDirectory() ?? false;
}
