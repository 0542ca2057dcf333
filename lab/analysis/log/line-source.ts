import { WholeFile } from "../../../trainer/io/files.ts";
import { appendLines } from "./clean-lines.ts";

// Queues leave a file for each batch: 100,000 in a month of which each has some lines. DuckDB would open each of them
// for every query, which takes a millisecond or more, and need more memory than it may for as many parts of a table. So
// small files of which there are many are read once, and their lines put into one file.

/** Files from which on small ones are joined. */
const MANY_FILES = 200;
/** Bytes of the largest file that is small. */
const SMALL_BYTES = 2n ** 20n;
/** Bytes of joined files that are read, as the temporary folder may be in memory. */
const MOST_JOINED_BYTES = 2n ** 30n;

/** A file that DuckDB reads, and what it has the lines of. */
export interface LineSource {
  path: string;
  /** Files, with the number of their first line among those of the source that are not blank, from 0. */
  files: { file: string; start: number }[];
}

/** Which of so many files are joined: those that are small, as far as there is room. */
export function joinable(sizes: readonly bigint[]): boolean[] {
  let joined = 0n;
  return sizes.map((size) => {
    if (sizes.length < MANY_FILES || size > SMALL_BYTES || joined + size > MOST_JOINED_BYTES) return false;
    joined += size;
    return true;
  });
}

/** Files in a row that are joined into one. */
export class JoinedFiles implements Disposable {
  readonly #file: WholeFile;
  readonly #source: LineSource;
  #rows = 0;

  constructor(path: string) {
    this.#file = new WholeFile(path);
    this.#source = { path, files: [] };
  }

  /** Adds a file's lines. Returns whether DuckDB could have read all of them. Throws UserError. */
  async add(file: string): Promise<boolean> {
    this.#source.files.push({ file, start: this.#rows });
    const { rows, clean } = await appendLines(file, this.#file);
    this.#rows += rows;
    return clean;
  }

  finish(): LineSource {
    this.#file.finish();
    return this.#source;
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }
}
