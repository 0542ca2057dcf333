import { createWriteStream, linkSync, realpathSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { systemFault } from "../io/system-fault.ts";
import { TemporaryFolder } from "../io/temporary.ts";
import { readText } from "./lines.ts";
import { compressedEnding, type TextEncoding } from "./text-file.ts";

/**
 * Names for a log's files that mean nothing but a file to DuckDB, which takes `*`, `?` and `[` in a name for a pattern
 * and s3:// for a service. They are in a folder of their own, which goes with this object: links to the files, or
 * copies in UTF-8 of those in another encoding, as DuckDB reads no other without a download.
 */
export class FileLinks implements Disposable {
  readonly #own: TemporaryFolder;
  readonly #folder: string;
  readonly #files: readonly string[];
  readonly #links: ReadonlyMap<string, string>;

  private constructor(files: readonly string[], encoding: TextEncoding, parent: string) {
    this.#own = makeFolder(parent);
    this.#folder = realpathSync(this.#own.path);
    this.#files = files;
    const ending = (file: string): string => (encoding === "utf-8" ? compressedEnding(file) : "");
    this.#links = new Map(files.map((file, i) => [file, join(this.#folder, `${i}${ending(file)}`)]));
  }

  /**
   * Names for these files. `parent`: where their folder is made. Throws FormatError where a file is not in the encoding
   * that it is said to be in, and UserError where the system does not let a link or copy be made.
   */
  static async open(
    files: readonly string[],
    encoding: TextEncoding = "utf-8",
    parent: string = tmpdir(),
  ): Promise<FileLinks> {
    using opened = new DisposableStack();
    const names = opened.use(new FileLinks(files, encoding, encoding === "utf-8" ? tmpdir() : parent));
    for (const [file, link] of names.#links) {
      if (encoding === "utf-8") makeLink(resolve(file), link);
      else await copyText(file, encoding, link);
    }
    opened.move(); // whoever asked for them disposes of them from here on
    return names;
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
      const [, number = "", rest = ""] = /^[/\\](\d+)(?:\.[a-z]+)?(.*)$/s.exec(after) ?? [];
      return number === "" ? before + after : `${before}${this.#files[Number(number)]}${rest}`;
    });
  }

  [Symbol.dispose](): void {
    this.#own[Symbol.dispose]();
  }
}

/** SQL of a file's number in the log, from 0, by its name for DuckDB. */
export function fileNumberSql(name: string): string {
  return `CAST(regexp_extract(${name}, '(\\d+)(\\.[a-z]+)?$', 1) AS INTEGER)`;
}

/** Throws UserError where the system does not let it be made. */
function makeFolder(parent: string): TemporaryFolder {
  try {
    return new TemporaryFolder(parent, "log");
  } catch (error) {
    throw systemFault(parent, error);
  }
}

/** Writes a file's text in UTF-8. */
async function copyText(file: string, encoding: TextEncoding, copy: string): Promise<void> {
  try {
    // What goes wrong with the text is a FormatError, and so told from what cannot be written.
    await pipeline(Readable.from(readText(file, encoding)), createWriteStream(copy));
  } catch (error) {
    throw systemFault(copy, error);
  }
}

function makeLink(file: string, link: string): void {
  try {
    symlinkSync(file, link, "file");
  } catch {
    linkSync(file, link); // Windows lets few users make symbolic links
  }
}
