import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  linkSync,
  lstatSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname, resolve } from "node:path";
import { FormatError } from "../../format/errors.ts";
import { UserError } from "../errors.ts";
import { makeFolder, statsOf } from "./folders.ts";
import { beatIfDue } from "./heartbeat.ts";
import { readFault, systemFault } from "./system-fault.ts";
import { removeQuietly, removeRemains, temporaryPath } from "./temporary.ts";

/** Bytes that one call gives to the system, which takes at most 2 GiB at once. */
const WRITE_BYTES = 2 ** 26;

/** What a file shall hold: text, bytes, or bytes in parts, which need never be in memory together. */
export type FileContent = string | Uint8Array | Iterable<Uint8Array>;

/** Writes a whole file or none: under another name first, then renamed. Makes the folder. Throws UserError. */
export function writeWhole(path: string, content: FileContent): void {
  using file = new WholeFile(path);
  const parts = typeof content === "string" || content instanceof Uint8Array ? [content] : content;
  for (const part of parts) file.write(part);
  file.finish();
}

/**
 * Writes a whole file where none of its name is there, even where another process does so at the same time. Returns
 * whether it has: otherwise what is there stays. Throws UserError.
 */
export function writeNew(path: string, content: string): boolean {
  using file = new WholeFile(path);
  file.write(content);
  return file.finishNew();
}

/**
 * A file that is written piece by piece. It gets its name when it is finished; one that is disposed of before leaves
 * nothing, and what had the name before stays. Each method throws UserError where the system refuses to write.
 */
export class WholeFile implements Disposable {
  readonly #path: string;
  readonly #temporary: string;
  /** The descriptor; null when it is closed. */
  #file: number | null = null;
  #isNamed = false;

  /** Makes the folder, and removes what killed processes left there. */
  constructor(path: string) {
    this.#path = behindLinks(path);
    this.#temporary = temporaryPath(this.#path);
    this.#orNothing(() => {
      checkPlace(this.#path);
      makeFolder(dirname(path), path);
      this.#file = openSync(this.#temporary, "wx");
      tidy(dirname(this.#path), fstatSync(this.#file).mtimeMs);
    });
  }

  write(content: string | Uint8Array): void {
    const bytes = typeof content === "string" ? Buffer.from(content) : content;
    this.#orNothing(() => {
      for (let done = 0; done < bytes.length; )
        done += writeSync(this.#opened(), bytes, done, Math.min(WRITE_BYTES, bytes.length - done));
    });
  }

