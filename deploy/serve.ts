import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { QUIET, WRANGLER_CONFIG, wrangler } from "./wrangler.ts";

/** A Worker that runs in workerd on this machine until it is disposed. */
export interface LocalServer extends AsyncDisposable {
  url: URL;
}

/** Starts the Worker over the KV in `persistTo`, where `publish` put a model; 0 is a free port. It needs no token. */
export async function serve(persistTo: string, port = 0): Promise<LocalServer> {
  Object.assign(process.env, QUIET);
  const { unstable_startWorker } = await import("wrangler");
  const worker = await unstable_startWorker({
    config: WRANGLER_CONFIG,
    build: { custom: { command: "" } }, // the kernels are there: the command line has built them
    bindings: { AUTH: { type: "plain_text", value: "off" } },
    dev: {
      persist: persistTo,
      server: { hostname: "127.0.0.1", port },
      inspector: false,
      watch: false,
      logLevel: "error",
    },
  });
  await worker.ready;
  return { url: await worker.url, [Symbol.asyncDispose]: () => worker.dispose() };
}

/** Bytes of the Worker's upload, gzipped, without any model: what `wrangler deploy` would send. */
export async function bundleBytes(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-"));
  try {
    await wrangler(["deploy", "--dry-run", "--outdir", folder], WRANGLER_CONFIG, dirname(WRANGLER_CONFIG));
    const files = readdirSync(folder).filter((file) => /\.(js|wasm)$/.test(file));
    return files.reduce((sum, file) => sum + gzipSync(readFileSync(join(folder, file))).length, 0);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
