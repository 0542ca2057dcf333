import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** `maxRows` of worker/limits.ts, as a bundle has it. */
const MAX_ROWS = /\bmaxRows:\s*32\s*\*\s*\w+/g;

/**
 * Has the Worker of a bundle's folder keep so many bytes of rows, which `cachedRowBytes` sets where an application
 * mounts it. Throws where the bundle has no such limit, or more than one.
 */
export function limitCachedRows(folder: string, bytes: number): void {
  const script = join(folder, "index.js");
  const text = readFileSync(script, "utf8");
  const found = text.match(MAX_ROWS)?.length ?? 0;
  if (found !== 1) throw new Error(`${script}: got ${found} places that match ${MAX_ROWS}, expected 1`);
  writeFileSync(script, text.replace(MAX_ROWS, `maxRows: ${bytes}`));
}
