// Parsers of the values of benchmarks' options, besides those of trainer/terminal. They throw InvalidArgumentError.
import { InvalidArgumentError } from "commander";
import { chosenName } from "../format/choice.ts";
import { FormatError } from "../format/errors.ts";
import { filesOf } from "../trainer/data/files.ts";
import { UserError } from "../trainer/errors.ts";
import { jsonResult } from "../trainer/io/result-file.ts";
import { resultFile } from "../trainer/terminal/path-option.ts";
import { optional } from "./options.ts";

/** The first keys of what benchmarks write. */
const RESULTS = jsonResult(
  "a benchmark",
  ...["results", "rows", "share", "keys", "versions", "faults", "bytes", "warm"],
);
/** The file that a benchmark's results go to. */
export const JSON_FILE = optional("where the results are written, as JSON", resultFile(RESULTS));

/** A parser of one of some names, in any letter case. */
export function oneOf<Name extends string>(names: readonly Name[]): (text: string) => Name {
  return (text) => {
    const name = chosenName(names, text);
    if (name === undefined) throw new InvalidArgumentError(`got ${text}, expected one of ${names.join(", ")}`);
    return name;
  };
}

/** A parser of a list separated by commas. */
export function listOf<T>(parse: (text: string) => T): (text: string) => T[] {
  return (text) => text.split(",").map((part) => parse(part.trim()));
}

/** A parser of what the trainer reads, whose faults are the option's. */
export function readBy<T>(read: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return read(text);
    } catch (error) {
      if (error instanceof FormatError || error instanceof UserError) throw new InvalidArgumentError(error.message);
      throw error;
    }
  };
}

/** A parser of a log's path: a file, a folder or a glob, with something there. */
export const logPath = readBy((path) => {
  filesOf(path);
  return path;
});
