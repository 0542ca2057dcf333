import { linkSync, realpathSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { systemFault } from "../io/system-fault.ts";
import { TemporaryFolder } from "../io/temporary.ts";

/**
 * Names for a log's files that mean nothing but a file to DuckDB, which takes `*`, `?` and `[` in a name for a pattern
 * and s3:// for a service. They are links in a folder of their own, which goes with this object.
 */
export class FileLinks implements Disposable {
  readonly #own: TemporaryFolder;
  readonly #folder: string;
  readonly #files: readonly string[];
  readonly #links: ReadonlyMap<string, string>;

  constructor(files: readonly string[]) {
    this.#own = makeFolder();
    this.#folder = realpathSync(this.#own.path);
    this.#files = files;
    this.#links = new Map(files.map((file, i) => [file, join(this.#folder, `${i}${endingOf(file)}`)]));
    for (const [file, link] of this.#links) makeLink(resolve(file), link);
  }

  /** What DuckDB must be allowed to read: it follows a link before it asks. */
  get paths(): string[] {
    return [...this.#links].flatMap(([file, link]) => [realpathSync(file), link]);
  }

  /** The name of a file of the log for DuckDB. */
  of(file: string): string {
    const link = this.#links.get(file);
    if (link === undefined) throw new Error(`${file} is no file of this log`);
    return link;
  }

  /** A message of DuckDB with the files' own names. */
  restore(message: string): string {
    return message.split(this.#folder).reduce((before, after) => {
      const [, number = "", rest = ""] = /^[/\\](\d+)(?:\.gz|\.zst)?(.*)$/s.exec(after) ?? [];
      return number === "" ? before + after : `${before}${this.#files[Number(number)]}${rest}`;
    });
  }

  [Symbol.dispose](): void {
    this.#own[Symbol.dispose]();
  }
}

/** SQL of a file's number in the log, from 0, by its name for DuckDB. */
export function fileNumberSql(name: string): string {
  return `CAST(regexp_extract(${name}, '(\\d+)(\\.gz|\\.zst)?$', 1) AS INTEGER)`;
}

/** Throws UserError where the system does not let it be made. */
function makeFolder(): TemporaryFolder {
  try {
    return new TemporaryFolder(tmpdir(), "log");
  } catch (error) {
    throw systemFault(tmpdir(), error);
  }
}

/** DuckDB knows a compressed file by its ending. */
function endingOf(file: string): string {
  return /\.(gz|zst)$/.exec(file)?.[0] ?? "";
}

function makeLink(file: string, link: string): void {
  try {
    symlinkSync(file, link, "file");
  } catch {
    linkSync(file, link); // Windows lets few users make symbolic links
  }
}
