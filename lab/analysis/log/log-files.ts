import { realpathSync } from "node:fs";
import { FormatError } from "../../../format/errors.ts";
import { checkLogFile, filesOf } from "../../../trainer/data/files.ts";
import { statsOf } from "../../../trainer/io/folders.ts";
import { noSuchFile } from "../../../trainer/io/system-fault.ts";

/** Names of files with newline JSON: as Queues write to R2, and as `npm run dev` does. */
const LOG_NAME = /\.(jsonl|ndjson|json)(\.gz|\.zst)?$/;

/**
 * The files of an experiment's log, in the order of their names. `paths` are files, globs and folders, of which the
 * files with newline JSON are taken, at any depth. A file that several paths name is read once, and an empty one, which
 * a sink may leave, is none. Throws FormatError where a path means no file, one cannot be read twice, or none has a
 * line.
 */
export function experimentFiles(paths: readonly string[]): string[] {
  const files = new Map<string, string>();
  for (const path of paths) {
    const all = filesOf(path);
    const isFolder = statsOf(path)?.isDirectory() ?? false;
    const found = all.filter((file) => !isFolder || LOG_NAME.test(file));
    if (found.length === 0)
      throw new FormatError(path, "got no log in this folder, expected names that end in .jsonl, .ndjson or .json");
    for (const file of found) {
      const stats = statsOf(file);
      if (!stats) throw noSuchFile(file);
      checkLogFile(file, stats);
      if (stats.size === 0n) continue;
      const known = realpathSync(file);
      if (!files.has(known)) files.set(known, file);
    }
  }
  if (files.size === 0) throw new FormatError(paths.join(", "), "got empty files, expected exposures and events");
  return [...files.values()];
}
