import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { FormatError } from "../../format/errors.ts";
import { isHashKey } from "../../format/fitted-spec.ts";
import { readWhole, writeNew, writeWhole } from "../io/files.ts";

// The secret that row keys are hashed with, 32 hex digits in a file of its own. A cache of encoded logs has one, which
// is drawn when its first log is encoded, so that equal trainings from one cache are equal to the bit. A run folder has
// that of its training, for another place to repeat it.

const FILE = "hash-key";
const KEY_BYTES = 16;

/** The hash key that a folder holds; null where it holds none. Throws FormatError where the file is broken. */
export function savedHashKey(folder: string): string | null {
  const path = join(folder, FILE);
  if (!existsSync(path)) return null;
  const key = readWhole(path).toString("utf8").trim();
  if (!isHashKey(key))
    throw new FormatError(
      path,
      "got another text, expected 32 lower-case hex digits; without the file, a key is drawn",
    );
  return key;
}

export function saveHashKey(folder: string, key: string): void {
  writeWhole(join(folder, FILE), textOf(key));
}

function textOf(key: string): string {
  return `${key}\n`;
}

/** The hash key of a cache, drawn the first time. */
export function cacheHashKey(cache: string): string {
  const saved = savedHashKey(cache);
  if (saved !== null) return saved;
  // Another process may draw one at the same time: the first that is there counts.
  writeNew(join(cache, FILE), textOf(randomBytes(KEY_BYTES).toString("hex")));
  return savedHashKey(cache) as string;
}
