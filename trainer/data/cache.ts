import { createHash } from "node:crypto";
import { existsSync, readdirSync, renameSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import * as v from "valibot";
import { FormatError } from "../../format/errors.ts";
import { UserError } from "../errors.ts";
import { isSilent, keepAlive, lastSign } from "../io/heartbeat.ts";
import { readJson, writeJson } from "../io/json-file.ts";
import { readFault, systemFault } from "../io/system-fault.ts";
import { removeQuietly, TemporaryFolder, temporaryPath } from "../io/temporary.ts";
import { warn } from "../terminal/warning.ts";
import { LabelCountsSchema } from "./label-counts.ts";

// Encoded logs on disk, each in a folder that is named by the hash of what it was made from. Processes share a cache,
// perhaps those of several machines or containers, and none owns anything in it: each makes the entry that it lacks in
// a folder of its own, which gets its final name when it is whole. Whoever comes second uses the entry of the first. So
// a full disk or a kill leaves nothing under a final name.

/** To be raised whenever the files, the encoding or what is read of a log change, so that old entries are not found. */
const CACHE_VERSION = 7;
const META = "meta.json";
/**
 * An entry whose inputs have changed is of no use to later runs, but one may still be reading it: it stays until nobody
 * has for so long.
 */
const UNUSED_SECONDS = 600;
/** How often an entry is made anew whose folder another process took for a left-over while this one was asleep. */
const MOST_BUILDS = 3;

const place = v.object({ offset: v.number(), bytes: v.number(), records: v.number() });
const input = v.object({ path: v.string(), bytes: v.number(), modified: v.number() });
const MetaSchema = v.object({
  /** What the entry was made from, for people who look. */
  inputs: v.array(input),
  warnings: v.array(v.string()),
  records: v.number(),
  labels: LabelCountsSchema,
  shards: v.array(place),
  /** For a training log: the fitted spec, and what is in its fields. */
  fitted: v.optional(v.unknown()),
  values: v.optional(v.unknown()),
  /** For a held-out log: for each field how many values there are, and how many of them have no row. */
  uses: v.optional(v.array(v.number())),
  unseen: v.optional(v.array(v.number())),
});
type CacheMeta = v.InferOutput<typeof MetaSchema>;
/** What `build` knows of the entry that it made. */
export type BuiltMeta = Omit<CacheMeta, "inputs">;
export type CacheInput = v.InferOutput<typeof input>;

export interface CacheEntry {
  folder: string;
  meta: CacheMeta;
}

/** Identifies files by path, size and time of change. */
export function inputsOf(files: readonly string[]): CacheInput[] {
  return files.map((file) => {
    const { size, mtimeMs } = statSync(file);
    return { path: resolve(file), bytes: size, modified: mtimeMs };
  });
}

/**
 * What is in the entry of a cache for a key, which is anything that JSON can hold. `open` reads an entry and throws
 * FormatError where it is damaged. Where there is none yet, or a damaged one, `build` makes it in the folder that it is
 * given. Throws UserError where the system does not let it be written.
 */
export async function cached<T>(
  cache: string,
  key: unknown,
  inputs: readonly CacheInput[],
  build: (folder: string) => Promise<BuiltMeta>,
  open: (entry: CacheEntry) => T,
): Promise<T> {
  const hash = createHash("sha256")
    .update(JSON.stringify([CACHE_VERSION, key, inputs]))
    .digest("hex")
    .slice(0, 32);
  const folder = join(cache, hash);
  for (let builds = 1; ; builds++) {
    if (builds > MOST_BUILDS) throw new UserError(`${cache}: got the unfinished entry removed ${MOST_BUILDS} times`);
    const found = openWhole(folder, open);
    if (found) return found.opened;
    using unfinished = newFolder(cache, hash);
    try {
      removeUnused(cache, lastSign(unfinished.path));
      const meta = { inputs: [...inputs], ...(await build(unfinished.path)) };
      writeJson(join(unfinished.path, META), meta);
      if (unfinished.intact) return publish(unfinished, folder, open);
    } catch (error) {
      if (unfinished.intact) throw systemFault(unfinished.path, error);
    }
  }
}

function newFolder(cache: string, hash: string): TemporaryFolder {
  try {
    return new TemporaryFolder(cache, hash);
  } catch (error) {
    throw systemFault(cache, error);
  }
}

/** An entry, if it is there and whole; then it is kept alive as long as this process lives. */
function openWhole<T>(folder: string, open: (entry: CacheEntry) => T): { opened: T } | null {
  if (!existsSync(folder)) return null;
  try {
    const opened = open({ folder, meta: readJson(join(folder, META), MetaSchema) });
    keepAlive(folder);
    return { opened };
  } catch (error) {
    const fault = readFault(folder, error);
    if (!(fault instanceof FormatError)) throw fault;
    if (existsSync(folder)) warn(`${fault.message}: this entry of the cache is made again`);
    return null;
  }
}

/** Gives a folder that is whole its final name, or opens the entry that another process published meanwhile. */
function publish<T>(unfinished: TemporaryFolder, folder: string, open: (entry: CacheEntry) => T): T {
  if (existsSync(folder)) {
    const winner = openWhole(folder, open);
    if (winner) return winner.opened;
    moveAway(folder);
  }
  try {
    unfinished.publish(folder);
  } catch (error) {
    if (!existsSync(folder)) throw error; // otherwise another process was first
  }
  keepAlive(folder);
  return open({ folder, meta: readJson(join(folder, META), MetaSchema) });
}

/** Removes an entry in one step, as others see it. */
function moveAway(folder: string): void {
  const away = temporaryPath(folder);
  try {
    renameSync(folder, away);
  } catch {
    return; // another process was first
  }
  removeQuietly(away);
}

/**
 * Removes the entries that can never be used again, as their inputs have changed, and that nobody is reading. `now`:
 * the time of the cache's file system, in milliseconds.
 */
function removeUnused(cache: string, now: number): void {
  for (const name of readdirSync(cache)) {
    const folder = join(cache, name);
    const path = join(folder, META);
    if (!/^[0-9a-f]{32}$/.test(name) || !existsSync(path)) continue;
    try {
      const { inputs } = readJson(path, v.object({ inputs: v.array(input) }));
      if (inputs.some(hasChanged) && isSilent(folder, now, UNUSED_SECONDS)) moveAway(folder);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      warn(`${error.message}: this entry of the cache is passed over, and may be deleted`);
    }
  }
}

function hasChanged({ path, bytes, modified }: CacheInput): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) return false; // it may come back
  return found.size !== bytes || found.mtimeMs !== modified;
}
