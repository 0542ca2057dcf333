import { InvalidArgumentError } from "commander";
import { FormatError } from "../../format/errors.ts";
import { UserError } from "../errors.ts";
import { checkPlace } from "../io/files.ts";
import { statsOf } from "../io/folders.ts";
import { checkResultPlace, type ResultKind } from "../io/result-file.ts";

/** What each parser of a file to write writes; null where the command itself says which files it replaces. */
const writers = new WeakMap<object, ResultKind | null>();

/**
 * A parser of an option that names a file to write. Where the system would not let it be written is better said before
 * hours of work: the parser throws UserError there.
 */
export function fileToWrite(kind: ResultKind | null): (path: string) => string {
  const parse = (path: string): string => {
    if (path === "") throw new InvalidArgumentError("got no text, expected the name of a file");
    if (isFolder(path)) throw new InvalidArgumentError("got a folder, expected the name of a file");
    checkPlace(path);
    return path;
  };
  writers.set(parse, kind);
  return parse;
}

/** As `fileToWrite`, of a program that is no command: the parser refuses the place of any other file itself. */
export function resultFile(kind: ResultKind): (path: string) => string {
  const parse = fileToWrite(kind);
  return (path) => {
    try {
      checkResultPlace(parse(path), kind);
      return path;
    } catch (error) {
      if (error instanceof FormatError || error instanceof UserError) throw new InvalidArgumentError(error.message);
      throw error;
    }
  };
}

/** What an option with this parser writes, as `fileToWrite` was told; undefined where it writes nothing. */
export function resultOf(parse: object | undefined): ResultKind | null | undefined {
  return parse && writers.get(parse);
}

/** A parser of an option that names a folder to read. */
export function existingFolder(path: string): string {
  if (!isFolder(path)) throw new InvalidArgumentError(`got ${path}, expected a folder that is there`);
  return path;
}

function isFolder(path: string): boolean {
  return statsOf(path)?.isDirectory() ?? false;
}
