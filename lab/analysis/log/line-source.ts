import { join } from "node:path";
import { WholeFile } from "../../../trainer/io/files.ts";
import { statsOf } from "../../../trainer/io/folders.ts";
import { type AppendedLines, appendLines, isClean, isPadded, writeCleanCopy } from "./clean-lines.ts";
import { stillFile } from "./growing-files.ts";

// Queues leave a file for each batch: 100,000 in a month of which each has some lines. DuckDB would open each of them
// for every query, which takes a millisecond or more, and need more memory than it may for as many parts of a table. So
// small files of which there are many are read once, and their lines put into one file.

/** Files from which on small ones are joined. */
const MANY_FILES = 200;
/** Bytes of the largest file that is small. */
const SMALL_BYTES = 2n ** 20n;
/** Bytes of joined lines, but for those of the last file, as the temporary folder may be in memory. */
const MOST_JOINED_BYTES = 2 ** 30;

/** A file that DuckDB reads, and what it has the lines of. */
export interface LineSource {
  path: string;
  /** Files, with the number of their first line among those of the source that are not blank, from 0. */
  files: { file: string; start: number }[];
}

/** Sources of files, in their order. */
export interface LineSources {
  sources: LineSource[];
  /** Files with lines that DuckDB could not read. */
  copied: string[];
}

/** What is read of files. `folder`: where copies are made. `room`: bytes of lines that are joined. Throws UserError. */
export async function lineSources(
  files: readonly string[],
  folder: string,
  room = MOST_JOINED_BYTES,
): Promise<LineSources> {
  const found: LineSources = { sources: [], copied: [] };
  const { sources, copied } = found;
  let left = files.length < MANY_FILES ? 0 : room;
  const isJoined = (i: number): boolean =>
    left > 0 && i < files.length && (statsOf(files[i])?.size ?? 0n) <= SMALL_BYTES;
  for (let i = 0; i < files.length; ) {
    const copy = join(folder, String(i));
    if (isJoined(i)) {
      using joined = new JoinedFiles(copy);
      for (; isJoined(i); i++) {
        const { clean, bytes } = await joined.add(files[i]);
        left -= bytes;
        if (!clean) copied.push(files[i]);
      }
      sources.push(joined.finish());
    } else {
      const file = files[i++];
      sources.push({ path: await readableFile(file, copy, copied), files: [{ file, start: 0 }] });
    }
  }
  return found;
}

/** A file, or what is read in its place: a copy of one that may still grow, or has lines that DuckDB cannot read. */
async function readableFile(file: string, copy: string, copied: string[]): Promise<string> {
  const still = await stillFile(file, `${copy}.still`);
  if ((await isClean(still)) && !(await isPadded(still))) return still;
  if (!(await writeCleanCopy(still, copy))) copied.push(file);
  return copy;
}

/** Files in a row that are joined into one. */
class JoinedFiles implements Disposable {
  readonly #file: WholeFile;
  readonly #source: LineSource;
  #rows = 0;

  constructor(path: string) {
    this.#file = new WholeFile(path);
    this.#source = { path, files: [] };
  }

  async add(file: string): Promise<AppendedLines> {
    this.#source.files.push({ file, start: this.#rows });
    const appended = await appendLines(file, this.#file);
    this.#rows += appended.rows;
    return appended;
  }

  finish(): LineSource {
    this.#file.finish();
    return this.#source;
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }
}
