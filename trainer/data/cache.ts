import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import * as v from "valibot";
import { parseJson, parseWith } from "../../format/parse.ts";
import { systemFault, toJson } from "../io/files.ts";

// Encoded logs on disk, each in a folder that is named by the hash of what it was made from. A folder is made under
// another name and renamed when it is whole, so that a full disk or a kill leaves nothing under its final name.

/** To be raised whenever the files or the encoding change, so that old entries are not found. */
const CACHE_VERSION = 1;
const META = "meta.json";

const place = v.object({ offset: v.number(), bytes: v.number(), records: v.number() });
const input = v.object({ path: v.string(), bytes: v.number(), modified: v.number() });
const MetaSchema = v.object({
  /** What the entry was made from, for people who look. */
  inputs: v.array(input),
  warnings: v.array(v.string()),
  records: v.number(),
  shards: v.array(place),
  /** For a training log: the fitted spec. */
  fitted: v.optional(v.unknown()),
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
 * The entry of a cache for a key, which is anything that JSON can hold. Where there is none yet, `build` makes it in
 * the folder that it is given. Throws UserError where the system does not let it be written.
 */
export async function cached(
  cache: string,
  key: unknown,
  inputs: readonly CacheInput[],
  build: (folder: string) => Promise<BuiltMeta>,
): Promise<CacheEntry> {
  const hash = createHash("sha256")
    .update(JSON.stringify([CACHE_VERSION, key, inputs]))
    .digest("hex")
    .slice(0, 32);
  const folder = join(cache, hash);
  const found = load(folder);
  if (found) return found;

  mkdirSync(cache, { recursive: true });
  removeRemains(cache);
  const unfinished = join(cache, `${hash}.${process.pid}.tmp`);
  mkdirSync(unfinished);
  try {
    const meta = { inputs: [...inputs], ...(await build(unfinished)) };
    rmSync(temporaryOf(unfinished), { recursive: true, force: true });
    writeFileSync(join(unfinished, META), toJson(meta), { flush: true });
    if (existsSync(folder))
      rmSync(unfinished, { recursive: true }); // another process was first
    else renameSync(unfinished, folder);
    return load(folder) ?? { folder, meta };
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    throw systemFault(cache, error);
  }
}

/** Where DuckDB may spill while an entry is made. */
export function temporaryOf(folder: string): string {
  return join(folder, "duckdb");
}

function load(folder: string): CacheEntry | null {
  const path = join(folder, META);
  if (!existsSync(path)) return null;
  return { folder, meta: parseWith(MetaSchema, parseJson(readFileSync(path, "utf8"), path), path) };
}

/** Removes what killed processes left, and the entries that can never be used again as their inputs have changed. */
function removeRemains(cache: string): void {
  for (const name of readdirSync(cache)) {
    const owner = /\.(\d+)\.tmp$/.exec(name)?.[1];
    const entry = /^[0-9a-f]{32}$/.test(name) ? load(join(cache, name)) : null;
    if (owner === undefined ? entry?.meta.inputs.some(hasChanged) : !isRunning(Number(owner)))
      rmSync(join(cache, name), { recursive: true, force: true });
  }
}

function hasChanged({ path, bytes, modified }: CacheInput): boolean {
  if (!existsSync(path)) return false; // it may come back
  const { size, mtimeMs } = statSync(path);
  return size !== bytes || mtimeMs !== modified;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
