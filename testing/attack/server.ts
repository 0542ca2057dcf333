// The Worker as it is deployed, in a workerd of its own over real KV, without wrangler's proxy before it.
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { WRANGLER_CONFIG, wrangler } from "../../deploy/wrangler.ts";
import { blobKey, pageKey, pointerKey, writePointer } from "../../format/store.ts";
import { generateToken, SCOPES, type Scope, writeTokenEntry } from "../../format/tokens.ts";
import type { MemoryReport } from "../../worker/memory/memory-budget.ts";
import { childrenNamed } from "../processes.ts";
import type { AttackModel } from "./model.ts";

export interface AttackedServer extends AsyncDisposable {
  url: URL;
  /** The process id of workerd; null where the system does not tell. */
  pid: number | null;
  /** What the Worker's own budget of memory says. */
  memory(): Promise<MemoryReport>;
  /** What the Worker has logged as an error since the last call, a line each. */
  takeErrors(): string[];
}

/** The tokens that the Worker knows. */
export const TOKENS: Readonly<Record<Scope, string>> = { score: generateToken(), admin: generateToken() };

/**
 * Megabytes of V8's heap. An isolate of the platform has 128 MB, of which the Worker keeps account of 96 MiB, most of
 * them arrays outside of the heap. The local runtime has no limit of its own, and would let garbage lie.
 */
const HEAP_MB = 32;

/** Bundles the Worker as wrangler would upload it, and starts it in workerd over KV that has the model. */
export async function startServer(model: AttackModel): Promise<AttackedServer> {
  const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-attack-"));
  const errors: string[] = [];
  let miniflare: Miniflare | undefined;
  const stop = async (): Promise<void> => {
    await miniflare?.dispose();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const kv = join(folder, "kv");
    await publishTo(kv, model);
    const bundle = join(folder, "bundle");
    await wrangler(["deploy", "--dry-run", "--outdir", bundle]);
    const others = new Set(childrenNamed("workerd"));
    process.env.MINIFLARE_WORKERD_V8_FLAGS = `--max-heap-size=${HEAP_MB}`;
    miniflare = new Miniflare(
      convertV4MiniflareOptions({
        modules: [
          { type: "ESModule", path: join(bundle, "index.js") },
          ...globSync("*.wasm", { cwd: bundle }).map((name) => ({
            type: "CompiledWasm" as const,
            path: join(bundle, name),
          })),
        ],
        modulesRoot: bundle,
        compatibilityDate: compatibilityDate(),
        kvNamespaces: ["MODELS"],
        unsafeDirectSockets: [{ host: "127.0.0.1" }], // without miniflare's own Worker before this one
        resourcePersistencePath: kv,
        bindings: { TOKENS: await entriesOf(TOKENS) },
        handleStructuredLogs({ level, message }) {
          if (level === "error") errors.push(message);
        },
      }),
    );
    await miniflare.ready;
    const url = await miniflare.unsafeGetDirectURL();
    const pid = childrenNamed("workerd").find((child) => !others.has(child)) ?? null;
    return {
      url,
      pid,
      async memory() {
        const response = await fetch(new URL("/readyz", url), { headers: { authorization: `Bearer ${TOKENS.admin}` } });
        return ((await response.json()) as { memory: MemoryReport }).memory;
      },
      takeErrors: () => errors.splice(0),
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Publishes the model to KV in a folder, from a workerd that ends then: its garbage would count as the Worker's. */
async function publishTo(folder: string, { name, version, blob, pages }: AttackModel): Promise<void> {
  const script = "export default { fetch: () => new Response() }";
  const publisher = new Miniflare(
    convertV4MiniflareOptions({ modules: true, script, kvNamespaces: ["MODELS"], resourcePersistencePath: folder }),
  );
  try {
    const kv = await publisher.getKVNamespace("MODELS");
    for (const { digest, bytes } of pages) await kv.put(pageKey(digest), Buffer.from(bytes).toString("base64"));
    await kv.put(blobKey(version), Uint8Array.from(blob).buffer);
    await kv.put(pointerKey(), writePointer({ model: name, version }));
  } finally {
    await publisher.dispose();
  }
}

/** The setting of the Worker that makes the tokens known to it. */
async function entriesOf(tokens: Record<Scope, string>): Promise<string> {
  return (await Promise.all(SCOPES.map((scope) => writeTokenEntry(scope, scope, tokens[scope])))).join(" ");
}

function compatibilityDate(): string {
  const date = /^compatibility_date = "(.*)"$/m.exec(readFileSync(WRANGLER_CONFIG, "utf8"))?.[1];
  if (date === undefined) throw new Error(`${WRANGLER_CONFIG}: got no compatibility_date`);
  return date;
}
