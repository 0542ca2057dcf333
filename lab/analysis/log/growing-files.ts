import { constants } from "node:fs";
import { copyFile } from "node:fs/promises";
import { FormatError } from "../../../format/errors.ts";
import { compressedEnding } from "../../../trainer/data/text-file.ts";
import { statsOf } from "../../../trainer/io/folders.ts";
import { systemFault } from "../../../trainer/io/system-fault.ts";

// An analysis reads its lines several times, and knows them by their numbers. A Worker may go on to write a file
// meanwhile, and each line more in one file would move the numbers of all that come behind it.

/** Milliseconds after its last line until which a file may get another one. */
const MAY_GROW_MS = 3_600_000;

/** Bytes of the largest file that is copied, as the temporary folder may be in memory. */
const MOST_COPIED_BYTES = 2 ** 30;

/** What is read in a file's place: a copy of one that may still grow. Compressed ones are written whole. */
export async function stillFile(path: string, copy: string): Promise<string> {
  const { mtimeMs = 0, size = 0 } = statsOf(path) ?? {};
  const mayGrow = compressedEnding(path) === "" && Date.now() - Number(mtimeMs) <= MAY_GROW_MS;
  if (!mayGrow || size > MOST_COPIED_BYTES) return path;
  try {
    await copyFile(path, copy, constants.COPYFILE_FICLONE);
  } catch (error) {
    throw systemFault(copy, error);
  }
  return copy;
}

/** By name, what a file is as long as nobody writes it. */
export function marksOf(paths: readonly string[]): Map<string, string> {
  return new Map(paths.map((path) => [path, markOf(path)]));
}

/** Throws FormatError where a file is not what it was when `marksOf` saw it. */
export function checkUnchanged(marks: ReadonlyMap<string, string>): void {
  for (const [path, mark] of marks)
    if (markOf(path) !== mark)
      throw new FormatError(path, "got a file that changed while it was read, expected one that stays: run it again");
}

function markOf(path: string): string {
  const stats = statsOf(path);
  return `${stats?.dev}:${stats?.ino}:${stats?.size}:${stats?.mtimeNs}`;
}
