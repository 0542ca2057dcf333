import type { Command } from "commander";
import { checkNotRead, filesOf } from "../../trainer/data/files.ts";
import { UserError } from "../../trainer/errors.ts";
import { statsOf } from "../../trainer/io/folders.ts";
import { checkResultPlace } from "../../trainer/io/result-file.ts";
import { resultOf } from "../../trainer/terminal/path-option.ts";

// What is checked of the names in a command's arguments and options before the command begins.

/** What options are called whose text names something. */
const NAMES = /<(?:folder|file|path|name|export)(?:\.\.\.)?>/;

/**
 * Throws UserError where an argument is empty, or an option that names something: a shell makes that of a variable that
 * has no value, and without a word files would go into the working folder, or into what is the default.
 */
export function refuseEmptyNames(command: Command): void {
  for (const [i, argument] of command.registeredArguments.entries()) {
    if ([command.processedArgs[i]].flat().includes("")) throw emptyText(`<${argument.name()}>`);
  }
  for (const option of command.options) {
    const values: unknown[] = [command.getOptionValue(option.attributeName())].flat();
    if (NAMES.test(option.flags) && values.includes("")) throw emptyText(option.flags);
  }
}

function emptyText(place: string): UserError {
  return new UserError(`${place}: got an empty text, expected a name`);
}

/**
 * Throws UserError where a file that an option has written is one that another argument or option names, by whatever
 * path: a log or a spec would be lost.
 */
export function refuseReadFiles(command: Command): void {
  const textsOf = (writes: boolean): string[] =>
    command.options
      .filter(({ parseArg }) => (resultOf(parseArg) !== undefined) === writes)
      .flatMap((option) => command.getOptionValue(option.attributeName()))
      .filter((value) => typeof value === "string");
  const outs = textsOf(true).filter((out) => statsOf(out));
  if (outs.length === 0) return;
  const named = [...command.processedArgs.flat().filter((value) => typeof value === "string"), ...textsOf(false)];
  const read = named.flatMap(filesNamed);
  for (const [i, out] of outs.entries()) checkNotRead(out, [...read, ...outs.slice(0, i)]);
}

/** Throws UserError where an option would write its result in place of something else than an earlier one. */
export function refuseOtherFiles(command: Command): void {
  for (const option of command.options) {
    const kind = resultOf(option.parseArg);
    const path: unknown = command.getOptionValue(option.attributeName());
    if (kind && typeof path === "string") checkResultPlace(path, kind);
  }
}

/** The files that a text names, by itself or as a glob; none where it names none. What is in folders is left out. */
function filesNamed(text: string): string[] {
  try {
    return statsOf(text)?.isDirectory() ? [] : filesOf(text);
  } catch {
    return []; // the command says what is wrong with the name, if it is one
  }
}
