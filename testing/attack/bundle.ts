import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WRANGLER_CONFIG, wrangler } from "../../deploy/wrangler.ts";

/** A Worker as wrangler would upload it. */
export interface WorkerBundle extends AsyncDisposable {
  /** Has index.js, and modules of WebAssembly. */
  folder: string;
  compatibilityDate: string;
}

/** Bundles the Worker, or the one that begins with the file `entry`, which must be called index.ts. */
export async function bundleWorker(entry?: string): Promise<WorkerBundle> {
  const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-bundle-"));
  const bundle = {
    ...{ folder, compatibilityDate: compatibilityDate() },
    [Symbol.asyncDispose]: async () => rmSync(folder, { recursive: true, force: true }),
  };
  await using stack = new AsyncDisposableStack();
  stack.use(bundle);
  await wrangler(["deploy", ...(entry === undefined ? [] : [entry]), "--dry-run", "--outdir", folder]);
  stack.move();
  return bundle;
}

/** The one of wrangler.toml. */
export function compatibilityDate(): string {
  const date = /^compatibility_date = "(.*)"$/m.exec(readFileSync(WRANGLER_CONFIG, "utf8"))?.[1];
  if (date === undefined) throw new Error(`${WRANGLER_CONFIG}: got no compatibility_date`);
  return date;
}
