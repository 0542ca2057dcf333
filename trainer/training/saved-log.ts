import { realpathSync } from "node:fs";
import { isAbsolute, join, relative, resolve } from "node:path";
import * as v from "valibot";
import { FormatError } from "../../format/errors.ts";
import { filesOf } from "../data/files.ts";
import type { LogPart } from "../data/logs.ts";

// The log that a run names, so that it is found from whatever folder the run is used later.

/**
 * A log as a run names it. A relative path begins at the run folder, so that a run and its log can be moved together;
 * an absolute one stays.
 */
export const SavedLogSchema = v.object({
  paths: v.pipe(v.array(v.string()), v.minLength(1)),
  part: v.exactOptional(v.picklist(["train", "valid", "test"])),
});
export type SavedLog = v.InferOutput<typeof SavedLogSchema>;

/** A log as a run in `folder`, which exists, names it. */
export function savedLog({ paths, part }: LogPart, folder: string): SavedLog {
  const [run, here] = [realpathSync(folder), realpathSync(".")];
  const named = paths.map((path) => (isAbsolute(path) ? path : relative(run, resolve(here, path))));
  return { paths: named, ...(part && { part }) };
}

/** The log that the run in `folder` names. Throws FormatError where it is not there. */
export function findSavedLog({ paths, part }: SavedLog, folder: string): LogPart {
  const run = realpathSync(folder);
  const found = paths.map((path) => {
    const absolute = isAbsolute(path) ? path : join(run, path);
    // Shown as short as it is from here.
    const shown = isAbsolute(path) ? path : relative(realpathSync("."), absolute);
    try {
      filesOf(absolute);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      throw new FormatError(
        shown,
        `${error.problem}; the run ${folder} expects its validation log there: say where it is now with --records and ` +
          "--calibrate",
      );
    }
    return shown;
  });
  return { paths: found, ...(part && { part }) };
}
