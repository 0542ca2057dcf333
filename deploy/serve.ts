import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { type LocalServer, startDevServer } from "./dev-server.ts";
import { WRANGLER_CONFIG, wrangler } from "./wrangler.ts";

/** Milliseconds that a request waits for rows: its scores are compared with the trainer's, on a busy machine. */
const ROW_DEADLINE_MS = 5000;

/** Starts the Worker over the KV in `persistTo`, where `publish` put a model; 0 is a free port. It needs no token. */
export function serve(persistTo: string, port = 0): Promise<LocalServer> {
  const bindings = {
    AUTH: { type: "plain_text", value: "off" },
    ROW_DEADLINE_MS: { type: "plain_text", value: String(ROW_DEADLINE_MS) },
  } as const;
  return startDevServer(WRANGLER_CONFIG, { port, persistTo, bindings });
}

/** Bytes of the Worker's upload, gzipped, without any model: what `wrangler deploy` would send. */
export async function bundleBytes(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-"));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  process.once("exit", remove); // a signal may end the process first
  try {
    await wrangler(["deploy", "--env", "", "--dry-run", "--outdir", folder], WRANGLER_CONFIG, dirname(WRANGLER_CONFIG));
    const files = readdirSync(folder).filter((file) => /\.(js|wasm)$/.test(file));
    return files.reduce((sum, file) => sum + gzipSync(readFileSync(join(folder, file))).length, 0);
  } finally {
    process.removeListener("exit", remove);
    remove();
  }
}
