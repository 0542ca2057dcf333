import { accessSync, constants, existsSync, realpathSync, rmdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as wait } from "node:timers/promises";
import { UserError } from "../errors.ts";
import { warn } from "../terminal/warning.ts";
import { makeFolder } from "./folders.ts";
import { systemFault } from "./system-fault.ts";
import { removeRemains } from "./temporary.ts";

const FILE = ".lock";
/** SQLite's codes (sqlite.org/rescode.html): another process has the lock; the file holds something else. */
const BUSY = 5;
const NOT_A_DATABASE = 26;

/** Milliseconds between two looks at a lock that another process has. */
const LOOK_MS = 100;

/** Another process, or another part of this one, has the lock of a folder. */
export class FolderInUse extends UserError {}

/**
 * The folders that this process has locked: the system's locks only tell processes apart. It keeps their databases too,
 * as one that nothing refers to is closed when garbage is collected.
 */
const locked = new Map<string, DatabaseSync | null>();

/**
 * The right to be the only one who writes into a folder, until it is disposed of. The system takes it from a process
 * that ends, however it ends, so that a killed one is in nobody's way. Node cannot lock a file, but the SQLite in it
 * can: the lock is an open transaction of an empty database. Nothing else may open the file: closing it would give the
 * lock up.
 */
export class FolderLock implements Disposable {
  readonly #folder: string;
  /** Null where the file system knows no locks. */
  readonly #database: DatabaseSync | null;
  /** The folders that had to be made, the innermost first. */
  readonly #made: readonly string[];

  /**
   * Takes the lock of a folder, which is made where there is none, and removes what killed processes left in it. Throws
   * UserError where another process has the lock. `patience`: milliseconds to wait for it.
   */
  constructor(folder: string, patience = 0) {
    this.#made = makeFolder(folder);
    this.#folder = realpathSync(folder);
    if (locked.has(this.#folder)) throw inUse(folder);
    this.#database = lock(folder, patience);
    locked.set(this.#folder, this.#database);
    removeRemains(folder, null);
  }

  /**
   * Takes it once whoever has it gives it up; `tell` is told once that it is being waited for. Throws UserError as the
   * constructor does, after `waitMs` also where another still has it.
   */
  static async waitFor(folder: string, waitMs: number, tell: () => void): Promise<FolderLock> {
    const started = performance.now();
    for (let looks = 0; ; looks++) {
      try {
        return new FolderLock(folder);
      } catch (error) {
        if (!(error instanceof FolderInUse) || performance.now() - started >= waitMs) throw error;
        if (looks === 0) tell();
        await wait(LOOK_MS);
      }
    }
  }

  /** Gives it up. A folder that was made for it goes where nothing was written. */
  [Symbol.dispose](): void {
    locked.delete(this.#folder);
    rmSync(join(this.#folder, FILE), { force: true });
    this.#database?.close();
    try {
      for (const made of this.#made) rmdirSync(made);
    } catch {
      // There is something in it.
    }
  }
}

function lock(folder: string, patience: number): DatabaseSync | null {
  const path = join(folder, FILE);
  while (true) {
    makeFolder(folder);
    const before = inodeOf(path);
    let database: DatabaseSync | null = null;
    try {
      database = new DatabaseSync(path, { timeout: patience });
      database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    } catch (error) {
      database?.close();
      if (!existsSync(folder)) continue; // whoever had made it for a lock has given that up
      checkRefusal(folder, error);
      return null;
    }
    // Whoever gives a lock up removes its file: then this is the lock of a file that is no longer there.
    if (before !== null && inodeOf(path) === before) return database;
    database.close();
  }
}

/** Throws what the user can mend; otherwise says that there is no lock. */
function checkRefusal(folder: string, error: unknown): void {
  const { errcode, message } = error as Error & { errcode?: number };
  const path = join(folder, FILE);
  if (errcode === BUSY) throw inUse(folder);
  if (errcode === NOT_A_DATABASE) throw new UserError(`${path}: got another program's file, expected none: move it`);
  try {
    accessSync(folder, constants.W_OK);
  } catch (refusal) {
    throw systemFault(folder, refusal);
  }
  warn(`${path}: cannot be locked (${message}): nothing else should write into ${folder} meanwhile`);
}

function inUse(folder: string): FolderInUse {
  return new FolderInUse(
    `${folder}: got a folder that another process is writing into (it has locked ${join(folder, FILE)}), expected one ` +
      "that is free: choose another folder, or wait until it has ended",
  );
}

function inodeOf(path: string): bigint | null {
  return statSync(path, { bigint: true, throwIfNoEntry: false })?.ino ?? null;
}
