import { inspect } from "node:util";
import { FormatError } from "../../format/errors.ts";
import { DivergedError, UserError } from "../../trainer/errors.ts";
import { Interrupted } from "../../trainer/training/checkpoint.ts";

/** A person has ended a command at one of its questions. */
export class Cancelled extends Error {
  /** As if by SIGINT: in a terminal that reads keys, Ctrl-C is a key. */
  readonly exitCode = 130;
}

/** What the command line prints of a fault: one line where the user can act on it, otherwise a defect's stack. */
export function faultText(error: unknown): string {
  const expected =
    error instanceof FormatError ||
    error instanceof UserError ||
    error instanceof DivergedError ||
    error instanceof Interrupted ||
    error instanceof Cancelled;
  return expected ? `error: ${error.message}` : inspect(error);
}

/** The exit code of a command that ended with a fault: a signal's where one stopped it, otherwise 1. */
export function exitCodeOf(error: unknown): number {
  return error instanceof Interrupted || error instanceof Cancelled ? error.exitCode : 1;
}
