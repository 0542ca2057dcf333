import { existsSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

// Signs of life in folders that processes share, perhaps those of several machines or containers: a file that is
// written anew every few seconds. Its time is the file system's, and it is compared with times of the same file system
// alone: so it does not matter which clock is right, and neither does a process id, which another container may have
// too.

const FILE = "heartbeat";
const BEAT_SECONDS = 5;
/** Whatever gives no sign for so long is dead. A step that may block a process for longer has to give signs itself. */
const SILENT_SECONDS = 60;

/** The folders that this process keeps alive. */
const alive = new Set<string>();

let beating = false;
/** When the last signs were given, in milliseconds of `performance.now()`. */
let beatAt = 0;

/** Gives signs of life in a folder until what is returned is disposed of, or the process ends. */
export function keepAlive(folder: string): Disposable {
  beat(folder, "w");
  alive.add(folder);
  if (!beating) setInterval(beatAll, 1000 * BEAT_SECONDS).unref();
  beating = true;
  return { [Symbol.dispose]: () => void alive.delete(folder) };
}

/**
 * Gives signs of life where they are due: for steps that block the process for as long as its work is large, such as
 * writing thousands of files, while no timer fires.
 */
export function beatIfDue(): void {
  if (alive.size > 0 && performance.now() - beatAt >= 1000 * BEAT_SECONDS) beatAll();
}

function beatAll(): void {
  beatAt = performance.now();
  for (const folder of alive) beat(folder, "r+");
}

function beat(folder: string, flag: "w" | "r+"): void {
  try {
    writeFileSync(join(folder, FILE), ".", { flag });
  } catch {
    // The folder is gone, or its disk is full or can only be read. Whoever works in it will see that.
  }
}

/** Whether a folder is the one that was kept alive, and not one that was made anew under its name. */
export function hasHeartbeat(folder: string): boolean {
  return existsSync(join(folder, FILE));
}

/**
 * When a file or folder, or something in the folder, was last written: milliseconds of the file system's clock. 0 where
 * there is no such thing.
 */
export function lastSign(path: string): number {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) return 0;
  const inside = found.isDirectory() ? namesIn(path).map((name) => join(path, name)) : [];
  return Math.max(found.mtimeMs, ...inside.map((one) => statSync(one, { throwIfNoEntry: false })?.mtimeMs ?? 0));
}

/** None where the folder has just gone: others remove theirs while this process looks. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/**
 * Whether a path has given no sign of life for `seconds` when the file system's clock was at `now`, in milliseconds. A
 * sign from the future is one from before the clock was set back: what is alive has given a new one since.
 */
export function isSilent(path: string, now: number, seconds = SILENT_SECONDS): boolean {
  return Math.abs(now - lastSign(path)) > 1000 * seconds;
}