  /** Ends the file; it is on the disk when this returns, and has no name yet. */
  end(): void {
    this.#orNothing(() => {
      fsyncSync(this.#opened());
      this.#close();
    });
  }

  /** Gives the file its name, and ends it before where it has not ended. */
  finish(): void {
    if (this.#file !== null) this.end();
    this.#orNothing(() => renameSync(this.#temporary, this.#path));
    this.#isNamed = true;
  }

  /** Gives the file its name where no other one has it. Returns whether it has. */
  finishNew(): boolean {
    if (this.#file !== null) this.end();
    this.#orNothing(() => {
      try {
        linkSync(this.#temporary, this.#path); // unlike a renamed file, a linked one takes no other's place
        this.#isNamed = true;
      } catch {
        if (existsSync(this.#path)) return;
        renameSync(this.#temporary, this.#path); // some file systems have no links
        this.#isNamed = true;
      }
    });
    removeQuietly(this.#temporary);
    return this.#isNamed;
  }

  [Symbol.dispose](): void {
    if (this.#isNamed) return;
    this.#close();
    removeQuietly(this.#temporary);
  }

  /** Does a step; one that fails is the end of the file. */
  #orNothing(step: () => void): void {
    beatIfDue(); // of thousands of files, each is waited for until the disk has it
    try {
      step();
    } catch (error) {
      this.#close();
      removeQuietly(this.#temporary);
      throw systemFault(this.#path, error);
    }
  }

  #opened(): number {
    if (this.#file === null) throw new Error(`${this.#path}: got a file that has ended, expected an open one`);
    return this.#file;
  }

  #close(): void {
    const file = this.#file;
    this.#file = null;
    if (file !== null) closeSync(file);
  }
}

/**
 * Files that are of use together alone: they get their names when all of them are written, in that order. Where the
 * system refuses one, or they are disposed of before, none of them is there, nor a folder that was made for them. Each
 * method throws UserError where the system refuses to write.
 */
export class WholeFiles implements Disposable {
  readonly #files = new Map<string, WholeFile>();
  /** Folders that were made for them, and files that took no other's place: the innermost and the latest first. */
  readonly #added: string[] = [];
  #isDone = false;

  write(path: string, content: string | Uint8Array): void {
    this.#added.unshift(...makeFolder(dirname(path), path));
    const file = new WholeFile(path);
    this.#files.set(path, file);
    file.write(content);
    file.end();
  }

  finish(): void {
    for (const [path, file] of this.#files) {
      const isNew = !existsSync(path);
      file.finish();
      if (isNew) this.#added.unshift(path);
    }
    this.#isDone = true;
  }

  [Symbol.dispose](): void {
    if (this.#isDone) return;
    for (const file of this.#files.values()) file[Symbol.dispose]();
    for (const path of this.#added) removeIfEmpty(path);
  }
}

/** Removes a file, or a folder with nothing in it. */
function removeIfEmpty(path: string): void {
  try {
    if (statSync(path).isDirectory()) rmdirSync(path);
    else rmSync(path);
  } catch {
    // Something else is in the folder by now.
  }
}

/** The file that a link leads to, which is written in place of the link; any other path as it is. */
function behindLinks(path: string): string {
  return isLink(path) && existsSync(path) ? realpathSync(path) : path;
}

function isLink(path: string): boolean {
  try {
    return lstatSync(path).isSymbolicLink();
  } catch {
    return false; // what is wrong with the path is said when it is written
  }
}

/**
 * Throws UserError where a file cannot be written: where a device, a pipe or a socket has the name, whose place it
 * would take, where nothing may be written into the folder, or where that is a file.
 */
export function checkPlace(path: string): void {
  try {
    const target = behindLinks(path);
    const stats = statSync(target, { throwIfNoEntry: false });
    if (stats && !stats.isFile() && !stats.isDirectory()) {
      const what = stats.isFIFO() ? "a pipe" : stats.isSocket() ? "a socket" : "a device";
      throw new UserError(`${path}: not written: got ${what}, expected the name of a file`);
    }
    let above = dirname(resolve(target));
    while (!existsSync(above)) above = dirname(above);
    accessSync(`${above}/.`, constants.W_OK); // which a file has not
  } catch (error) {
    throw systemFault(path, error);
  }
}

/** The folders that this process has tidied already: looking through a large one for every file would take long. */
const tidied = new Set<string>();

function tidy(folder: string, now: number): void {
  const path = resolve(folder);
  if (tidied.has(path)) return;
  tidied.add(path);
  removeRemains(path, now);
}

/** Writes a file that its owner alone may read, and that must be new. Throws UserError. */
export function writeSecret(path: string, content: string): void {
  let file: number | null = null;
  try {
    makeFolder(dirname(path), path);
    file = openSync(path, "wx", 0o600);
    writeSync(file, content);
    fsyncSync(file);
  } catch (error) {
    if (file !== null) rmSync(path, { force: true });
    throw systemFault(path, error);
  } finally {
    if (file !== null) closeSync(file);
  }
}

/** The bytes of a file, which may come through a pipe. Throws FormatError where it cannot be read, or has no end. */
export function readWhole(path: string): Buffer {
  const stats = statsOf(path);
  if (stats?.isCharacterDevice() || stats?.isBlockDevice())
    throw new FormatError(path, "got a device, expected a file or a pipe");
  try {
    return readFileSync(path);
  } catch (error) {
    throw readFault(path, error);
  }
}

/** JSON as people read it. */
export function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
