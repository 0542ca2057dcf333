import { globSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { sha256, toHex } from "../../format/hash.ts";
import { pageDigest } from "../../format/page.ts";
import { writeDefault, writePointer } from "../../format/pointer.ts";
import { readManifest } from "../../format/read-blob.ts";
import { blobKey, defaultKey, pageKey, pointerKey } from "../../format/store.ts";
import { runTool } from "./installed.ts";

const COMPATIBILITY_DATE = "2026-10-20";

/** Bundles app/worker.ts as wrangler would upload it, and starts it in workerd; its KV namespace is empty. */
export async function startMounted(folder: string): Promise<Miniflare> {
  const config = { name: "app", main: "worker.ts", compatibility_date: COMPATIBILITY_DATE, send_metrics: false };
  writeFileSync(join(folder, "wrangler.json"), JSON.stringify(config));
  await runTool(folder, "wrangler/bin/wrangler.js", ["deploy", "--dry-run", "--outdir", "out"]);
  const out = join(folder, "out");
  const kernels = globSync("*.wasm", { cwd: out });
  const options = convertV4MiniflareOptions({
    modules: [
      { type: "ESModule", path: join(out, "worker.js") },
      ...kernels.map((name) => ({ type: "CompiledWasm" as const, path: join(out, name) })),
    ],
    modulesRoot: out,
    compatibilityDate: COMPATIBILITY_DATE,
    kvNamespaces: ["CTR_MODELS"],
  });
  return new Miniflare(options);
}

/** Publishes a model as `deepfm-edge publish` does: pages, blob, pointer, default. Returns its version. */
export async function publishTo(miniflare: Miniflare, blob: Uint8Array, pages: Uint8Array[]): Promise<string> {
  const kv = await miniflare.getKVNamespace("CTR_MODELS");
  const version = toHex(await sha256(blob));
  for (const page of pages) await kv.put(pageKey(await pageDigest(page)), Buffer.from(page).toString("base64"));
  await kv.put(blobKey(version), Uint8Array.from(blob).buffer);
  const { name } = readManifest(blob).spec;
  await kv.put(pointerKey(name), writePointer({ version, since: Date.now(), previous: null }));
  await kv.put(defaultKey(), writeDefault(name));
  return version;
}
