import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { makeFolder } from "./folders.ts";
import { hasHeartbeat, isSilent, keepAlive, lastSign } from "./heartbeat.ts";

// What is not whole yet has a name that no two processes ever choose, beside the name that it gets when it is whole. So
// nobody owns such a name, and nobody is in anybody's way. What a killed process leaves is removed when it has given no
// sign of life for a while.

/** No other program's file is taken for a left-over. In a cache, earlier versions had names with process ids. */
const NAME = /\.deepfm-edge-[0-9a-f]{16}\.tmp$|^[0-9a-f]{32}\.\d+\.tmp$/;

/**
 * A name to write under what shall be called `path` when it is whole: in the same folder, so that it can be renamed.
 */
export function temporaryPath(path: string): string {
  return `${path}.deepfm-edge-${randomBytes(8).toString("hex")}.tmp`;
}

/**
 * Removes files and folders with temporary names that have given no sign of life lately. `now`: the time of the
 * folder's file system, in milliseconds; null for whoever alone writes in the folder, where all of them are left-overs.
 */
export function removeRemains(folder: string, now: number | null): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (isTemporary(name) && (now === null || isSilent(path, now))) removeQuietly(path);
  }
}

/** Removes a file or folder, if it is there and the system lets it go: it is in nobody's way. */
export function removeQuietly(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // Another process removes it at the same time, or the path leads through a file.
  }
}

/** Whether a file's name is that of one which is not whole. */
export function isTemporary(name: string): boolean {
  return NAME.test(name);
}

/** A new folder to work in, which goes when it is disposed of, if it has not got its final name before. */
export class TemporaryFolder implements Disposable {
  readonly path: string;
  readonly #life: Disposable;

  /** Makes one in `parent`, which is made too, and removes what killed processes left there. */
  constructor(parent: string, name: string) {
    makeFolder(parent);
    this.path = temporaryPath(join(parent, name));
    mkdirSync(this.path);
    this.#life = keepAlive(this.path);
    removeRemains(parent, lastSign(this.path));
  }

  /** Whether it is still there. Another process takes it for a left-over where this one was asleep for long. */
  get intact(): boolean {
    return hasHeartbeat(this.path);
  }

  /** Gives it its final name. Throws the system's error where there is something of that name already. */
  publish(path: string): void {
    renameSync(this.path, path);
  }

  [Symbol.dispose](): void {
    this.#life[Symbol.dispose]();
    removeQuietly(this.path);
  }
}
